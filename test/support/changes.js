// Waiting with a bound, for what tells when it has changed.
'use strict';

const { within } = require('./until.js');

class Changes {
  /** @type {Set<() => void>} */ #watchers = new Set();

  /** Something has changed: whoever waits looks again. */
  tell() {
    for (const watch of this.#watchers) watch();
  }

  /**
   * @template T
   * @param {() => T} look
   * @param {string} what for the message
   * @param {number} [limitMs]
   * @returns {Promise<NonNullable<T>>} the first truthy value; rejects with what `look` throws
   */
  async until(look, what, limitMs) {
    let watch = () => {};
    const found = new Promise((resolve, reject) => {
      watch = () => {
        try {
          const value = look();
          if (value) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
    });
    this.#watchers.add(watch);
    watch();
    try {
      return /** @type {NonNullable<T>} */ (await within(found, what, limitMs));
    } finally {
      this.#watchers.delete(watch);
    }
  }
}

module.exports = { Changes };
