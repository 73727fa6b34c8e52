// RabbitMQ as the queue of routed events: published with confirms, consumed with acknowledgements, by amqplib.
'use strict';

const { TrunklineError } = require('../errors.js');
const { Options } = require('../options.js');
const { readLogger } = require('../log.js');
const { isLoopback } = require('../proxy.js');
const { readTls } = require('../trust.js');
const { checkMessage } = require('./message.js');
const { readConsumeOptions } = require('./consume-options.js');
const { Connection } = require('./rabbitmq/connection.js');
const { Consumer } = require('./rabbitmq/consumer.js');
const { Declarations } = require('./rabbitmq/declarations.js');
const { propertiesOf } = require('./rabbitmq/delivery.js');
const { Publisher } = require('./rabbitmq/publisher.js');
const { nameOf, queueTarget } = require('./rabbitmq/topology.js');

const EXPECTED_URL = 'amqps://user:password@host:port/vhost or amqp://…, percent-encoded, without query or fragment';

/**
 * @param {Options} options
 * @param {string} label
 * @returns {import('./rabbitmq/connection.js').Address}
 */
function readAddress(options, label) {
  const text = options.secret('url', { env: 'RABBITMQ_URL', required: true });
  const vhost = options.text('vhost');
  const heartbeat = options.integer('heartbeatSeconds', { min: 1, max: 3600, fallback: 10 });
  const allowInsecure = options.flag('allowInsecure', { env: 'TRUNKLINE_ALLOW_INSECURE_HTTP' });
  if (typeof text !== 'string' || text === '') return {}; // told already
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const parts = url && /^amqps?:$/.test(url.protocol) && url.hostname && !url.search && !url.hash ? decoded(url) : undefined;
  if (!url || !parts) {
    options.wrong(label, EXPECTED_URL, text);
    return {};
  }
  if (url.protocol === 'amqp:' && !allowInsecure && !isLoopback(parts.hostname)) {
    options.wrong(label, 'amqps:// to any host but this one (allowInsecure allows amqp://, which lets everybody on the way read along)', text);
  }
  // amqplib decodes the virtual host once more.
  return { protocol: url.protocol.slice(0, -1), ...parts, vhost: encodeURIComponent(vhost ?? parts.vhost), port: Number(url.port) || undefined, heartbeat };
}

/**
 * As RabbitMQ's URI specification has it; no credentials mean guest, who may come over loopback.
 * @param {URL} url
 */
function decoded({ username, password, hostname, pathname }) {
  try {
    return {
      username: decodeURIComponent(username) || 'guest',
      password: decodeURIComponent(password) || (username ? '' : 'guest'),
      hostname: hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1'),
      vhost: decodeURIComponent(pathname.slice(1)) || '/',
    };
  } catch {
    return undefined;
  }
}

/** @param {import('../..').RabbitMQOptions} given */
function readOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options);
  const address = readAddress(options, given?.url === undefined ? 'RABBITMQ_URL' : 'url');
  const tls = readTls(options, options.raw('tls', {}), address.protocol === 'amqps', logger);
  const settings = {
    logger,
    address,
    exchange: options.text('exchange', { fallback: '' }),
    prefix: options.text('prefix', { fallback: '' }),
    declare: options.flag('declare', { fallback: true }),
    maxUnconfirmed: options.integer('maxUnconfirmed', { min: 1, max: 100_000, fallback: 1000 }),
    timeoutMs: options.integer('timeoutMs', { min: 1, max: 600_000, fallback: 5000 }),
    closeTimeoutMs: options.integer('closeTimeoutMs', { max: 600_000, fallback: 10_000 }),
  };
  const socketOptions = {
    noDelay: true,
    timeout: options.integer('connectTimeoutMs', { min: 1, max: 600_000, fallback: 3000 }),
    ...(address.protocol === 'amqps' ? { ca: tls.trusted || undefined, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.verify } : {}),
  };
  options.finish();
  return { ...settings, socketOptions };
}

class RabbitMQ {
  #settings;
  #declarations;
  #publisher;
  /** Its own: the broker stops reading from a connection that publishes too fast, and acknowledgements must not wait behind that. */
  #consuming;
  /** @type {Set<Consumer>} */ #consumers = new Set();
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('../..').RabbitMQOptions} [given] */
  constructor(given = {}) {
    const settings = readOptions(given);
    this.#settings = settings;
    const connect = (/** @type {string} */ work) => new Connection(settings.address, { ...settings.socketOptions, clientProperties: { connection_name: `trunkline: ${work}` } });
    const publishing = connect('publishing');
    this.#declarations = new Declarations(publishing);
    this.#publisher = new Publisher(publishing, this.#declarations, settings);
    this.#consuming = connect('consuming');
  }

  /** @param {import('../..').PublishedMessage} message */
  async publish(message) {
    this.#refuseWhenClosed();
    const { prefix, exchange, declare } = this.#settings;
    const checked = checkMessage(message);
    await this.#publisher.publish(queueTarget(exchange, nameOf(prefix, checked.queue), declare), checked.payload, propertiesOf(checked));
  }

  /**
   * @param {string} queue
   * @param {import('../..').QueueHandler} handler
   * @param {import('../..').ConsumeOptions} [o]
   */
  async consume(queue, handler, o) {
    this.#refuseWhenClosed();
    const { prefix, declare, logger, closeTimeoutMs } = this.#settings;
    const options = readConsumeOptions(queue, handler, o);
    if (!declare) throw new TrunklineError('CONFIG_INVALID', 'consume() works on queues of its own making: it needs declare: true');
    const consumer = new Consumer(this.#consuming, this.#declarations, this.#publisher, { queue, name: nameOf(prefix, queue), handler, ...options, logger });
    this.#consumers.add(consumer);
    try {
      await consumer.start();
    } catch (error) {
      this.#consumers.delete(consumer);
      this.#refuseWhenClosed();
      throw error;
    }
    return {
      close: async () => {
        await consumer.close(AbortSignal.timeout(closeTimeoutMs));
        this.#consumers.delete(consumer);
      },
    };
  }

  #refuseWhenClosed() {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the queue is closed');
  }

  /** @returns {Promise<void>} */
  close() {
    this.#closing ??= this.#close(AbortSignal.timeout(this.#settings.closeTimeoutMs));
    return this.#closing;
  }

  /** @param {AbortSignal} deadline */
  async #close(deadline) {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(deadline)));
    await Promise.all([this.#publisher.close(deadline), this.#consuming.close(deadline)]);
  }
}

/** @param {import('../..').RabbitMQOptions} [options] */
const rabbitMQ = (options) => new RabbitMQ(options);

module.exports = { rabbitMQ };
