// `npm run build`: sets up what is missing and compiles the addon to build/Release/trunkline.node.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setup } = require('./support/setup.js');
const { nodeIncludeDir, addonApiDir } = require('./support/headers.js');
const { build, configureCommand } = require('./support/cmake.js');
const { ROOT } = require('./support/run.js');

const ADDON = path.join(ROOT, 'build', 'Release', 'trunkline.node');

/** @throws {Error} whose message holds the compiler's output */
async function buildAddon() {
  const { writeErrorCodes } = require('./error-codes.js');
  writeErrorCodes();
  const startedMs = Date.now();
  const before = fs.existsSync(ADDON) ? fs.statSync(ADDON).mtimeMs : 0;
  if (before === 0) console.log('build: compiling the addon; the first time takes a few minutes');
  const configure = configureCommand('build', ['-DCMAKE_BUILD_TYPE=Release', `-DNODE_INCLUDE_DIR=${nodeIncludeDir()}`, `-DNODE_ADDON_API_DIR=${addonApiDir()}`]);
  await build({ folder: 'build', configure });
  if (!fs.existsSync(ADDON)) throw new Error(`the build made no ${path.relative(ROOT, ADDON)}`);
  if (fs.statSync(ADDON).mtimeMs !== before) {
    console.log(`build: ${path.relative(ROOT, ADDON)} in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
  }
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
