// `npm run package:prebuilds`: the addon, stripped and judged, to prebuilds/TARGET/trunkline.node; of this machine, or with --target of another.
// The folders of several targets lie side by side in the package.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createHash } = require('node:crypto');
const { parseArgs } = require('node:util');
const { setup } = require('./support/setup.js');
const { run, ROOT } = require('./support/run.js');
const { problemsOf } = require('./support/binary-gates.js');
const { targetOf } = require('./support/targets.js');
const { buildAddon } = require('./build.js');

/** @typedef {import('./support/targets.js').Target} Target */

const PREBUILDS = path.join(ROOT, 'prebuilds');
/** What an addon is made of, and the file beside it that says of which. */
const SOURCES = ['CMakeLists.txt', 'binding', 'cmake', 'src'];
const MADE_OF = 'sources.sha256';
const LIMIT_MS = 120_000; // an emulated Node takes seconds

/** @param {string} command @param {string[]} args @returns {Promise<string>} */
async function outputOf(command, args) {
  const { ok, output } = await run(command, args, { env: { ...process.env, LC_ALL: 'C' }, timeoutMs: LIMIT_MS });
  if (!ok) throw new Error(`${command} failed\n${output}`);
  return output;
}

/** @param {string} file @param {Target} target @returns {Promise<string[]>} one line for each reason not to ship it */
async function judge(file, { toolPrefix }) {
  return problemsOf({
    symbols: await outputOf(`${toolPrefix}objdump`, ['-T', file]),
    dynamic: await outputOf(`${toolPrefix}readelf`, ['-d', file]),
    bytes: fs.statSync(file).size,
  });
}

/** @returns {string} the same on every machine */
function sourcesHash() {
  const hash = createHash('sha256');
  const files = SOURCES.flatMap((name) => (path.extname(name) !== '' ? [name]
    : fs.readdirSync(path.join(ROOT, name), { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile()).map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))));
  for (const file of files.sort()) hash.update(`${file}\0`).update(fs.readFileSync(path.join(ROOT, file))).update('\0');
  return hash.digest('hex');
}

/**
 * @param {string} addon as it was built
 * @param {string} folder where its folder is made
 * @param {Target} [target]
 * @returns {Promise<string>} the stripped file; there is none when a gate fails
 */
async function packagePrebuild(addon, folder, target = targetOf()) {
  if (!target.name.startsWith('linux-')) throw new Error(`binaries are shipped for Linux only; ${process.platform} builds its own with npm run build`);
  const place = path.join(folder, target.name);
  const shipped = path.join(place, 'trunkline.node');
  const judged = `${shipped}.judged`;
  fs.mkdirSync(place, { recursive: true });
  for (const file of [shipped, path.join(place, MADE_OF)]) fs.rmSync(file, { force: true });
  try {
    await outputOf(`${target.toolPrefix}strip`, ['-o', judged, addon]);
    const problems = await judge(judged, target);
    if (problems.length > 0) throw new Error(`${path.relative(ROOT, addon)} is not fit to be shipped:\n  ${problems.join('\n  ')}`);
    const [command, ...args] = [...target.emulator, target.node, '-e', 'process.dlopen({ exports: {} }, process.argv[1])', judged];
    await outputOf(command, args);
    fs.writeFileSync(path.join(place, MADE_OF), `${sourcesHash()}\n`);
    fs.renameSync(judged, shipped);
  } finally {
    fs.rmSync(judged, { force: true });
  }
  return shipped;
}

/**
 * What a package must not hold: a binary of other sources than its JavaScript.
 * @param {string} folder
 * @returns {string[]} the targets of such ones
 */
function outdated(folder) {
  const current = `${sourcesHash()}\n`;
  return fs.readdirSync(folder).filter((name) => {
    const file = path.join(folder, name, MADE_OF);
    return !fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== current;
  });
}

module.exports = { packagePrebuild, outdated };

async function main() {
  const { values } = parseArgs({ options: { target: { type: 'string' } } });
  const target = targetOf(values.target);
  if (!setup({ target })) throw new Error('setup did not finish');
  const shipped = await packagePrebuild(await buildAddon(target), PREBUILDS, target);
  console.log(`package-prebuilds: ${path.relative(ROOT, shipped)}, ${(fs.statSync(shipped).size / 2 ** 20).toFixed(2)} MiB`);
  // Without --target it is npm that packs, or a person who tries that out.
  const old = values.target === undefined ? outdated(PREBUILDS) : [];
  if (old.length > 0) throw new Error(`prebuilds/ holds what was built from other sources: make it anew (--target), or remove it: ${old.join(', ')}`);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`package-prebuilds: ${error.message}`);
    process.exitCode = 1;
  });
}
