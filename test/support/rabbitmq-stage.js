// A stage for tests with RabbitMQ: queues, relays and an operator's view of the one broker; all of it taken down after each test.
'use strict';

const amqplib = require('amqplib');
const { rabbitMQ } = require('../../lib/index.js');
const { sharedBroker, closeSharedBroker, lacking, START_LIMIT_MS } = require('./rabbitmq.js');
const { openRelay } = require('./relay.js');
const { until } = require('./until.js');

/** For what the broker mends by itself in a moment. */
const SOON = { attempts: 600, baseMs: 50, factor: 1, jitter: /** @type {const} */ ('none') };

let count = 0;

/** @param {string} queue @param {string} [eventId] */
const message = (queue, eventId = 'evt_1') => ({ queue, eventId, intent: 'refund', idempotencyKey: `key of ${eventId}`, payload: Buffer.from('{"a":1}') });

class RabbitStage {
  /** @type {Array<{ close: () => Promise<unknown> }>} */ #opened = [];
  /** @type {Promise<amqplib.Channel> | undefined} */ #operator;
  /** @type {import('./rabbitmq.js').Broker | undefined} */ #broker;

  async start() {
    this.#broker = await sharedBroker();
  }

  get broker() {
    if (!this.#broker) throw new Error('the broker is there in tests and hooks only');
    return this.#broker;
  }

  /** A name that no other test has. */
  unique() {
    return `rabbit-${(count += 1)}`;
  }

  /** @param {import('../..').RabbitMQOptions} [o] @returns {import('../..').EventQueue} */
  open(o) {
    return this.#keep(rabbitMQ({ url: this.broker.url, logger: false, ...o }));
  }

  /** Between a queue and the broker. */
  async relay() {
    const relay = this.#keep(await openRelay(this.broker.port));
    return { relay, url: `amqp://127.0.0.1:${relay.port}` };
  }

  /** A channel of amqplib's own: what an operator, or another program, does at the broker. */
  operator() {
    this.#operator ??= (async () => {
      const connection = await amqplib.connect(this.broker.url);
      connection.on('error', () => {});
      this.#keep({ close: () => connection.close().catch(() => {}) });
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      return channel;
    })();
    return this.#operator;
  }

  /** @param {string} name @returns {Promise<amqplib.GetMessage>} the queue's first message, taken off it */
  async take(name) {
    const operator = await this.operator();
    return /** @type {amqplib.GetMessage} */ (await until(() => operator.get(name, { noAck: true }), `a message in ${name}`));
  }

  /** @template {{ close: () => Promise<unknown> }} T @param {T} one @returns {T} */
  #keep(one) {
    this.#opened.push(one);
    return one;
  }

  /** Everything that was opened since. */
  async clear() {
    for (const one of this.#opened.reverse()) await one.close();
    this.#opened = [];
    this.#operator = undefined;
  }
}

/**
 * A suite with the broker, or, where there is none, a line that says so.
 * @param {string} title
 * @param {(stage: RabbitStage) => void} define
 */
function describeWithRabbitMQ(title, define) {
  (lacking ? describe.skip : describe)(`${title}${lacking ? ` (left out: ${lacking})` : ''}`, () => {
    const stage = new RabbitStage();
    before(async function () {
      this.timeout(START_LIMIT_MS + 30_000);
      await stage.start();
    });
    afterEach(() => stage.clear());
    define(stage);
  });
  after(closeSharedBroker); // outside of any suite: when the tests of all files are done
}

module.exports = { describeWithRabbitMQ, message, SOON };
