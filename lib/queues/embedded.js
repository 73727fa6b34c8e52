// The embedded queues: those of a data directory, durable and without a broker. Every event of the event service lies in one.
'use strict';

const { TrunklineError } = require('../errors.js');
const { Options } = require('../options.js');
const { EventStore } = require('../store/event-store.js');
const { readLogger } = require('../log.js');
const { readConsumeOptions } = require('./consume-options.js');
const { checkMessage, QueueMessage } = require('./message.js');
const { failureOf } = require('./failure.js');

/** @typedef {import('../..').Consumer} Consumer */

class EmbeddedQueue {
  #store;
  #logger;
  #visibleMs;
  #closeTimeoutMs;
  /** @type {Set<Consumer>} */ #consumers = new Set();
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('../..').EmbeddedQueueOptions} [given] */
  constructor(given) {
    const options = new Options(given);
    this.#logger = readLogger(options);
    const dataDir = options.text('dataDir', { env: 'TRUNKLINE_DATA_DIR', fallback: './trunkline-data' });
    this.#visibleMs = options.integer('visibleMs', { min: 1000, max: 86_400_000, fallback: 1_800_000 });
    this.#closeTimeoutMs = options.integer('closeTimeoutMs', { min: 1, max: 600_000, fallback: 10_000 });
    options.finish();
    this.#store = new EventStore(dataDir, 'consumer');
  }

  /** @param {import('../..').PublishedMessage} message */
  async publish(message) {
    this.#refuseClosed();
    return this.#store.put(checkMessage(message));
  }

  /**
   * @param {string} queue
   * @param {import('../..').QueueHandler} handler
   * @param {import('../..').ConsumeOptions} [given]
   * @returns {Promise<Consumer>}
   */
  async consume(queue, handler, given) {
    const { concurrency, backoff } = readConsumeOptions(queue, handler, given);
    this.#refuseClosed();
    const overdue = new AbortController();
    const side = await this.#store.consume({ queue, concurrency, visibleMs: this.#visibleMs, retry: backoff }, {
      onMessage: (seq, deliveries, eventId, intent, idempotencyKey, publishedAt, payload) => {
        const message = new QueueMessage({ queue, eventId, intent, idempotencyKey, payload, publishedAt, deliveries });
        new Promise((resolve) => { resolve(handler(message, { signal: overdue.signal })); }).then(
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
        stopped ??= side.stop(this.#closeTimeoutMs).then(() => {
          // Whatever still runs is done again by somebody else.
          overdue.abort(new TrunklineError('CLOSED', `the consumer of ${queue} is closed`));
          this.#consumers.delete(consumer);
        });
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

  /** Hands out no more, waits for the handlers, and lets go of the data directory. */
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
