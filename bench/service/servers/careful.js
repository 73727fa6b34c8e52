// The careful peer: node:http, the HMAC over the raw bytes, a Map with expiry, undici's Pool with 64 connections. No logs, nothing durable.
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');

const QUEUES = new Map([['order_management', 'orders-queue'], ['account_support', 'accounts-queue'], ['billing_inquiry', 'billing-queue']]);
const FIELDS = ['webhookEventId', 'intent', 'dialogId', 'sessionId'];
const TTL_MS = 86_400_000;
const MAX_BODY_BYTES = 1 << 20;

/** @param {import('../../lib/types').ServerSettings} settings */
function create({ secret, apiToken, apiBaseUrl }) {
  const { Pool } = require('undici');
  const pool = new Pool(apiBaseUrl, { connections: 64 });
  const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' };
  /** @type {Map<string, number>} */
  const expiresAt = new Map();

  /**
   * @param {Buffer} body
   * @param {string} signature
   */
  function isSigned(body, signature) {
    const expected = createHmac('sha256', secret).update(body).digest();
    const given = Buffer.from(signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** @param {string} id */
  function claim(id) {
    const now = Date.now();
    if ((expiresAt.get(id) ?? 0) > now) return false;
    expiresAt.set(id, now + TTL_MS);
    return true;
  }

  /**
   * @param {Record<string, string>} event
   * @param {string} queue
   * @param {number} startedAt
   */
  async function updateState(event, queue, startedAt) {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: `/api/v1/dialogs/${encodeURIComponent(event.dialogId)}/sessions/${encodeURIComponent(event.sessionId)}/state`,
      headers,
      body: JSON.stringify({
        externalProcessingCompleted: true,
        processedAt: new Date().toISOString(),
        queueRoutingStatus: queue,
        processingLatencyMs: performance.now() - startedAt,
        metadata: { routedQueue: queue, processedBy: 'node-webhook-service' },
      }),
    });
    await body.dump();
    if (statusCode < 200 || statusCode > 299) throw new Error(`state update: ${statusCode}`);
  }

  /**
   * @param {Buffer} body
   * @param {string | string[] | undefined} signature
   * @returns {Promise<[number, object]>}
   */
  async function judge(body, signature) {
    const startedAt = performance.now();
    if (typeof signature !== 'string') return [401, { error: 'Missing X-Cognigy-Signature header' }];
    if (!isSigned(body, signature)) return [403, { error: 'Invalid webhook signature' }];
    let event;
    try {
      event = JSON.parse(body.toString('utf8'));
    } catch {
      return [400, { error: 'Malformed payload' }];
    }
    const missing = FIELDS.filter((field) => typeof event?.[field] !== 'string' || event[field] === '');
    if (missing.length > 0) return [400, { error: `Malformed payload. Missing fields: ${missing.join(', ')}` }];
    const eventId = event.webhookEventId;
    if (!claim(eventId)) return [200, { status: 'duplicate_skipped', eventId }];
    await updateState(event, QUEUES.get(event.intent) ?? 'general-queue', startedAt);
    return [200, { status: 'processed', eventId }];
  }

  /**
   * @param {import('node:http').ServerResponse} res
   * @param {number} status
   * @param {object} value
   */
  function answer(res, status, value) {
    const text = JSON.stringify(value);
    res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    res.end(text);
  }

  /**
   * @param {import('node:http').IncomingMessage} req
   * @param {import('node:http').ServerResponse} res
   */
  function handler(req, res) {
    if (req.method !== 'POST' || req.url !== '/webhook/cognigy') return answer(res, 404, { error: 'Not found' });
    /** @type {Buffer[]} */
    const chunks = [];
    let bytes = 0;
    req.on('data', (/** @type {Buffer} */ chunk) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    req.on('end', () => {
      if (bytes > MAX_BODY_BYTES) return answer(res, 413, { error: 'Body too large' });
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, bytes);
      return judge(body, req.headers['x-cognigy-signature']).then(
        ([status, value]) => answer(res, status, value),
        (error) => answer(res, 500, { error: error.message }),
      );
    });
    return undefined;
  }

  return { handler, close: () => pool.close() };
}

module.exports = { create };
