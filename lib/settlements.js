// Promises that the core settles: they go by number, and one call carries the results of many.
'use strict';

const native = require('./native.js');

/** A slot and what came for it: kValues in binding/completion_queue.h, and one. */
const WIDTH = 6;

/**
 * @typedef {(a: any, b: any, c: any, d: any, e: any) => any} Read makes a promise's value of what the core gives, or throws what it is rejected with
 * @typedef {{ resolve: (value: any) => void, reject: (error: unknown) => void, read: Read, start: Function }} Waiting `start` is kept for what it
 *   refers to: the native object must not be collected while it works
 */

/** @type {Array<Waiting | undefined>} by slot */
const waiting = [];
/** Slots of settled promises, for the next ones. @type {number[]} */
const free = [];

/** @param {number} slot */
function take(slot) {
  const taken = /** @type {Waiting} */ (waiting[slot]);
  waiting[slot] = undefined;
  free.push(slot);
  return taken;
}

function settle(/** @type {any[]} */ ...results) {
  for (let at = 0; at < results.length; at += WIDTH) {
    const { resolve, reject, read } = take(results[at]);
    try {
      resolve(read(results[at + 1], results[at + 2], results[at + 3], results[at + 4], results[at + 5]));
    } catch (error) {
      reject(error);
    }
  }
}
native.setSettle(settle, () => setImmediate(native.drain));

/**
 * A promise of what the core says to a slot.
 *
 * @template T
 * @param {(slot: number) => T | undefined | void} start hands the slot to the core; what it returns, if anything, settles the promise at once
 * @param {(a: any, b: any, c: any, d: any, e: any) => T} read
 * @returns {Promise<T>}
 */
function settled(start, read) {
  return new Promise((resolve, reject) => {
    const slot = free.pop() ?? waiting.length;
    waiting[slot] = { resolve, reject, read, start };
    try {
      const now = start(slot);
      if (now !== undefined) take(slot).resolve(now);
    } catch (error) {
      take(slot).reject(error);
    }
  });
}

/**
 * For calls that end with a value or an error, and nothing more to read.
 * @param {any} result
 */
function valueOf(result) {
  if (result instanceof Error) throw result;
  return result;
}

module.exports = { settled, valueOf };
