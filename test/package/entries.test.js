// Every entry point from CommonJS and from ESM: the same names, the same things.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { installedPackage, runIn } = require('../support/installed-package.js');

const ENTRIES = Object.keys(require('../../package.json').exports).filter((name) => name !== './package.json').map((name) => name.replace('.', 'trunkline'));
/** What Node adds to the namespace of a CommonJS module. */
const ADDED = ['default', 'module.exports'];

describe('the entry points', function entryPoints() {
  this.timeout(120_000);
  /** @type {import('../support/installed-package.js').Installed} */
  let app;
  before(async () => { app = await installedPackage(); });

  it('are these', () => {
    assert.deepEqual(ENTRIES, ['trunkline', 'trunkline/lambda', 'trunkline/sandbox']);
  });

  for (const entry of ENTRIES) {
    it(`${entry} has the same names for require and import`, async () => {
      const { stdout } = await runIn(app, ['--input-type=module', '-e', `
        import { createRequire } from 'node:module';
        import * as namespace from '${entry}';
        const required = createRequire(process.cwd() + '/x.js')('${entry}');
        const added = ${JSON.stringify(ADDED)};
        const imported = Object.keys(namespace).filter((name) => !added.includes(name));
        console.log(JSON.stringify({ required: Object.keys(required).sort(), imported: imported.sort(), different: imported.filter((name) => namespace[name] !== required[name]), whole: namespace.default === required }));`]);
      const { required, imported, different, whole } = JSON.parse(stdout);
      assert.ok(required.length > 0);
      assert.deepEqual(imported, required);
      assert.deepEqual([different, whole], [[], true]);
      // Named in an import statement, as people write it: a name that Node does not see is a SyntaxError.
      await runIn(app, ['--input-type=module', '-e', `import { ${required.join(', ')} } from '${entry}';`]);
    });
  }

  it('are all that there is: the files behind them are nobody\'s business, but package.json is', async () => {
    const { stdout } = await runIn(app, ['-e', "try { require('trunkline/lib/native.js'); } catch (error) { console.log(error.code); } console.log(require('trunkline/package.json').name);"]);
    assert.equal(stdout, 'ERR_PACKAGE_PATH_NOT_EXPORTED\ntrunkline\n');
  });

  it('load what they need only: the command line, pino and the sandbox are not loaded with the package', async () => {
    const { stdout } = await runIn(app, ['-e', "require('trunkline'); console.log(Object.keys(require.cache).join('\\n'));"]);
    const loaded = stdout.trim().split('\n').map((file) => path.relative(path.join(fs.realpathSync(app.folder), 'node_modules'), file));
    assert.deepEqual(loaded.filter((file) => !/^trunkline\/(?!lib\/(cli|sandbox)\/)/.test(file)), []);
  });
});
