// The types name what the package has, and docs/api says what the types say.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');
const { run, localBin, ROOT } = require('../../scripts/support/run.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const ENTRIES = { trunkline: 'index.d.ts', 'trunkline/lambda': 'lambda.d.ts', 'trunkline/sandbox': 'sandbox.d.ts' };
const LIMIT_MS = 120_000;

/** What is there at run time: types alone are left out. @param {string} file */
function valuesIn(file) {
  const program = ts.createProgram([path.join(ROOT, file)], { noLib: true, types: [], module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 });
  const checker = program.getTypeChecker();
  const source = /** @type {ts.SourceFile} */ (program.getSourceFile(path.join(ROOT, file)));
  const symbols = checker.getExportsOfModule(/** @type {ts.Symbol} */ (checker.getSymbolAtLocation(source)));
  const meant = symbols.map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
  return meant.filter(({ flags }) => flags & ts.SymbolFlags.Value).map(({ name }) => name).sort();
}

/** @param {string} folder @returns {Record<string, string>} */
function textsIn(folder) {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).sort();
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(folder, name), 'utf8')]));
}

describe('the API reference', () => {
  for (const [entry, file] of Object.entries(ENTRIES)) {
    it(`${file} names all that ${entry} has, and no more, for require and for import`, async () => {
      const values = valuesIn(file);
      assert.deepEqual(Object.keys(require(entry)).sort(), values);
      const imported = Object.keys(await import(entry)).filter((name) => name !== 'default' && name !== 'module.exports');
      assert.deepEqual(imported.sort(), values);
    });
  }

  it('has a word for each name, and follows from the types as they are', async function () {
    this.timeout(LIMIT_MS);
    const folder = makeTempDir();
    try {
      const { ok, output } = await run(localBin('typedoc'), ['--out', folder]);
      assert.ok(ok, output);
      assert.deepEqual(textsIn(path.join(ROOT, 'docs', 'api')), textsIn(folder), 'docs/api is not what the types say; run npm run docs:api');
    } finally {
      removeTempDir(folder);
    }
  });
});
