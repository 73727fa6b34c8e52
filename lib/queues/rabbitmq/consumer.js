// A consumer: takes messages of one queue, acknowledges those that its handler has done, and subscribes again when the connection was lost.
'use strict';

const { once, setMaxListeners } = require('node:events');
const { retry } = require('../../retry.js');
const { settlesBefore } = require('./deadline.js');
const { propertiesAgain, readDelivery } = require('./delivery.js');
const { explain, failure } = require('./errors.js');
const { declareQueue, deadLetterTarget, waitTarget } = require('./topology.js');

/** @typedef {import('amqplib').ConsumeMessage} Delivery */
/** @typedef {import('../message.js').QueueMessage} QueueMessage */
/**
 * @typedef {object} Settings
 * @property {string} queue as its users call it
 * @property {string} name at the broker
 * @property {import('../../..').QueueHandler} handler
 * @property {number} concurrency
 * @property {number} maxDeliveries
 * @property {(deliveries: number) => number} waitMs
 * @property {import('../../log.js').Logger} logger
 *
 * The life of one channel.
 * @typedef {object} Subscription
 * @property {import('amqplib').Channel} channel
 * @property {string} tag
 * @property {AbortController} over aborted when what this channel delivered can no longer be acknowledged, and so comes again
 * @property {Set<Promise<void>>} running
 */

/** Until the broker is back: after the last attempt the waits begin anew. */
const RECONNECT = Object.freeze({ attempts: 1000, baseMs: 100, factor: 2, maxMs: 15_000, jitter: /** @type {const} */ ('equal') });
/** A message that cannot be put aside keeps its place meanwhile, so that a broker in need is not asked for more. */
const PUT_ASIDE = Object.freeze({ ...RECONNECT, attempts: 20 });
const MAX_ERROR_LENGTH = 500;

class Consumer {
  #connection;
  #publisher;
  #settings;
  #closing = new AbortController();
  /** The present subscription, or the attempt at one. @type {Promise<Subscription>} */ #subscription = Promise.reject(new Error('not started'));

  /**
   * @param {import('./connection.js').Connection} connection
   * @param {import('./publisher.js').Publisher} publisher of what comes again later, and of dead letters
   * @param {Settings} settings
   */
  constructor(connection, publisher, settings) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#settings = settings;
    this.#subscription.catch(() => {});
  }

  /** Rejects when the queue cannot be consumed now. What is lost later is made good until close(). */
  async start() {
    this.#last(await this.#subscribe());
  }

  /** @returns {Promise<Subscription>} */
  #subscribe() {
    this.#subscription = this.#openSubscription();
    this.#subscription.catch(() => {});
    return this.#subscription;
  }

  async #openSubscription() {
    try {
      const channel = await (await this.#connection.open()).createChannel();
      /** @type {Subscription} */
      const subscription = { channel, tag: '', over: new AbortController(), running: new Set() };
      setMaxListeners(0, subscription.over.signal); // each handler may listen
      /** @type {unknown} */
      let reason;
      channel.on('error', (error) => { reason = error; });
      channel.on('close', () => subscription.over.abort(explain(reason, `the subscription of ${this.#settings.queue} ended`)));
      await declareQueue(channel, this.#settings.name);
      await channel.prefetch(this.#settings.concurrency);
      const { consumerTag } = await channel.consume(this.#settings.name, (delivery) => this.#take(subscription, delivery));
      subscription.tag = consumerTag;
      return subscription;
    } catch (error) {
      throw explain(error, `cannot consume ${this.#settings.queue}`);
    }
  }

  /** @param {Subscription} subscription */
  async #last(subscription) {
    const { queue, logger } = this.#settings;
    const { signal } = this.#closing;
    for (;;) {
      await aborted(subscription.over.signal);
      if (signal.aborted) return;
      const { summary, hint } = subscription.over.signal.reason;
      logger.warn({ queue, hint }, `RabbitMQ: ${summary}; subscribing again`);
      const again = retry(({ attempt }) => this.#subscribe().catch((error) => {
        logger.warn({ queue, attempt, hint: error.hint }, `RabbitMQ: ${error.summary}`);
        throw error;
      }), RECONNECT, { signal, retryable: () => true });
      subscription = await again.catch(() => subscription);
      if (!subscription.over.signal.aborted) logger.info({ queue }, `RabbitMQ: consuming ${queue} again`);
    }
  }

  /** @param {Subscription} subscription @param {Delivery | null} delivery null: the broker has ended the subscription, since the queue is gone */
  #take(subscription, delivery) {
    if (delivery === null) {
      subscription.over.abort(failure('NOT_FOUND', `the queue ${this.#settings.queue} was deleted`));
      subscription.channel.close().catch(() => {});
      return;
    }
    const work = this.#handle(subscription, delivery).finally(() => subscription.running.delete(work));
    subscription.running.add(work);
  }

  /** Never rejects. @param {Subscription} subscription @param {Delivery} delivery */
  async #handle({ channel, over: { signal } }, delivery) {
    const { queue, handler, maxDeliveries, logger } = this.#settings;
    const message = readDelivery(queue, delivery);
    try {
      // Its consumers died of it, and nobody has been there to count.
      if (message.deliveries > maxDeliveries) throw new Error('it was never acknowledged: each of its consumers ended before');
      await handler(message, { signal });
    } catch (error) {
      try {
        await this.#putAside(delivery, message, error, signal);
      } catch (cause) {
        if (signal.aborted) return;
        logger.error({ queue, eventId: message.eventId, err: cause }, 'RabbitMQ: a failed message could not be put aside; it comes again at once');
        channel.nack(delivery);
        return;
      }
    }
    if (!signal.aborted) channel.ack(delivery);
  }

  /**
   * A copy is safe before the delivery is acknowledged. Whoever dies in between leaves both: the message comes twice rather than never.
   * @param {Delivery} delivery
   * @param {QueueMessage} message
   * @param {unknown} error
   * @param {AbortSignal} signal
   */
  #putAside(delivery, { eventId, deliveries }, error, signal) {
    const { queue, name, maxDeliveries, waitMs, logger } = this.#settings;
    const isDead = deliveries >= maxDeliveries;
    const text = describe(error);
    const [target, headers] = isDead
      ? [deadLetterTarget(name), { deliveries: 0, failedQueue: queue, failedDeliveries: deliveries, failedAt: new Date().toISOString(), error: text }]
      : [waitTarget(name, waitMs(deliveries)), { deliveries }];
    if (isDead) logger.error({ queue, eventId, deliveries }, `RabbitMQ: a message goes to the dead letters: ${text}`);
    const properties = propertiesAgain(delivery, headers);
    return retry(() => this.#publisher.publish(target, delivery.content, properties), PUT_ASIDE, { signal, retryable: () => true });
  }

  /**
   * Takes no more messages, and lets handlers that run finish until `deadline`. What is not acknowledged then comes again.
   * @param {AbortSignal} deadline
   */
  async close(deadline) {
    this.#closing.abort();
    await settlesBefore(deadline, this.#subscription.then((subscription) => end(subscription, deadline)));
  }
}

/** @param {Subscription} subscription @param {AbortSignal} deadline */
async function end({ channel, tag, over, running }, deadline) {
  await settlesBefore(deadline, channel.cancel(tag));
  await settlesBefore(deadline, Promise.all(running));
  over.abort(failure('CLOSED', 'the consumer is closed'));
  await settlesBefore(deadline, channel.close());
}

/** @param {AbortSignal} signal */
const aborted = async (signal) => signal.aborted || once(signal, 'abort');

/** @param {any} error whatever a handler throws */
function describe(error) {
  const text = error instanceof Error ? `${/** @type {any} */ (error).code ?? error.name}: ${error.message}` : String(error);
  return text.slice(0, MAX_ERROR_LENGTH);
}

module.exports = { Consumer };
