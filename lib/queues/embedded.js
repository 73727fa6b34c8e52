// The embedded queues: those of a data directory, durable and without a broker. Every event of the event service lies in one.
'use strict';

const { randomUUID } = require('node:crypto');
const { TrunklineError } = require('../errors.js');
const { Options, refuse } = require('../options.js');
const { EventStore } = require('../store/event-store.js');
const { readLogger } = require('../log.js');
const { readRetryPolicy } = require('../retry-policy.js');
const { failureOf } = require('./failure.js');

/** @typedef {import('../..').QueueMessage} QueueMessage */
/** @typedef {import('../..').Consumer} Consumer */

const CLOSE_GRACE_MS = 10_000;
/** In all; the waits in between begin at a second and grow to a minute. */
const DEFAULT_DELIVERIES = 5;
const BACKOFF = Object.freeze({ baseMs: 1000, factor: 4, maxMs: 60_000, jitter: 'equal' });

class Message {
  /**
   * @param {string} queue
   * @param {number} deliveries
   * @param {string} eventId
   * @param {string} intent
   * @param {string} idempotencyKey
   * @param {string} publishedAt
   * @param {Buffer} payload
   */
  constructor(queue, deliveries, eventId, intent, idempotencyKey, publishedAt, payload) {
    this.queue = queue;
    this.eventId = eventId;
    this.intent = intent;
    this.idempotencyKey = idempotencyKey;
    this.publishedAt = publishedAt;
    this.deliveries = deliveries;
    this.payload = payload;
  }

  json() {
    return JSON.parse(this.payload.toString());
  }
}

class EmbeddedQueue {
  #store;
  #logger;
  /** @type {Set<Consumer>} */ #consumers = new Set();
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('../..').EmbeddedQueueOptions} [given] */
  constructor(given) {
    const options = new Options(given);
    this.#logger = readLogger(options);
    const dataDir = options.text('dataDir', { env: 'TRUNKLINE_DATA_DIR', fallback: './trunkline-data' });
    options.finish();
    this.#store = new EventStore(dataDir, 'consumer');
  }

  /** @param {import('../..').PublishedMessage} message */
  async publish({ queue, eventId, intent = '', idempotencyKey = randomUUID(), payload }) {
    this.#refuseClosed();
    if (typeof queue !== 'string' || queue === '') throw refuse('queue', 'the name of a queue', queue);
    if (typeof eventId !== 'string' || eventId === '') throw refuse('eventId', 'a non-empty string', eventId);
    if (!(payload instanceof Uint8Array)) throw refuse('payload', 'a Buffer', payload);
    return this.#store.put({ queue, eventId, intent, idempotencyKey, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.length) });
  }

  /**
   * @param {string} queue
   * @param {(message: QueueMessage, o: { signal: AbortSignal }) => unknown} handler
   * @param {import('../..').ConsumeOptions} [given]
   * @returns {Promise<Consumer>}
   */
  async consume(queue, handler, given) {
    this.#refuseClosed();
    if (typeof queue !== 'string' || queue === '') throw refuse('queue', 'the name of a queue', queue);
    if (typeof handler !== 'function') throw refuse('handler', 'a function', handler);
    const options = new Options(given, {});
    const attempts = options.integer('maxDeliveries', { min: 1, max: 1000, fallback: DEFAULT_DELIVERIES });
    const settings = {
      queue,
      concurrency: options.integer('concurrency', { min: 1, max: 1000, fallback: 1 }),
      visibleMs: options.integer('visibleMs', { min: 100, max: 86_400_000, fallback: 60_000 }),
      retry: readRetryPolicy(options, { ...BACKOFF, ...options.raw('backoff'), attempts }, 'backoff'),
    };
    options.finish();

    const closing = new AbortController();
    const side = await this.#store.consume(settings, {
      onMessage: (seq, deliveries, ...fields) => {
        const message = new Message(queue, deliveries, ...fields);
        new Promise((resolve) => { resolve(handler(message, { signal: closing.signal })); }).then(
          () => side.settle(seq, deliveries),
          (error) => side.settle(seq, deliveries, failureOf(`the handler of ${queue} failed`, error)),
        );
      },
      onRefused: (error) => this.#logger.error({ queue, err: error }, `the queue ${queue} cannot be read: ${error.message}`),
    });
    /** @type {Promise<void> | undefined} */
    let stopped;
    const consumer = {
      close: () => {
        closing.abort(new TrunklineError('CLOSED', `the consumer of ${queue} is closing`));
        stopped ??= side.stop(CLOSE_GRACE_MS).finally(() => this.#consumers.delete(consumer));
        return stopped;
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  /** What waits in each queue. @returns {Promise<Array<import('../..').QueueDepth>>} */
  async depths() {
    this.#refuseClosed();
    const depths = await this.#store.queueDepths();
    return depths.map(({ oldestAt, ...depth }) => ({ ...depth, oldestAgeMs: oldestAt === 0 ? 0 : Math.max(0, Date.now() - oldestAt) }));
  }

  /** Hands out no more, waits for the handlers for up to ten seconds, and lets go of the data directory. */
  close() {
    this.#closing ??= Promise.all([...this.#consumers].map((consumer) => consumer.close())).then(() => this.#store.close());
    return this.#closing;
  }

  #refuseClosed() {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the queue is closed');
  }
}

/** @param {import('../..').EmbeddedQueueOptions} [options] */
const embeddedQueue = (options) => new EmbeddedQueue(options);

module.exports = { embeddedQueue };
