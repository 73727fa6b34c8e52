// The addon, loaded once per environment. Nothing else in lib/ knows where it lies.
'use strict';

const path = require('node:path');

/**
 * @returns {any} the addon's exports; see binding/addon.cc
 */
function load() {
  const file = path.join(__dirname, '..', 'build', 'Release', 'trunkline.node');
  try {
    return require(file);
  } catch (error) {
    const reason = /** @type {Error} */ (error).message.split('\n')[0];
    throw new Error(
      `trunkline: the native addon cannot be loaded on ${process.platform}-${process.arch}, Node ${process.version}: ${reason}. ` +
        'Build it with `npm run build` in the package\'s folder.',
      { cause: error },
    );
  }
}

const native = load();
// process.exit() runs no clean-up hooks in the main thread: see binding/environment.h.
process.once('exit', () => native.tearDown());

module.exports = native;
