// EventStore: a data directory beside the server that works on it, in its process or another.
'use strict';

const native = require('../native.js');
const { settled, valueOf } = require('../settlements.js');

/** How soon a consumer hears of what another process, or another part of this one, has published. */
const LOOK_EVERY_MS = 50;

/** @typedef {(seq: number, deliveries: number, eventId: string, intent: string, idempotencyKey: string, publishedAt: string, payload: Buffer) => void} OnMessage */
/** @typedef {{ onMessage: OnMessage, onRefused: (error: Error) => void }} ConsumerSide */
/** @typedef {{ eventId?: string, sinceMs?: number, step?: string, code?: string, intent?: string }} Filter what is not there fits all */

class EventStore {
  #directory;
  #name;
  #role;
  /** Made when it is first needed: it has threads. @type {any} */ #native;
  /** @type {Promise<void> | undefined} */ #opening;
  /** @type {Map<number, ConsumerSide>} */ #consumers = new Map();
  #lastConsumer = 0;

  /**
   * @param {string} directory
   * @param {'consumer' | 'onlooker'} role an onlooker neither publishes nor consumes, and needs a store that is there already
   * @param {string} [name] of its files: whose store it is
   */
  constructor(directory, role, name = 'events') {
    this.#directory = directory;
    this.#name = name;
    this.#role = role;
  }

  #create() {
    return new native.EventStore({
      directory: this.#directory,
      name: this.#name,
      role: this.#role,
      lookEveryMs: LOOK_EVERY_MS,
      onMessage: (/** @type {number} */ consumer, /** @type {Parameters<OnMessage>} */ ...message) => this.#consumers.get(consumer)?.onMessage(...message),
      onRefused: (/** @type {number} */ consumer, /** @type {Error} */ error) => this.#consumers.get(consumer)?.onRefused(error),
    });
  }

  /**
   * @param {string} method of the native object
   * @param {any[]} values behind the slot
   * @returns {Promise<any>}
   */
  #call(method, ...values) {
    return settled((slot) => this.#native[method](slot, ...values), valueOf);
  }

  /** Every other call waits for it. A failed one is made again by the next. */
  open() {
    this.#native ??= this.#create();
    this.#opening ??= this.#call('open').catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return /** @type {Promise<void>} */ (this.#opening);
  }

  /** @param {{ queue: string, eventId: string, intent: string, idempotencyKey: string, payload: Buffer }} message @returns {Promise<void>} once it is on disk */
  async put({ queue, eventId, intent, idempotencyKey, payload }) {
    await this.open();
    return this.#call('put', queue, eventId, intent, idempotencyKey, payload);
  }

  /** @param {string} eventId @returns {Promise<Buffer | undefined>} the payload of the latest event of that id, a dead letter before others */
  async payloadOf(eventId) {
    await this.open();
    return this.#call('find', eventId);
  }

  /** @param {Filter} filter @param {{ afterId: number, limit: number }} page @returns {Promise<any[]>} in the order of failing */
  async deadLetters(filter, page) {
    await this.open();
    return this.#call('deadLetters', { ...filter, ...page });
  }

  /** @param {Filter} filter @param {number} limit @returns {Promise<number>} how many are gone */
  async purge(filter, limit) {
    await this.open();
    return this.#call('purge', { ...filter, afterId: 0, limit });
  }

  /** @param {number} seq of an event whose message was given up @returns {Promise<boolean>} */
  async requeue(seq) {
    await this.open();
    return this.#call('requeue', seq);
  }

  /** @returns {Promise<Array<{ queue: string, ready: number, taken: number, oldestAt: number, read: boolean }>>} */
  async queueDepths() {
    await this.open();
    return this.#call('queueDepths');
  }

  /**
   * @param {{ queue: string, concurrency: number, visibleMs: number, retry: object }} options
   * @param {ConsumerSide} side
   * @returns {Promise<{ settle(seq: number, deliveries: number, error?: Error): void, stop(graceMs: number): Promise<void> }>}
   */
  async consume(options, side) {
    await this.open();
    const consumer = (this.#lastConsumer += 1);
    this.#consumers.set(consumer, side);
    this.#native.consume(consumer, options);
    return {
      settle: (seq, deliveries, error) => this.#native.settle(consumer, seq, deliveries, error),
      stop: async (graceMs) => {
        await this.#call('stopConsumer', consumer, graceMs);
        this.#consumers.delete(consumer);
      },
    };
  }

  /** Writes everything down and lets go of the files. Consumers have been stopped before. */
  async close() {
    if (this.#native) await this.#call('close', 0);
  }
}

module.exports = { EventStore };
