// The addon, loaded once per environment. Nothing else in lib/ knows where it lies.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { target } = require('./target.js');

const ROOT = path.join(__dirname, '..');
/** Runtimes that say they are Node, but have another OpenSSL or libuv, or none. */
const OTHERS = ['electron', 'bun', 'deno'];

/** @returns {string} what mends it */
function advice() {
  // Elsewhere than in its own folder this file is part of a bundle.
  if (!fs.existsSync(path.join(ROOT, 'lib', 'native.js'))) return 'A bundle cannot hold it: name trunkline as external to the bundler, and install it beside the bundle';
  const other = OTHERS.find((name) => process.versions[name] !== undefined);
  if (other !== undefined) return `It uses the libuv and OpenSSL of Node.js, so that it does not run in ${other}`;
  return `To build it here, which needs a C++20 compiler, CMake and Boost: npm run build --prefix ${JSON.stringify(ROOT)}`;
}

/** @param {string} what @param {unknown} [cause] */
function failure(what, cause) {
  return new Error(`${what}. ${advice()}`, cause === undefined ? undefined : { cause });
}

/**
 * @returns {any} the addon's exports; see binding/addon.cc
 * @throws {Error} that says what was looked for, on which machine, and what to do
 */
function load() {
  // One's own build comes first: in a checkout it is the newer one, and in an installed package somebody made it because the packed one did not fit.
  const places = [path.join(ROOT, 'build', 'Release', 'trunkline.node'), path.join(ROOT, 'prebuilds', target(), 'trunkline.node')];
  const machine = `${target()}, Node ${process.version}`;
  const file = places.find((place) => fs.existsSync(place));
  if (file === undefined) throw failure(`trunkline has no native addon for ${machine}: it looked for ${places.join(' and ')}`);
  try {
    return require(file);
  } catch (error) {
    throw failure(`trunkline's native addon ${file} cannot be loaded on ${machine}: ${/** @type {Error} */ (error).message.split('\n')[0]}`, error);
  }
}

const native = load();
// process.exit() runs no clean-up hooks in the main thread: see binding/environment.h.
process.once('exit', () => native.tearDown());

module.exports = native;
