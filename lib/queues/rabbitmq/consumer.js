// A consumer: takes messages of one queue, acknowledges those that its handler has done, and subscribes again when the connection was lost.
'use strict';

const { once, setMaxListeners } = require('node:events');
const { retry } = require('../../retry.js');
const { settlesBefore } = require('./deadline.js');
const { propertiesAgain, readDelivery } = require('./delivery.js');
const { explain, failure } = require('./errors.js');
const { queueTarget, deadLetterTarget, waitTarget } = require('./topology.js');

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

/** The broker closes the connection of who consumes a queue that another process has just begun to declare. */
const START = Object.freeze({ attempts: 3, baseMs: 100, factor: 2, maxMs: 1000, jitter: /** @type {const} */ ('equal') });
/** Until the broker is back: after the last attempt the waits begin anew. */
const RECONNECT = Object.freeze({ attempts: 1000, baseMs: 100, factor: 2, maxMs: 15_000, jitter: /** @type {const} */ ('equal') });
/** A message that cannot be put aside keeps its place meanwhile, so that a broker in need is not asked for more. */
const PUT_ASIDE = Object.freeze({ ...RECONNECT, attempts: 20 });
const MAX_ERROR_LENGTH = 500;

class Consumer {
  #connection;
  #declarations;
  #publisher;
  #settings;
  /** What it consumes. */ #source;
  #closing = new AbortController();
  /** The present one, or the attempt at it. @type {Promise<Subscription | undefined>} */ #subscription = Promise.resolve(undefined);

  /**
   * @param {import('./connection.js').Connection} connection
   * @param {import('./declarations.js').Declarations} declarations
   * @param {import('./publisher.js').Publisher} publisher of what comes again later, and of dead letters
   * @param {Settings} settings
   */
  constructor(connection, declarations, publisher, settings) {
    this.#connection = connection;
    this.#declarations = declarations;
    this.#publisher = publisher;
    this.#settings = settings;
    this.#source = queueTarget('', settings.name, true);
  }

  /** Rejects when the queue cannot be consumed now. What is lost later is made good until close(). */
  async start() {
    this.#last(await retry(() => this.#subscribe(), START, { signal: this.#closing.signal }));
  }

  /** @returns {Promise<Subscription>} */
  #subscribe() {
    const subscribing = this.#openSubscription();
    this.#subscription = subscribing.catch(() => undefined);
    return subscribing;
  }

  async #openSubscription() {
    try {
      await this.#declarations.ensure(this.#source);
      const channel = await (await this.#connection.open()).createChannel();
      /** @type {Subscription} */
      const subscription = { channel, tag: '', over: new AbortController(), running: new Set() };
      setMaxListeners(0, subscription.over.signal); // each handler may listen
      /** @type {unknown} */
      let reason;
      channel.on('error', (error) => { reason = error; });
      channel.on('close', () => subscription.over.abort(explain(reason ?? this.#connection.lostBy, `the subscription of ${this.#settings.queue} ended`)));
      await channel.prefetch(this.#settings.concurrency);
      const { consumerTag } = await channel.consume(this.#settings.name, (delivery) => this.#take(subscription, delivery));
      subscription.tag = consumerTag;
      return subscription;
    } catch (error) {
      this.#declarations.forget(this.#source);
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
      this.#declarations.forget(this.#source);
      subscription.over.abort(failure('NOT_FOUND', `the queue ${this.#settings.queue} was deleted`));
      subscription.channel.close().catch(() => {});
      return;
    }
    const work = this.#handle(subscription, delivery).finally(() => subscription.running.delete(work));
    subscription.running.add(work);
  }

  /** @param {Subscription} subscription @param {Delivery} delivery */
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
        return settle(() => channel.nack(delivery));
      }
    }
    if (!signal.aborted) settle(() => channel.ack(delivery));
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
    await settlesBefore(deadline, this.#subscription.then((subscription) => subscription && end(subscription, deadline)));
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

/** @param {() => void} answer to a delivery */
function settle(answer) {
  try {
    answer();
  } catch { /* the channel is being closed, so that the message comes again */ }
}

/** @param {any} error whatever a handler throws */
function describe(error) {
  if (typeof error === 'string') return error.slice(0, MAX_ERROR_LENGTH);
  if (!(error instanceof Error)) return `a value of type ${typeof error} was thrown`;
  const { code, name, message } = /** @type {NodeJS.ErrnoException} */ (error);
  return `${typeof code === 'string' ? code : name}: ${message}`.slice(0, MAX_ERROR_LENGTH);
}

module.exports = { Consumer };
