// What the benchmark takes from the package itself, or why it cannot.
'use strict';

const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');

/**
 * `load()` with the error instead of an exception.
 *
 * @template T
 * @param {() => T} load
 * @returns {{ value?: T, missing?: string }}
 */
function attempt(load) {
  try {
    return { value: load() };
  } catch (error) {
    return { missing: `${/** @type {Error} */ (error).message.split('\n')[0]} (run \`npm run build\`)` };
  }
}

/** @type {() => { value?: any, missing?: string }} */
const native = () => attempt(() => require(path.join(ROOT, 'lib', 'native.js')));
/** @type {() => { value?: typeof import('trunkline'), missing?: string }} */
const trunkline = () => attempt(() => require(path.join(ROOT, 'lib', 'index.js')));

module.exports = { native, trunkline };
