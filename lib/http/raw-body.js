// The bytes of a request as they came. Whoever signs a body signs its bytes, so nothing else will do.
//
// Every property of a request is looked at once, and no listener set that is not needed: Express gives each request a shape of its own, so that
// each look takes V8 a search, and three listeners cost more than the signature. None is needed for errors: a request emits those only to who listens.
'use strict';

const { TrunklineError } = require('../errors.js');

/** A body over the limit is read on for this much, so that its sender can read the answer instead of meeting a reset. */
const DRAIN_BYTES = 16 * 1024 * 1024;

/**
 * @param {import('node:http').IncomingMessage & { body?: unknown, rawBody?: unknown }} req
 * @param {number} limitBytes
 * @param {(error: Error | null, body: Buffer | null) => void} done called once: with the body; with null where it is over the limit;
 *   with BODY_CONSUMED where a parser was faster. Not at all when the sender went away in the middle.
 */
function readRawBody(req, limitBytes, done) {
  const { body, rawBody } = req;
  const kept = Buffer.isBuffer(rawBody) ? rawBody : Buffer.isBuffer(body) ? body : undefined;
  if (kept) return done(null, kept.length > limitBytes ? null : kept);
  if (body !== undefined || req.readableEnded) {
    return done(
      new TrunklineError('BODY_CONSUMED', 'a body parser ran before this handler, so the signed bytes are gone; mount the router before ' +
        "express.json(), or give express.raw({ type: '*/*' }) to its path"),
      null,
    );
  }
  const expected = Number(req.headers['content-length'] ?? NaN);
  if (expected > limitBytes) {
    drain(req);
    return done(null, null);
  }

  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  const end = () => done(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
  const onData = (/** @type {Buffer} */ chunk) => {
    size += chunk.length;
    if (size <= limitBytes) {
      chunks.push(chunk);
      if (size === expected) end(); // Node's parser lets no more through than was announced
      return;
    }
    req.off('data', onData);
    req.off('end', end);
    drain(req);
    done(null, null);
  };
  req.on('data', onData);
  if (!(expected > 0)) req.on('end', end);
}

/** @param {import('node:http').IncomingMessage} req */
function drain(req) {
  let left = DRAIN_BYTES;
  req.on('data', (chunk) => {
    left -= chunk.length;
    if (left < 0) req.destroy();
  });
}

module.exports = { readRawBody };
