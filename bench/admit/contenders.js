// Ways to judge a signed event: verify, parse, remember. Each `create()` gives a fresh memory and a function (body, signature) → accepted?
'use strict';

const path = require('node:path');
const { SECRET } = require('../lib/events');
const { carefullyVerifies, seedVerifies } = require('../verify/contenders');

const SEED = "the seed's way";
const CAREFUL = 'careful JavaScript';
const OURS = 'native admit';
const FIELDS = ['webhookEventId', 'intent', 'dialogId', 'sessionId'];
const TTL_MS = 86_400_000;
const CLAIMED = 0;  // the verdict of Admission.admit for an event that is new

/** @typedef {import('../lib/types').Judge} Judge */

/** The seed's way: parse, verify, look for the fields, ask a Set. @returns {Judge} */
function seed() {
  const seen = new Set();
  return (body, signature) => {
    const payload = JSON.parse(body.toString('utf8'));
    if (!seedVerifies(payload, signature)) return false;
    const missing = FIELDS.filter((field) => !(field in payload));
    if (missing.length > 0) throw new Error(`Malformed payload. Missing fields: ${missing.join(', ')}`);
    if (seen.has(payload.webhookEventId)) return false;
    seen.add(payload.webhookEventId);
    return true;
  };
}

/** Careful JavaScript: verify, parse once, look at the fields, ask a Map with expiry. @returns {Judge} */
function careful() {
  const expiresAt = new Map();
  return (body, signature) => {
    if (!carefullyVerifies(body, signature)) return false;
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

/** Ours: one native call. @returns {Judge} */
function ours() {
  const { Admission } = require(path.join(__dirname, '..', '..', 'lib', 'native.js'));
  const admission = new Admission({ secrets: [Buffer.from(SECRET)], scheme: 'cognigy', capacity: 65_536, ttlMs: TTL_MS });
  return (body, signature) => admission.admit(body, signature) === CLAIMED;
}

const CONTENDERS = [{ name: SEED, create: seed }, { name: CAREFUL, create: careful }, { name: OURS, create: ours }];

module.exports = { CAREFUL, CONTENDERS, OURS, SEED };
