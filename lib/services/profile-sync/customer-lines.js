// Work for customers: for each one thing at a time, in the order of arrival; different customers do not wait for each other.
'use strict';

/**
 * @typedef {object} Work
 * @property {() => Promise<void>} run never rejects: whoever waits for it is told in another way
 */

/** @template {Work} T */
class CustomerLines {
  /** Of each customer with work: the first is under way. @type {Map<string, T[]>} */
  #lines = new Map();
  #size = 0;

  /** How much work there is, under way or waiting. */
  get size() {
    return this.#size;
  }

  /** @param {string} customer @returns {T[]} his work, oldest first: the first is under way */
  of(customer) {
    return this.#lines.get(customer) ?? [];
  }

  /** @param {string} customer @param {T} work */
  join(customer, work) {
    this.#size += 1;
    const line = this.#lines.get(customer);
    if (line) {
      line.push(work);
      return;
    }
    this.#lines.set(customer, [work]);
    this.#go(customer);
  }

  /** @param {string} customer */
  #go(customer) {
    const line = /** @type {T[]} */ (this.#lines.get(customer));
    line[0].run().then(() => {
      line.shift();
      this.#size -= 1;
      if (line.length > 0) return this.#go(customer);
      this.#lines.delete(customer);
    });
  }
}

module.exports = { CustomerLines };
