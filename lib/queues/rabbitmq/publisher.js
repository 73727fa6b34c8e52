// Publishing with confirms: a message is safe when the broker has said so, and at most so many are on their way.
'use strict';

const { settlesBefore } = require('./deadline.js');
const { explain, failure } = require('./errors.js');

/** @typedef {import('amqplib').ConfirmChannel} ConfirmChannel */
/** @typedef {import('amqplib').Channel} Channel */
/** @typedef {import('./connection.js').Connection} Connection */

/**
 * Where a message goes, and what has to be there before.
 * @typedef {object} Target
 * @property {string} exchange '' is the default exchange: the routing key is a queue's name
 * @property {string} routingKey
 * @property {((channel: Channel) => Promise<unknown>) | undefined} declare
 *
 * @typedef {{ target: Target, messageId: unknown, returned: boolean }} Pending
 */

const DOING = 'cannot publish';
const MAX_DECLARED = 10_000; // targets whose declaration is remembered

class Publisher {
  #connection;
  #maxUnconfirmed;
  #timeoutMs;
  /** @type {Promise<ConfirmChannel> | undefined} */ #channel;
  /** What was declared over the present channel's connection, by {@link keyOf}. @type {Map<string, Promise<void>>} */ #declared = new Map();
  /** On their way to the broker. @type {Set<Pending>} */ #pending = new Set();
  /** From the call to the broker's word, also where the caller has gone. @type {Set<Promise<void>>} */ #underWay = new Set();

  /**
   * @param {Connection} connection
   * @param {{ maxUnconfirmed: number, timeoutMs: number }} o
   */
  constructor(connection, { maxUnconfirmed, timeoutMs }) {
    this.#connection = connection;
    this.#maxUnconfirmed = maxUnconfirmed;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @param {Target} target
   * @param {Buffer} payload
   * @param {import('amqplib').Options.Publish} properties
   * @returns {Promise<void>} once the broker has it safe
   */
  async publish(target, payload, properties) {
    if (this.#underWay.size >= this.#maxUnconfirmed) throw failure('QUEUE_FULL', `${this.#maxUnconfirmed} messages wait for the broker's confirmation`, 'Wait for some of them, or raise maxUnconfirmed.');
    this.#connection.refuseWhileBlocked();
    const work = this.#send(target, payload, { ...properties, persistent: true, mandatory: true });
    this.#underWay.add(work);
    // After a failure nothing is taken for granted: the next message declares the queue again.
    const settled = work.catch(() => this.#declared.delete(keyOf(target))).then(() => this.#underWay.delete(work));
    if (await settlesBefore(AbortSignal.timeout(this.#timeoutMs), settled)) return work;
    throw failure('TIMEOUT', `${DOING}: the broker did not confirm within ${this.#timeoutMs} ms`, 'The message may have arrived all the same. Check that the queue has a leader (rabbitmq-queues quorum_status).');
  }

  /**
   * @param {Target} target
   * @param {Buffer} payload
   * @param {import('amqplib').Options.Publish} properties
   */
  async #send(target, payload, properties) {
    if (await this.#sendOnce(target, payload, properties)) return;
    // The queue was there when it was declared, and has been deleted since: what was remembered of it is out of date.
    const wasDeclared = this.#declared.delete(keyOf(target));
    if (wasDeclared && await this.#sendOnce(target, payload, properties)) return;
    throw failure('NOT_FOUND', `${DOING}: no queue is bound to ${JSON.stringify(target.exchange)} for ${JSON.stringify(target.routingKey)}`);
  }

  /**
   * @param {Target} target
   * @param {Buffer} payload
   * @param {import('amqplib').Options.Publish} properties
   * @returns {Promise<boolean>} false: it was returned, since no queue takes it
   */
  async #sendOnce(target, payload, properties) {
    if (target.declare) await this.#declare(keyOf(target), target.declare);
    const channel = await this.#open();
    return new Promise((resolve, reject) => {
      /** @type {Pending} */
      const pending = { target, messageId: properties.messageId, returned: false };
      this.#pending.add(pending);
      const settle = (/** @type {Error | null} */ error) => {
        this.#pending.delete(pending);
        if (error) reject(confirmFailure(error, lostBy.get(channel)));
        else resolve(!pending.returned);
      };
      try {
        channel.publish(target.exchange, target.routingKey, payload, properties, settle);
      } catch (error) {
        this.#channel = undefined; // it was closed before anybody listened to it
        settle(/** @type {Error} */ (error));
      }
    });
  }

  /** @param {string} key @param {(channel: Channel) => Promise<unknown>} declare */
  #declare(key, declare) {
    const known = this.#declared.get(key);
    if (known) return known;
    if (this.#declared.size >= MAX_DECLARED) this.#declared.clear();
    const declaring = this.#declareNow(declare).catch((error) => {
      this.#declared.delete(key);
      throw explain(error, 'cannot declare');
    });
    this.#declared.set(key, declaring);
    return declaring;
  }

  /** On a channel of its own: a declaration that fails closes its channel, and must not take messages on their way with it. @param {(channel: Channel) => Promise<unknown>} declare */
  async #declareNow(declare) {
    const channel = await (await this.#connection.open()).createChannel();
    channel.on('error', () => {}); // the call that caused it rejects
    await declare(channel);
    await channel.close();
  }

  #open() {
    this.#channel ??= this.#openChannel().catch((error) => {
      this.#channel = undefined;
      throw explain(error, DOING);
    });
    return this.#channel;
  }

  async #openChannel() {
    const channel = await (await this.#connection.open()).createConfirmChannel();
    channel.on('error', (error) => lostBy.set(channel, error));
    channel.on('close', () => {
      this.#channel = undefined;
      this.#declared.clear();
    });
    channel.on('return', ({ fields, properties }) => {
      for (const pending of this.#pending) {
        if (pending.target.routingKey === fields.routingKey && pending.messageId === properties.messageId) pending.returned = true;
      }
    });
    return channel;
  }

  /** @param {AbortSignal} deadline */
  async close(deadline) {
    await settlesBefore(deadline, Promise.allSettled(this.#underWay));
    await this.#connection.close(deadline);
  }
}

/** @param {Target} target */
const keyOf = ({ exchange, routingKey }) => `${exchange} ${routingKey}`;

/** Why the broker closed a channel. @type {WeakMap<ConfirmChannel, any>} */
const lostBy = new WeakMap();

/**
 * @param {Error} error what amqplib says to every message on its way
 * @param {any} reason what the broker said to the channel, if it did
 */
function confirmFailure(error, reason) {
  if (error instanceof TypeError || error instanceof RangeError) return error; // what amqplib cannot put on the wire
  if (error.message === 'message nacked') {
    return failure('QUEUE_FULL', `${DOING}: the broker refused the message`, 'The queue is at its limit of length, or cannot write to its disk.');
  }
  // A refused user or a missing exchange concerns every message. Anything else, such as a message that is too large for the broker, was the
  // fault of one: the others are lost with it, and may be sent again.
  return reason?.code === 403 || reason?.code === 404 ? explain(reason, DOING) : failure('CONNECTION_FAILED', `${DOING}: the connection was lost before the broker confirmed`);
}

module.exports = { Publisher };
