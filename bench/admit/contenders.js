// Ways to judge a signed event: verify, parse, remember. Each `create()` gives a fresh memory and a function (body, signature) → accepted?
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const { SECRET } = require('../lib/events');
const { native } = require('../lib/native');

const SEED = "the seed's way";
const CAREFUL = 'careful JavaScript';
const OURS = 'native admit';
const FIELDS = ['webhookEventId', 'intent', 'dialogId', 'sessionId'];
const TTL_MS = 86_400_000;
const CLAIMED = 0;  // the verdict of Admission.admit for an event that is new

/** @typedef {(body: Buffer, signature: string) => boolean} Judge */

/**
 * The seed's way: parse, write it again, hash that, compare the hex digits, look for the fields, ask a Set.
 *
 * @returns {Judge}
 */
function seed() {
  const seen = new Set();
  return (body, signature) => {
    const payload = JSON.parse(body.toString('utf8'));
    const expected = createHmac('sha256', SECRET).update(JSON.stringify(payload)).digest('hex');
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) return false;
    const missing = FIELDS.filter((field) => !(field in payload));
    if (missing.length > 0) throw new Error(`Malformed payload. Missing fields: ${missing.join(', ')}`);
    if (seen.has(payload.webhookEventId)) return false;
    seen.add(payload.webhookEventId);
    return true;
  };
}

/**
 * Careful JavaScript: hash the bytes that came, compare the digests, parse once, a Map with expiry.
 *
 * @returns {Judge}
 */
function careful() {
  const expiresAt = new Map();
  return (body, signature) => {
    const expected = createHmac('sha256', SECRET).update(body).digest();
    const given = Buffer.from(signature, 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    const payload = JSON.parse(body.toString('utf8'));
    for (const field of FIELDS) {
      const value = payload[field];
      if (typeof value !== 'string' || value === '') return false;
    }
    const now = Date.now();
    const known = expiresAt.get(payload.webhookEventId);
    if (known !== undefined && known > now) return false;
    expiresAt.set(payload.webhookEventId, now + TTL_MS);
    return true;
  };
}

/**
 * Ours: one native call.
 *
 * @param {any} addon
 * @returns {() => Judge}
 */
function admit(addon) {
  return () => {
    const admission = new addon.Admission({ secrets: [Buffer.from(SECRET)], scheme: 'cognigy', capacity: 65_536, ttlMs: TTL_MS });
    return (body, signature) => admission.admit(body, signature) === CLAIMED;
  };
}

function contenders() {
  const addon = native();
  const list = [
    { name: SEED, create: seed },
    { name: CAREFUL, create: careful },
  ];
  if (addon.value) list.push({ name: OURS, create: admit(addon.value) });
  return { list, missing: addon.missing };
}

module.exports = { CAREFUL, contenders, OURS, SEED };
