// What is declared at the broker for a queue: the queue itself, its dead letters, and the rooms where messages wait to come again.
'use strict';

const { TrunklineError } = require('../../errors.js');

/** @typedef {import('amqplib').Channel} Channel */
/**
 * Where a message goes, and what has to be there before.
 * @typedef {object} Target
 * @property {string} exchange
 * @property {string} routingKey
 * @property {((channel: Channel) => Promise<unknown>) | undefined} declare
 */

/** Of a queue's name, in bytes of UTF-8: AMQP's short strings have 255, and what stands after the name needs some of them. */
const MAX_NAME_BYTES = 230;

/**
 * Quorum queues: they count the deliveries of a message whose consumer died (x-delivery-count), survive the loss of a node, and hand on dead
 * letters only once these are safe elsewhere ("at-least-once", which wants "reject-publish"). RabbitMQ 3.10 has all of it.
 *
 * A queue's arguments can never be changed, so they follow from its name alone.
 */
const QUORUM = Object.freeze({ 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once', 'x-dead-letter-exchange': '' });

/**
 * @param {string} prefix
 * @param {string} queue
 * @returns {string} its name at the broker
 */
function nameOf(prefix, queue) {
  const name = prefix + queue;
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return name;
  throw new TrunklineError('CONFIG_INVALID', `queue: expected at most ${MAX_NAME_BYTES} bytes of UTF-8 with its prefix, got ${bytes}`);
}

/** @param {string} name */
const deadLettersOf = (name) => `${name}.dead`;

/**
 * What the broker gives up by itself goes to the dead letters too. Their queue is made like any other, so that it can be consumed.
 * @param {Channel} channel
 * @param {string} name
 */
async function declareQueue(channel, name) {
  for (const one of [deadLettersOf(name), name]) {
    await channel.assertQueue(one, { durable: true, arguments: { ...QUORUM, 'x-dead-letter-routing-key': deadLettersOf(one) } });
  }
}

/**
 * Where a queue's messages are published. The default exchange ('') takes a queue's name as routing key.
 * @param {string} exchange
 * @param {string} name
 * @param {boolean} declares
 * @returns {Target}
 */
function queueTarget(exchange, name, declares) {
  /** @param {Channel} channel */
  const declare = async (channel) => {
    await declareQueue(channel, name);
    if (exchange === '') return;
    await channel.assertExchange(exchange, 'direct', { durable: true });
    await channel.bindQueue(name, exchange, name);
  };
  return { exchange, routingKey: name, declare: declares ? declare : undefined };
}

/** @param {string} name @returns {Target} */
const deadLetterTarget = (name) => ({ exchange: '', routingKey: deadLettersOf(name), declare: (/** @type {Channel} */ channel) => declareQueue(channel, name) });

/**
 * Where messages rest before they go back by themselves. A queue for each time: RabbitMQ lets messages expire at a queue's head only, so a
 * long rest would hold up a short one behind it.
 * @param {string} name
 * @param {number} waitMs
 * @returns {Target}
 */
function waitTarget(name, waitMs) {
  const routingKey = `${name}.wait.${waitMs}`;
  const settings = { durable: true, arguments: { ...QUORUM, 'x-dead-letter-routing-key': name, 'x-message-ttl': waitMs } };
  return { exchange: '', routingKey, declare: (/** @type {Channel} */ channel) => channel.assertQueue(routingKey, settings) };
}

module.exports = { nameOf, queueTarget, deadLetterTarget, waitTarget };
