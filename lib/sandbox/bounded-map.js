// A map with a limit of entries, of bytes and of age: at the limit the oldest entry gives way.
'use strict';

/**
 * @template V
 */
class BoundedMap {
  /** @type {Map<string, { value: V, bytes: number, setAtMs: number }>} */
  #entries = new Map();
  #bytes = 0;
  #maxEntries;
  #maxBytes;
  #ttlMs;

  /** @param {{ maxEntries: number, maxBytes?: number, ttlMs?: number }} o */
  constructor({ maxEntries, maxBytes = Infinity, ttlMs = Infinity }) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#ttlMs = ttlMs;
  }

  get size() {
    return this.#entries.size;
  }

  /** @returns {V[]} oldest first */
  values() {
    return [...this.#entries.keys()].map((key) => /** @type {V} */ (this.get(key))).filter((value) => value !== undefined);
  }

  /** @param {string} key @returns {V | undefined} */
  get(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (Date.now() - entry.setAtMs < this.#ttlMs) return entry.value;
    this.delete(key);
    return undefined;
  }

  /** @param {string} key @param {V} value @param {number} [bytes] what it weighs, as far as one cares */
  set(key, value, bytes = 0) {
    this.delete(key);
    this.#entries.set(key, { value, bytes, setAtMs: Date.now() });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  /** @param {string} key */
  delete(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes;
    this.#entries.delete(key);
  }

  clear() {
    this.#entries.clear();
    this.#bytes = 0;
  }
}

module.exports = { BoundedMap };
