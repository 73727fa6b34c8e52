// The message of a queue: what may be published, and what a handler is given.
'use strict';

const { refuse } = require('../options.js');
const { TrunklineError } = require('../errors.js');

/** @typedef {import('../..').PublishedMessage} PublishedMessage */

const MAX_ID_BYTES = 1024;
const MAX_PAYLOAD_BYTES = 16 << 20;
const IDS = /** @type {const} */ (['queue', 'eventId', 'intent', 'idempotencyKey']);

/**
 * @param {PublishedMessage} message
 * @returns {PublishedMessage} the same, of its own fields only
 * @throws {TrunklineError} CONFIG_INVALID
 */
function checkMessage(message) {
  if (message === null || typeof message !== 'object') throw refuse('message', 'an object', message);
  for (const name of IDS) {
    const value = message[name];
    if (typeof value !== 'string' || value === '') throw refuse(name, 'a non-empty string', value);
    if (Buffer.byteLength(value) > MAX_ID_BYTES) throw refuse(name, `at most ${MAX_ID_BYTES} bytes of UTF-8`, value);
  }
  const { queue, eventId, intent, idempotencyKey, payload } = message;
  if (!Buffer.isBuffer(payload)) throw refuse('payload', 'a Buffer', payload);
  if (payload.length > MAX_PAYLOAD_BYTES) throw refuse('payload.length', `at most ${MAX_PAYLOAD_BYTES} bytes`, payload.length);
  return { queue, eventId, intent, idempotencyKey, payload };
}

/** One delivery of a message. */
class QueueMessage {
  /** @param {PublishedMessage & { publishedAt: string, deliveries: number }} fields */
  constructor({ queue, eventId, intent, idempotencyKey, payload, publishedAt, deliveries }) {
    this.queue = queue;
    this.eventId = eventId;
    this.intent = intent;
    this.idempotencyKey = idempotencyKey;
    this.payload = payload;
    this.publishedAt = publishedAt;
    this.deliveries = deliveries;
  }

  /**
   * The payload as JSON.
   * @throws {TrunklineError} MALFORMED_PAYLOAD
   */
  json() {
    try {
      return JSON.parse(this.payload.toString());
    } catch (cause) {
      throw new TrunklineError('MALFORMED_PAYLOAD', 'the payload is not JSON', { cause });
    }
  }
}

module.exports = { checkMessage, QueueMessage };
