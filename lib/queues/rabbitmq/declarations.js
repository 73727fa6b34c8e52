// What has been declared at the broker, so that it is done once, also where many ask at the same time.
'use strict';

const { explain } = require('./errors.js');

/** @typedef {import('./topology.js').Target} Target */

const MAX_REMEMBERED = 10_000;

class Declarations {
  #connection;
  /** By what they are for. @type {Map<string, Promise<void>>} */ #made = new Map();

  /** @param {import('./connection.js').Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /**
   * Two declarations of a new quorum queue at the same time are not made: the second would be told that the queue is there before it is.
   * @param {Target} target
   * @returns {Promise<void>}
   */
  ensure(target) {
    if (!target.declare) return Promise.resolve();
    const key = keyOf(target);
    const made = this.#made.get(key);
    if (made) return made;
    if (this.#made.size >= MAX_REMEMBERED) this.#made.clear();
    const making = this.#declare(target.declare).catch((error) => {
      this.#made.delete(key);
      throw explain(error, 'cannot declare');
    });
    this.#made.set(key, making);
    return making;
  }

  /** On a channel of its own: a declaration that is refused closes its channel, and must not take messages on their way with it. @param {NonNullable<Target['declare']>} declare */
  async #declare(declare) {
    const channel = await (await this.#connection.open()).createChannel();
    channel.on('error', () => {}); // the call that caused it rejects
    await declare(channel);
    await channel.close();
  }

  /** It may not be there any more. @param {Target} target @returns {boolean} was it thought to be? */
  forget(target) {
    return this.#made.delete(keyOf(target));
  }
}

/** @param {Target} target */
const keyOf = ({ exchange, routingKey }) => `${exchange} ${routingKey}`;

module.exports = { Declarations };
