// IdempotencyRing: the core's ring with checked options.
'use strict';

const native = require('./native.js');
const { Options } = require('./options.js');

/** @type {Array<'claimed' | 'in-flight' | 'done'>} in the order of the core's enum */
const CLAIMS = ['claimed', 'in-flight', 'done'];
const DAY_MS = 86_400_000;

/**
 * @param {Options} options
 * @param {number} [defaultCapacity]
 */
function readRing(options, defaultCapacity) {
  return {
    capacity: options.integer('capacity', { min: 1, max: 2 ** 27, fallback: defaultCapacity, required: defaultCapacity === undefined }),
    ttlMs: options.integer('ttlMs', { min: 1, max: 2 ** 40, fallback: DAY_MS }),
  };
}

class IdempotencyRing {
  #ring;
  #claim;

  /** @param {{ capacity: number, ttlMs?: number }} given */
  constructor(given) {
    const options = new Options(given, {});
    const { capacity, ttlMs } = readRing(options);
    options.finish();
    this.#ring = native.createIdempotencyRing(capacity, ttlMs);
    this.#claim = this.#ring.claim;
  }

  /**
   * @param {string} id
   * @returns {'claimed' | 'in-flight' | 'done'}
   */
  claim(id) {
    return CLAIMS[this.#claim(id)];
  }

  /**
   * @param {string} id
   * @returns {boolean} false when the id is not in flight
   */
  complete(id) {
    return this.#ring.complete(id);
  }

  /**
   * @param {string} id
   * @returns {boolean} false when the id is not in flight
   */
  release(id) {
    return this.#ring.release(id);
  }

  get size() {
    return this.#ring.use().size;
  }

  get capacity() {
    return this.#ring.use().capacity;
  }

  get memoryBytes() {
    return this.#ring.use().memoryBytes;
  }

  get evicted() {
    return this.#ring.use().evicted;
  }
}

module.exports = { IdempotencyRing, readRing };
