// A connection to the broker: made when it is needed, one at a time, and made anew by the next who needs it after it was lost.
'use strict';

const { TrunklineError } = require('../../errors.js');
const { settlesBefore } = require('./deadline.js');
const { explain, failure } = require('./errors.js');

/** @typedef {import('amqplib').ChannelModel} Model */
/** @typedef {import('amqplib').Options.Connect} Address */
/** @typedef {import('amqplib').SocketOptions} SocketOptions */

const DEFAULT_PORTS = { amqp: 5672, amqps: 5671 };

/** @returns {typeof import('amqplib')} */
function loadAmqplib() {
  try {
    return require('amqplib');
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'MODULE_NOT_FOUND' || !message.includes("'amqplib'")) throw error;
    throw new TrunklineError('CONFIG_INVALID', 'rabbitMQ needs the package amqplib, which is not installed', { hint: 'npm install amqplib', cause: error });
  }
}

class Connection {
  #amqplib = loadAmqplib();
  #address;
  #socketOptions;
  /** @type {Promise<Model> | undefined} */ #opening;
  #closed = false;
  /** Why it was lost. @type {Error | undefined} */ #lostBy;
  /** Why the broker takes no messages at present (connection.blocked). @type {string | undefined} */ #blocked;

  /**
   * @param {Address} address
   * @param {SocketOptions} socketOptions
   */
  constructor(address, socketOptions) {
    this.#address = address;
    this.#socketOptions = socketOptions;
  }

  /** @throws {TrunklineError} QUEUE_FULL while the broker is short of memory or disk, and reads nothing that is published */
  refuseWhileBlocked() {
    if (this.#blocked === undefined) return;
    throw failure('QUEUE_FULL', `the broker takes no messages at present: ${this.#blocked}`, 'It goes on when it has memory and disk again (rabbitmq-diagnostics alarms).');
  }

  /** Why the last connection was lost, where anybody has said so. */
  get lostBy() {
    return this.#lostBy;
  }

  /** @returns {Promise<Model>} rejects with a TrunklineError */
  open() {
    if (this.#closed) return Promise.reject(failure('CLOSED', 'the queue is closed'));
    this.#opening ??= this.#connect().catch((error) => {
      this.#opening = undefined;
      const { protocol, hostname, port = DEFAULT_PORTS[/** @type {'amqp' | 'amqps'} */ (protocol)] } = this.#address;
      throw explain(error, `cannot connect to ${hostname}:${port}`);
    });
    return this.#opening;
  }

  async #connect() {
    const model = await this.#amqplib.connect(this.#address, this.#socketOptions);
    this.#lostBy = undefined;
    model.on('error', (error) => { this.#lostBy = error; });
    model.on('blocked', (reason) => { this.#blocked = reason; });
    model.on('unblocked', () => { this.#blocked = undefined; });
    model.on('close', (error) => {
      this.#opening = undefined;
      this.#blocked = undefined;
      // The broker's own close has a reply code. Without one the peer is gone, and amqplib leaves a socket whose last bytes nobody will
      // take: it would keep the process alive until the system gives up, a quarter of an hour later.
      if (error && typeof (/** @type {any} */ (error).code) !== 'number') destroySocket(model);
    });
    return model;
  }

  /** @param {AbortSignal} deadline after which the socket is cut */
  async close(deadline) {
    this.#closed = true;
    const opening = this.#opening;
    if (!opening) return;
    const closed = opening.then((model) => model.close());
    if (!(await settlesBefore(deadline, closed))) opening.then(destroySocket, () => {});
  }
}

/** With an error: amqplib would not notice otherwise, and go on with its heartbeats. @param {Model} model */
function destroySocket(model) {
  const { stream } = /** @type {{ stream?: import('node:stream').Duplex }} */ (model.connection);
  stream?.destroy(new Error('the connection was cut'));
}

module.exports = { Connection };
