// The last things that happened, for tests and people to look at: what came in, and what was delivered. Never holds a credential or a body.
'use strict';

/**
 * A request that came in.
 * @typedef {object} LoggedRequest
 * @property {number} number counts from 1 since the start or the last clear
 * @property {string} at ISO 8601
 * @property {string | null} platform null where no platform has the path
 * @property {string} method
 * @property {string} path as sent, without its query, which may carry secrets
 * @property {number | null} status null where the connection was closed instead
 * @property {string | null} idempotencyKey
 * @property {boolean} replayed answered from an earlier request with the same key
 * @property {string | null} fault the id of the fault that it met
 */

const CAPACITY = 10_000;

/** @template {{ number: number }} E */
class EntryLog {
  #what;
  /** @type {E[]} a ring: once full, #next is the oldest */
  #entries = [];
  #next = 0;
  #total = 0;
  /** @type {Set<(entry: E) => void>} */
  #watchers = new Set();

  /** @param {string} what they are, for messages */
  constructor(what) {
    this.#what = what;
  }

  /** @param {Omit<E, 'number'>} facts */
  add(facts) {
    this.#total += 1;
    const entry = /** @type {E} */ ({ number: this.#total, ...facts });
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % CAPACITY;
    for (const watch of this.#watchers) watch(entry);
  }

  /** How many there were since the last clear; more than are kept, perhaps. */
  get total() {
    return this.#total;
  }

  /** @returns {E[]} oldest first */
  list() {
    if (this.#entries.length < CAPACITY) return [...this.#entries];
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
  }

  clear() {
    this.#entries = [];
    this.#next = 0;
    this.#total = 0;
  }

  /**
   * Waits until as many kept entries fit, those that are already there included.
   * @param {(entry: E) => boolean} fits
   * @param {{ count?: number, timeoutMs?: number }} [o]
   * @returns {Promise<E[]>} rejects at the time-out
   */
  waitFor(fits, { count = 1, timeoutMs = 5000 } = {}) {
    const found = this.list().filter(fits);
    if (found.length >= count) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      /** @param {E} entry */
      const watch = (entry) => {
        if (fits(entry) && found.push(entry) >= count) settle(() => resolve(found));
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`sandbox ${this.#what}: expected ${count} that fit within ${timeoutMs} ms, got ${found.length}`)));
      }, timeoutMs);
      /** @param {() => void} how */
      const settle = (how) => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        how();
      };
      this.#watchers.add(watch);
    });
  }
}

module.exports = { EntryLog };
