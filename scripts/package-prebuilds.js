// `npm run package:prebuilds`: the addon for the machine it runs on, stripped and judged, to prebuilds/TARGET/trunkline.node.
// Run on an arm64 or a musl machine it makes that one; the folders of several machines lie side by side in the package.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setup } = require('./support/setup.js');
const { run, ROOT } = require('./support/run.js');
const { problemsOf } = require('./support/binary-gates.js');
const { target } = require('../lib/target.js');
const { buildAddon, ADDON } = require('./build.js');

/** @param {string} command @param {string[]} args @returns {Promise<string>} */
async function outputOf(command, args) {
  const { ok, output } = await run(command, args, { env: { ...process.env, LC_ALL: 'C' } });
  if (!ok) throw new Error(`${command} failed\n${output}`);
  return output;
}

/** @param {string} file @returns {Promise<string[]>} one line for each reason not to ship it */
async function judge(file) {
  return problemsOf({
    symbols: await outputOf('objdump', ['-T', file]),
    dynamic: await outputOf('readelf', ['-d', file]),
    bytes: fs.statSync(file).size,
  });
}

/**
 * @param {string} addon as it was built
 * @param {string} folder where its folder is made
 * @returns {Promise<string>} the stripped file; there is none when a gate fails
 */
async function packagePrebuild(addon, folder) {
  if (process.platform !== 'linux') throw new Error(`binaries are shipped for Linux only; ${process.platform} builds its own with npm run build`);
  const shipped = path.join(folder, target(), 'trunkline.node');
  const judged = `${shipped}.judged`;
  fs.mkdirSync(path.dirname(shipped), { recursive: true });
  fs.rmSync(shipped, { force: true });
  try {
    await outputOf('strip', ['-o', judged, addon]);
    const problems = await judge(judged);
    if (problems.length > 0) throw new Error(`${path.relative(ROOT, addon)} is not fit to be shipped:\n  ${problems.join('\n  ')}`);
    await outputOf(process.execPath, ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', judged]);
    fs.renameSync(judged, shipped);
  } finally {
    fs.rmSync(judged, { force: true });
  }
  return shipped;
}

module.exports = { packagePrebuild };

async function main() {
  if (!setup()) throw new Error('setup did not finish');
  await buildAddon();
  const shipped = await packagePrebuild(ADDON, path.join(ROOT, 'prebuilds'));
  console.log(`package-prebuilds: ${path.relative(ROOT, shipped)}, ${(fs.statSync(shipped).size / 2 ** 20).toFixed(2)} MiB`);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`package-prebuilds: ${error.message}`);
    process.exitCode = 1;
  });
}
