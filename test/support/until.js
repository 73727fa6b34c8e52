// Waiting with a bound, for what gives no event of its own.
'use strict';

const { setImmediate: turn } = require('node:timers/promises');

/** Longer than anything takes on a machine that is busy with other things, and within Mocha's own limit. Nobody waits for it where all is well. */
const PATIENCE_MS = 45_000;

/**
 * Looks again in every turn of the event loop, so that nothing depends on how fast the machine is.
 * @template T
 * @param {() => T | Promise<T>} look
 * @param {string} what for the message
 * @param {number} [limitMs]
 * @returns {Promise<NonNullable<T>>} the first truthy value
 */
async function until(look, what, limitMs = PATIENCE_MS) {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return /** @type {NonNullable<T>} */ (found);
    if (performance.now() > endMs) throw new Error(`expected ${what} within ${limitMs} ms`);
    await turn();
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what for the message
 * @param {number} [limitMs]
 * @returns {Promise<T>}
 */
async function within(promise, what, limitMs = PATIENCE_MS) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`expected ${what} within ${limitMs} ms`)), limitMs);
  });
  try {
    return await /** @type {Promise<T>} */ (Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { until, within, PATIENCE_MS };
