// What a simulated platform says, and how it gets on the wire.
'use strict';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} [headers]
 * @property {unknown} [body] a string or Buffer is sent as it is, anything else as JSON; absent: no body
 * @property {boolean} [replayed] the answer to an earlier request with the same idempotency key
 *
 * @typedef {'before' | 'after' | 'mid-body'} Drop
 */

/** A refusal with its HTTP status; thrown by handlers, turned into an answer in one place. */
class Refusal extends Error {
  /** @param {number} status @param {string} message @param {Record<string, string>} [headers] */
  constructor(status, message, headers) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Statuses whose answer has no body, and no length of one (RFC 9110, 15.3.5 and 15.4.5). */
const BODILESS = [204, 304];

/** @param {Answer} answer @returns {Buffer} */
function toBytes({ status, body }) {
  if (body === undefined || BODILESS.includes(status)) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** @param {Answer} answer @param {Buffer} bytes */
function headersOf({ status, headers, body }, bytes) {
  if (BODILESS.includes(status)) return lowerCased(headers);
  const type = typeof body === 'string' || Buffer.isBuffer(body) ? 'text/plain; charset=utf-8' : 'application/json';
  return { ...(body === undefined ? {} : { 'content-type': type }), 'content-length': String(bytes.length), ...lowerCased(headers) };
}

/** @param {Record<string, string>} [headers] */
function lowerCased(headers = {}) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** @param {import('node:http').ServerResponse} res @param {Answer} answer */
function send(res, answer) {
  const bytes = toBytes(answer);
  res.writeHead(answer.status, headersOf(answer, bytes));
  res.end(bytes);
}

/**
 * Promises the whole body, sends half of it and breaks off.
 * @param {import('node:http').ServerResponse} res @param {Answer} answer
 */
function sendHalf(res, answer) {
  const bytes = toBytes(answer);
  res.writeHead(answer.status, { ...headersOf(answer, bytes), 'content-length': String(Math.max(bytes.length, 2)) });
  res.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => res.destroy());
}

/** @param {import('node:http').ServerResponse} res */
function sendGarbage(res) {
  const { socket } = res;
  socket?.write('\x16\x03\x01 this is not HTTP\r\n\r\n', () => socket.destroy());
}

/** @param {number} status @param {string} message @param {(message: string, status: number) => object} [errorBody] the platform's manner @returns {Answer} */
function refusal(status, message, errorBody = (error) => ({ error })) {
  return { status, body: errorBody(message, status) };
}

/**
 * @param {import('node:http').IncomingMessage} req
 * @param {number} limitBytes
 * @returns {Promise<Buffer>} rejects with a 413 Refusal past the limit; never settles when the sender goes away
 */
function readBody(req, limitBytes) {
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const chunks = [];
    let length = 0;
    req.on('data', (chunk) => {
      length += chunk.length;
      if (length > limitBytes) {
        req.removeAllListeners('data');
        req.resume();
        reject(new Refusal(413, `body: expected at most ${limitBytes} bytes`, { connection: 'close' }));
        return;
      }
      chunks.push(chunk);
    });
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
  });
}

/** @param {Buffer} body @param {string} expected @returns {any} throws a 400 Refusal unless it is JSON */
function parseJson(body, expected) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, `body: expected ${expected}, got something that is not JSON`);
  }
}

/** @param {Buffer} body @returns {Record<string, unknown>} throws a 400 Refusal unless it is a JSON object */
function parseObject(body) {
  const value = parseJson(body, 'a JSON object');
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Refusal(400, `body: expected a JSON object, got ${value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`}`);
  }
  return value;
}

module.exports = { Refusal, refusal, send, sendHalf, sendGarbage, readBody, parseJson, parseObject };
