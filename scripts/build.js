// `npm run build`: sets up what is missing and compiles the addon to build/Release/trunkline.node.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setup } = require('./support/setup.js');
const { addonApiDir } = require('./support/headers.js');
const { build, configureCommand } = require('./support/cmake.js');
const { ROOT } = require('./support/run.js');
const { targetOf } = require('./support/targets.js');

/** @typedef {import('./support/targets.js').Target} Target */

/** @param {Target} target */
function addonOf({ folder }) {
  return path.join(ROOT, folder, 'Release', 'trunkline.node');
}

const ADDON = addonOf(targetOf());

/**
 * @param {Target} [target]
 * @returns {Promise<string>} the addon's file
 * @throws {Error} whose message holds the compiler's output
 */
async function buildAddon(target = targetOf()) {
  const { writeErrorCodes } = require('./error-codes.js');
  writeErrorCodes();
  const startedMs = Date.now();
  const addon = addonOf(target);
  const before = fs.existsSync(addon) ? fs.statSync(addon).mtimeMs : 0;
  if (before === 0) console.log('build: compiling the addon; the first time takes a few minutes');
  const defines = ['-DCMAKE_BUILD_TYPE=Release', `-DNODE_INCLUDE_DIR=${target.includeDir()}`, `-DNODE_ADDON_API_DIR=${addonApiDir()}`, ...target.defines];
  await build({ folder: target.folder, configure: configureCommand(target.folder, defines) });
  if (!fs.existsSync(addon)) throw new Error(`the build made no ${path.relative(ROOT, addon)}`);
  if (fs.statSync(addon).mtimeMs !== before) {
    console.log(`build: ${path.relative(ROOT, addon)} in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
  }
  return addon;
}

module.exports = { buildAddon, ADDON };

if (require.main === module) {
  Promise.resolve()
    .then(() => (setup() ? buildAddon() : Promise.reject(new Error('setup did not finish'))))
    .catch((error) => {
      console.error(`build: ${error.message}`);
      process.exitCode = 1;
    });
}
