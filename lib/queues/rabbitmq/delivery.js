// A message as AMQP carries it: ids in its headers, and read back out of what the broker delivers.
'use strict';

const { QueueMessage } = require('../message.js');

/** @typedef {import('amqplib').ConsumeMessage} Delivery */

const MAX_SHORT_STRING_BYTES = 255; // of AMQP's properties; headers have room for long ids

/** What the broker adds on the way of a dead letter or a second delivery, and what would send copies to other queues. */
const NOT_CARRIED_OVER = /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count|CC|BCC)$/;

/**
 * @param {import('../../..').PublishedMessage} message
 * @returns {import('amqplib').Options.Publish}
 */
function propertiesOf({ eventId, intent, idempotencyKey }) {
  const now = new Date();
  return {
    contentType: 'application/json',
    messageId: Buffer.byteLength(eventId) <= MAX_SHORT_STRING_BYTES ? eventId : undefined,
    timestamp: Math.floor(now.getTime() / 1000),
    headers: { eventId, intent, idempotencyKey, publishedAt: now.toISOString() },
  };
}

/**
 * The same message once more.
 * @param {Delivery} delivery
 * @param {Record<string, unknown>} headers added to its own
 * @returns {import('amqplib').Options.Publish}
 */
function propertiesAgain({ properties }, headers) {
  const { contentType, contentEncoding, messageId, timestamp, type, appId, correlationId, replyTo } = properties;
  const own = Object.entries(properties.headers ?? {}).filter(([name]) => !NOT_CARRIED_OVER.test(name));
  return { contentType, contentEncoding, messageId, timestamp, type, appId, correlationId, replyTo, headers: { ...Object.fromEntries(own), ...headers } };
}

/**
 * Also of messages that others have published, which may lack anything but their bytes.
 * @param {string} queue as its users call it
 * @param {Delivery} delivery
 */
function readDelivery(queue, { content, properties }) {
  const headers = properties.headers ?? {};
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : '');
  const count = (/** @type {unknown} */ value) => (Number.isInteger(value) ? Number(value) : 0);
  const seconds = count(properties.timestamp);
  return new QueueMessage({
    queue,
    eventId: text(headers.eventId ?? properties.messageId),
    intent: text(headers.intent),
    idempotencyKey: text(headers.idempotencyKey),
    payload: content,
    publishedAt: text(headers.publishedAt ?? (seconds > 0 ? new Date(seconds * 1000).toISOString() : '')),
    // Those before it was put aside; those whose consumer died, which the broker counts (since 4.3 as acquired); and this one.
    deliveries: count(headers.deliveries) + Math.max(count(headers['x-delivery-count']), count(headers['x-acquired-count'])) + 1,
  });
}

module.exports = { propertiesOf, propertiesAgain, readDelivery };
