// Publishing with confirms: a message is safe when the broker has said so, and at most so many are on their way.
'use strict';

const { settlesBefore } = require('./deadline.js');
const { explain, failure, ABSENT_HINT } = require('./errors.js');

/** @typedef {import('amqplib').ConfirmChannel} ConfirmChannel */
/** @typedef {import('amqplib').Options.Publish} Properties */
/** @typedef {import('./topology.js').Target} Target */
/** @typedef {{ target: Target, messageId: unknown, returned: boolean }} Pending */

const DOING = 'cannot publish';

class Publisher {
  #connection;
  #declarations;
  #maxUnconfirmed;
  #timeoutMs;
  /** @type {Promise<ConfirmChannel> | undefined} */ #channel;
  /** With the broker. @type {Set<Pending>} */ #pending = new Set();
  /** From the call to the broker's word, also where the caller waits no longer. @type {Set<Promise<void>>} */ #underWay = new Set();

  /**
   * @param {import('./connection.js').Connection} connection
   * @param {import('./declarations.js').Declarations} declarations
   * @param {{ maxUnconfirmed: number, timeoutMs: number }} o
   */
  constructor(connection, declarations, { maxUnconfirmed, timeoutMs }) {
    this.#connection = connection;
    this.#declarations = declarations;
    this.#maxUnconfirmed = maxUnconfirmed;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @param {Target} target
   * @param {Buffer} payload
   * @param {Properties} properties
   * @returns {Promise<void>} once the broker has it safe
   */
  async publish(target, payload, properties) {
    if (this.#underWay.size >= this.#maxUnconfirmed) {
      throw failure('QUEUE_FULL', `${this.#maxUnconfirmed} messages wait for the broker's confirmation`, 'Wait for some of them, or raise maxUnconfirmed.');
    }
    this.#connection.refuseWhileBlocked();
    const work = this.#send(target, payload, { ...properties, persistent: true, mandatory: true });
    this.#underWay.add(work);
    // After a failure nothing is taken for granted: the next message declares its queue again.
    const settled = work.catch(() => this.#declarations.forget(target)).then(() => this.#underWay.delete(work));
    if (await settlesBefore(AbortSignal.timeout(this.#timeoutMs), settled)) return work;
    throw failure('TIMEOUT', `${DOING}: the broker did not confirm within ${this.#timeoutMs} ms`, 'The message may have arrived all the same. Check that the queue has a leader (rabbitmq-queues quorum_status).');
  }

  /** @param {Target} target @param {Buffer} payload @param {Properties} properties */
  async #send(target, payload, properties) {
    if (await this.#sendOnce(target, payload, properties)) return;
    // The queue was there when it was declared, and has been deleted since.
    if (this.#declarations.forget(target) && await this.#sendOnce(target, payload, properties)) return;
    throw failure('NOT_FOUND', `${DOING}: no queue is bound to ${JSON.stringify(target.exchange)} for ${JSON.stringify(target.routingKey)}`, ABSENT_HINT);
  }

  /**
   * @param {Target} target
   * @param {Buffer} payload
   * @param {Properties} properties
   * @returns {Promise<boolean>} false: it was returned, since no queue takes it
   */
  async #sendOnce(target, payload, properties) {
    await this.#declarations.ensure(target);
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
    channel.on('close', () => { this.#channel = undefined; });
    // Returned comes before confirmed. Of two with the same id and the same key, neither has a queue.
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
