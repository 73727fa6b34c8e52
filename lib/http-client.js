// HttpClient: requests to one platform, with its authentication, retries, rate limit and breaker; the work is done on the engine.
'use strict';

const { setMaxListeners } = require('node:events');
const native = require('./native.js');
const { isBytes } = require('./bytes.js');
const { TrunklineError } = require('./errors.js');
const { settled, valueOf } = require('./settlements.js');
const { Options, refuse } = require('./options.js');
const { HttpResponse } = require('./http-response.js');
const { readAuth } = require('./auth.js');
const { readConnection } = require('./connection-options.js');
const { readRetryPolicy } = require('./retry-policy.js');
const { readLogger } = require('./log.js');

/** Methods, and whether they may be repeated without asking (RFC 9110, 9.2.2). Others may not. */
const IDEMPOTENT = new Map([['GET', true], ['HEAD', true], ['OPTIONS', true], ['PUT', true], ['DELETE', true], ['TRACE', true], ['POST', false], ['PATCH', false]]);
/** Values that are handed over in one call: they lie on the stack. A request takes nine, and two for each header. */
const MOST_VALUES = 1024;
const MOST_HEADERS = 1000;
/** What is chained to it runs when the present turn's other work is done: as queueMicrotask does it, but without a resource for each. */
const TURN_END = Promise.resolve();
const REQUEST_OPTIONS = new Set(['method', 'path', 'query', 'headers', 'json', 'body', 'form', 'idempotencyKey', 'idempotent', 'timeoutMs', 'deadlineMs', 'signal', 'retry']);

/**
 * @param {number | TrunklineError} status
 * @param {string} lines
 * @param {Buffer | string} body
 * @param {number} attempts
 * @param {number} durationMs
 */
function readReply(status, lines, body, attempts, durationMs) {
  if (typeof status === 'number') return new HttpResponse(status, lines, body, attempts, durationMs);
  // Not enumerable: what a platform says may repeat what it was sent, and loggers write down what they find.
  if (lines !== undefined) Object.defineProperty(status, 'response', { value: new HttpResponse(status.status ?? 0, lines, body, status.attempts ?? 1, 0) });
  throw status;
}

class HttpClient {
  #native;
  #timeoutMs;
  /** What `auth` writes, in lower case: a request must not write it a second time. @type {string | undefined} */ #authHeader;
  /** What binding/http_client.cc reads of the requests that the engine does not have yet, one after another. @type {any[]} */ #outbox = [];
  /** Requests of one turn go to the engine together: one call, and one wake-up. */
  #flush = () => {
    if (this.#outbox.length === 0) return;
    const outbox = this.#outbox;
    this.#outbox = [];
    this.#native.request(...outbox);
  };
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('..').HttpClientOptions} given */
  constructor(given) {
    const options = new Options(given, {});
    const logger = readLogger(options);
    const baseUrl = options.host('baseUrl', { required: true });
    const { headers, credential } = readAuth(options);
    const settings = {
      ...readConnection(options, { baseUrl, tokenUrl: credential?.tokenUrl || credential?.issuer, logger, env: given?.env ?? process.env }),
      platform: options.text('platform', { fallback: '' }),
      headers,
      credential,
      retry: readRetryPolicy(options, options.raw('retry')),
      maxResponseBytes: options.integer('maxResponseBytes', { min: 1, max: 2 ** 31, fallback: 10 * 1024 * 1024 }),
    };
    this.#authHeader = (credential ? 'authorization' : headers[0]?.[0])?.toLowerCase?.();
    this.#timeoutMs = settings.timeoutMs;
    options.finish();
    this.#native = new native.HttpClient(settings);
  }

  /**
   * @param {import('..').HttpRequest} request
   * @returns {Promise<HttpResponse>} for 2xx; anything else rejects with a TrunklineError
   */
  request(request) {
    const signal = request?.signal;
    return signal === undefined ? settled((slot) => this.#send(slot, request), readReply) : this.#abortable(request, signal);
  }

  /**
   * Fetches a token where none is at hand, so that a wrong secret shows before there is work. Sends nothing else; without `oauth2` it does nothing.
   * @param {{ deadlineMs?: number }} [o] default: none
   * @returns {Promise<void>}
   */
  async authenticate({ deadlineMs } = {}) {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the client is closed');
    checkDeadline(deadlineMs);
    await settled((slot) => this.#native.authenticate(slot, deadlineMs ?? 0), valueOf);
  }

  /**
   * Plain checks without an Options object: this runs for every request.
   * @param {number} slot
   * @param {any} request
   */
  #send(slot, request) {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the client is closed');
    if (request === null || typeof request !== 'object') throw refuse('request', 'an object', request);
    for (const name in request) {
      if (!REQUEST_OPTIONS.has(name)) throw refuse(name, `one of ${[...REQUEST_OPTIONS].join(', ')}`, name);
    }
    const { path, idempotencyKey, idempotent = false, timeoutMs = this.#timeoutMs, deadlineMs = 0 } = request;
    let { method = 'GET' } = request;
    if (typeof method !== 'string') throw refuse('method', 'a string', method);
    if (!IDEMPOTENT.has(method)) method = method.toUpperCase();
    if (typeof path !== 'string' || path[0] !== '/') throw refuse('path', 'a path that begins with /', path);
    if (typeof idempotent !== 'boolean') throw refuse('idempotent', 'true or false', idempotent);
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1) throw refuse('timeoutMs', 'an integer from 1 on', timeoutMs);
    checkDeadline(request.deadlineMs);
    const headers = readHeaders(request.headers, this.#authHeader, idempotencyKey !== undefined);
    const body = readBody(request, headers);
    if (idempotencyKey !== undefined) {
      if (typeof idempotencyKey !== 'string' || idempotencyKey === '') throw refuse('idempotencyKey', 'a non-empty string', idempotencyKey);
      headers.push('Idempotency-Key', idempotencyKey);
    }
    const repeatable = idempotent || idempotencyKey !== undefined || IDEMPOTENT.get(method) === true;
    const target = withQuery(path, request.query);
    const retry = readCallPolicy(request.retry);

    // Bytes are the caller's, who may go on writing into them: they are copied now.
    const bytes = typeof body === 'object';
    if (bytes) this.#flush();
    const first = this.#outbox.length === 0;
    this.#outbox.push(slot, method, target, body, timeoutMs, deadlineMs, repeatable, retry, headers.length);
    for (let i = 0; i < headers.length; i += 1) this.#outbox.push(headers[i]);
    if (bytes || this.#outbox.length >= MOST_VALUES) this.#flush();
    else if (first) TURN_END.then(this.#flush);
  }

  /**
   * @param {import('..').HttpRequest} request
   * @param {AbortSignal} signal
   */
  async #abortable(request, signal) {
    if (!(signal instanceof AbortSignal)) throw refuse('signal', 'an AbortSignal', signal);
    if (signal.aborted) throw new TrunklineError('ABORTED', 'the call was aborted', { cause: signal.reason });
    let abort = () => {};
    // One signal for many calls is the usual case, and no leak: each call takes its listener away.
    setMaxListeners(0, signal);
    try {
      return await settled((slot) => {
        this.#send(slot, request);
        abort = () => {
          this.#flush();
          this.#native.abort(slot);
        };
        signal.addEventListener('abort', abort, { once: true });
      }, readReply);
    } catch (error) {
      if (/** @type {TrunklineError} */ (error).code !== 'ABORTED') throw error;
      throw new TrunklineError('ABORTED', 'the call was aborted', { attempts: /** @type {TrunklineError} */ (error).attempts, cause: signal.reason });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /**
   * Counters since the start; still there after close().
   * @returns {import('..').HttpClientStats}
   */
  stats() {
    const { answeredWithin, ...counts } = this.#native.stats();
    const last = answeredWithin.length - 1;
    const latency = answeredWithin.map((/** @type {number} */ count, /** @type {number} */ i) => ({ belowMs: i === last ? Infinity : 2 ** i, count }));
    return { ...counts, latency };
  }

  /**
   * Takes no more requests and waits for those under way. None of them waits longer than `graceMs`: for its next try, for the rate or for a token.
   * @param {{ graceMs?: number }} [given] of the first call
   * @returns {Promise<void>}
   */
  async close(given = {}) {
    const options = new Options(given, {});
    const graceMs = options.integer('graceMs', { min: 0, max: 600_000, fallback: 10_000 });
    options.finish();
    this.#flush();
    this.#closing ??= settled((slot) => this.#native.close(slot, graceMs), valueOf);
    return this.#closing;
  }
}

/** @param {unknown} deadlineMs */
function checkDeadline(deadlineMs) {
  if (deadlineMs !== undefined && (!Number.isInteger(deadlineMs) || Number(deadlineMs) < 1)) throw refuse('deadlineMs', 'an integer from 1 on', deadlineMs);
}

/** @param {any} given undefined: the client's own; false: one try */
function readCallPolicy(given) {
  if (given === undefined || given === false) return given;
  const options = new Options({}, {});
  const policy = readRetryPolicy(options, given);
  options.finish();
  return policy;
}

/**
 * @param {Record<string, string> | undefined} given
 * @param {string | undefined} authHeader
 * @param {boolean} hasKey
 * @returns {string[]} name, value, name, value, …
 */
function readHeaders(given, authHeader, hasKey) {
  if (given !== undefined && (given === null || typeof given !== 'object')) throw refuse('headers', 'an object', given);
  /** @type {string[]} */
  const headers = [];
  for (const name in given) {
    const value = given[name];
    if (typeof value !== 'string') throw refuse(`headers.${name}`, 'a string', value);
    const lower = name.toLowerCase();
    if (lower === authHeader) throw refuse(`headers.${name}`, 'no header that auth sets already', value);
    if (hasKey && lower === 'idempotency-key') throw refuse(`headers.${name}`, 'either this header or idempotencyKey', value);
    headers.push(name, value);
    if (headers.length > 2 * MOST_HEADERS) throw refuse('headers', `at most ${MOST_HEADERS} of them`, given);
  }
  return headers;
}

/**
 * @param {{ json?: unknown, body?: Buffer | string, form?: Record<string, string> }} request
 * @param {string[]} headers the body's type is added where the caller gives none
 * @returns {Buffer | string | undefined}
 */
function readBody({ json, body, form }, headers) {
  if (Number(json !== undefined) + Number(body !== undefined) + Number(form !== undefined) > 1) {
    throw refuse('json, body, form', 'at most one of them', { json, body, form });
  }
  if (json !== undefined) {
    addType(headers, 'application/json');
    return toJson(json);
  }
  if (form !== undefined) {
    addType(headers, 'application/x-www-form-urlencoded');
    return encodeForm('form', form);
  }
  if (body !== undefined && typeof body !== 'string' && !isBytes(body)) {
    throw refuse('body', 'a Buffer or a string', body);
  }
  return body;
}

/** @param {unknown} value */
function toJson(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TrunklineError('CONFIG_INVALID', `json: expected what JSON can hold: ${/** @type {Error} */ (cause).message.split('\n')[0]}`, { cause });
  }
  if (text === undefined) throw refuse('json', 'what JSON can hold', value);
  return text;
}

/**
 * @param {string} label
 * @param {any} fields what is undefined is left out
 */
function encodeForm(label, fields) {
  if (fields === null || typeof fields !== 'object') throw refuse(label, 'an object', fields);
  const encoded = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!['string', 'number', 'boolean'].includes(typeof value)) throw refuse(`${label}.${name}`, 'a string, a number or a boolean', value);
    encoded.append(name, String(value));
  }
  return encoded.toString();
}

/**
 * @param {string[]} headers
 * @param {string} type
 */
function addType(headers, type) {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i].toLowerCase() === 'content-type') return;
  }
  headers.push('Content-Type', type);
}

/**
 * @param {string} path
 * @param {Record<string, string | number | boolean | undefined> | undefined} query
 */
function withQuery(path, query) {
  if (query === undefined) return path;
  const text = encodeForm('query', query);
  return text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`;
}

module.exports = { HttpClient };
