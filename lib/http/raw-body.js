// The bytes of a request as they came. Whoever signs a body signs its bytes, so nothing else will do.
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
  const kept = [req.rawBody, req.body].find((value) => Buffer.isBuffer(value));
  if (kept) return done(null, /** @type {Buffer} */ (kept).length > limitBytes ? null : /** @type {Buffer} */ (kept));
  if (req.body !== undefined || req.readableEnded) {
    return done(
      new TrunklineError('BODY_CONSUMED', 'a body parser ran before this handler, so the signed bytes are gone; mount the router before ' +
        "express.json(), or give express.raw({ type: '*/*' }) to its path"),
      null,
    );
  }
  if (Number(req.headers['content-length']) > limitBytes) {
    drain(req);
    return done(null, null);
  }

  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  const onData = (/** @type {Buffer} */ chunk) => {
    size += chunk.length;
    if (size <= limitBytes) return chunks.push(chunk);
    req.off('data', onData);
    req.off('end', onEnd);
    drain(req);
    done(null, null);
  };
  const onEnd = () => done(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
  req.on('data', onData);
  req.on('end', onEnd);
  // A sender that goes away leaves nobody to answer; without a listener its error would be thrown.
  req.on('error', () => {});
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
