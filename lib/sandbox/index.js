// trunkline/sandbox: the platforms, simulated on loopback, with faults on demand. For developing and testing without a network.
'use strict';

const http = require('node:http');
const { setMaxListeners } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const { BoundedMap } = require('./bounded-map.js');
const { Logins } = require('./logins.js');
const { Faults } = require('./faults.js');
const { EntryLog } = require('./entry-log.js');
const { Deliveries } = require('./deliveries.js');
const { PLATFORMS, Router } = require('./platforms.js');
const { PREFIX, control } = require('./control.js');
const { Refusal, refusal, send, sendHalf, sendGarbage, readBody } = require('./answer.js');

/** @typedef {import('node:http').IncomingMessage} Incoming */
/** @typedef {import('node:http').ServerResponse} Outgoing */
/** @typedef {import('./answer.js').Answer} Answer */
/** @typedef {import('./faults.js').Fault} Fault */
/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').Route} Route */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

const MAX_BODY_BYTES = 1 << 20;
const MAX_CONNECTIONS = 10_000;
const MAX_KEY_LENGTH = 255;
const KEY_TTL_MS = 24 * 3600 * 1000;
const MAX_KEYS = 100_000;
const MAX_KEYS_BYTES = 64 << 20;
const KEEP_ALIVE_MS = 65_000; // longer than any client's, so that it is the client who lets go

/** One running sandbox. Made by createSandbox. */
class Sandbox {
  /** Answers a fault on demand: `add`, `list`, `remove`, `clear`. @type {Faults} */
  faults;
  /** What came in: `list`, `clear`, `waitFor`, `total`. @type {EntryLog<import('./entry-log.js').LoggedRequest>} */
  requests = new EntryLog('requests');
  /** What the platforms sent to webhooks: `list`, `clear`, `waitFor`, `total`, and `pending`, `dropped`, `idle` of what is to be sent. */
  deliveries = new Deliveries();
  #logins = new Logins();
  #platforms = PLATFORMS.map((create) => create(this.#logins, this.deliveries));
  #router = new Router(this.#platforms);
  /** @type {BoundedMap<Answer>} answers by idempotency key */
  #answers = new BoundedMap({ maxEntries: MAX_KEYS, maxBytes: MAX_KEYS_BYTES, ttlMs: KEY_TTL_MS });
  #closing = new AbortController();
  #server;
  #host;

  /** @param {string} host @param {number} keepAliveMs */
  constructor(host, keepAliveMs) {
    this.#host = host;
    setMaxListeners(0, this.#closing.signal); // one for each request that waits
    this.faults = new Faults(this.#platforms.map(({ name }) => name));
    this.#server = http.createServer({ keepAliveTimeout: keepAliveMs }, (req, res) => {
      this.#serve(req, res).catch((error) => this.#fail(res, error));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @param {number} port @returns {Promise<this>} */
  listen(port) {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.#host, () => {
        this.#server.removeListener('error', reject);
        resolve(this);
      });
    });
  }

  /** The port that it listens on. */
  get port() {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the sandbox is closed');
    return address.port;
  }

  /** Its base URL, without a slash at the end. */
  get url() {
    const anywhere = this.#host === '0.0.0.0' || this.#host === '::';
    const host = anywhere ? '127.0.0.1' : this.#host;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** The environment variables that make trunkline speak to it. @returns {Record<string, string>} */
  get env() {
    return Object.assign({}, ...this.#platforms.map((platform) => platform.env(this.url)));
  }

  /** The tokens that its platforms have given out: `revoke` makes them invalid, `lifetimeSeconds` is that of the ones to come. */
  get tokens() {
    return this.#logins;
  }

  /** How platforms behave, by their name; for tests to change. @returns {Record<string, any>} */
  get settings() {
    return Object.fromEntries(this.#platforms.flatMap(({ name, settings }) => (settings === undefined ? [] : [[name, settings]])));
  }

  /** Forgets faults, requests, deliveries, remembered answers and all that the platforms hold. */
  reset() {
    this.faults.clear();
    this.requests.clear();
    this.deliveries.reset();
    this.#answers.clear();
    for (const platform of this.#platforms) platform.reset();
  }

  /** Stops listening, closes every connection, busy or idle, and drops what is to be delivered. @returns {Promise<void>} */
  async close() {
    this.#closing.abort();
    const closed = new Promise((resolve) => { this.#server.close(resolve); });
    this.#server.closeAllConnections();
    await Promise.all([closed, this.deliveries.close()]);
  }

  /** @param {Outgoing} res @param {unknown} error */
  #fail(res, error) {
    if (res.headersSent || this.#closing.signal.aborted) {
      res.destroy();
      return;
    }
    send(res, answerTo(error));
  }

  /** @param {Incoming} req @param {Outgoing} res */
  async #serve(req, res) {
    req.on('error', () => res.destroy());
    const [path, query = ''] = (req.url ?? '/').split('?', 2);
    const method = req.method ?? 'GET';
    if (path.startsWith(PREFIX)) {
      send(res, control(this.#controlled(), method, path, await readBody(req, MAX_BODY_BYTES)));
      return;
    }
    const found = this.#router.find(method, path);
    const fault = this.faults.take(found.platform?.name, method, path);
    const key = headerValue(req.headers['idempotency-key']);
    /** @param {Answer | undefined} answer */
    const log = (answer) => this.requests.add({
      at: new Date().toISOString(),
      platform: found.platform?.name ?? null,
      method,
      path,
      status: answer?.status ?? null,
      idempotencyKey: key?.slice(0, MAX_KEY_LENGTH) ?? null,
      replayed: answer?.replayed ?? false,
      fault: fault?.id ?? null,
    });
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: this.#closing.signal });
    if (fault?.drop === 'before') {
      log(undefined);
      res.destroy();
      return;
    }
    /** @type {Answer} */
    let answer;
    try {
      const body = await readBody(req, MAX_BODY_BYTES);
      answer = programmed(fault, found.platform) ?? this.#answer(found, key, path, () => ({ method, params: found.params(), query: new URLSearchParams(query), headers: req.headers, body }));
    } catch (error) {
      answer = answerTo(error, found.platform);
    }
    deliver(res, answer, fault, log);
  }

  /** @returns {import('./control.js').Controlled} */
  #controlled() {
    return { faults: this.faults, requests: this.requests, deliveries: this.deliveries, logins: this.#logins, reset: () => this.reset() };
  }

  /**
   * @param {{ platform: Platform | undefined, route: Route | undefined }} found
   * @param {string | undefined} key @param {string} path
   * @param {() => PlatformRequest} makeRequest throws a Refusal for a path that cannot be decoded
   * @returns {Answer}
   */
  #answer({ platform, route }, key, path, makeRequest) {
    if (platform === undefined) throw new Refusal(404, `no simulated platform has the path ${path.slice(0, 200)}`);
    if (route === undefined) throw new Refusal(405, `${platform.name} does not take this method at ${path.slice(0, 200)}`);
    const request = makeRequest();
    route.authenticate?.(request);
    if (key === undefined || !route.idempotent) return route.handle(request);
    if (key === '' || key.length > MAX_KEY_LENGTH) throw new Refusal(400, `Idempotency-Key: expected 1 to ${MAX_KEY_LENGTH} characters, got ${key.length}`);
    const scoped = JSON.stringify([platform.name, route.method, route.path, request.params, key]);
    const earlier = this.#answers.get(scoped);
    if (earlier !== undefined) return { ...(route.again?.(earlier) ?? earlier), headers: { ...earlier.headers, 'idempotency-replayed': 'true' }, replayed: true };
    const answer = route.handle(request);
    this.#answers.set(scoped, answer, scoped.length + (typeof answer.body === 'string' ? answer.body.length : 0));
    return answer;
  }
}

/** @param {string | string[] | undefined} value */
function headerValue(value) {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** @param {unknown} error @param {Platform} [platform] @returns {Answer} */
function answerTo(error, platform) {
  if (!(error instanceof Refusal)) return refusal(500, `the sandbox failed: ${error instanceof Error ? error.message : error}`);
  return { ...refusal(error.status, error.message, platform?.errorBody), headers: error.headers };
}

/** The answer that a fault gives instead of the platform's; undefined when the platform is to answer. @param {Fault | undefined} fault @param {Platform} [platform] @returns {Answer | undefined} */
function programmed(fault, platform) {
  if (fault === undefined || (fault.status === undefined && fault.headers === undefined && fault.body === undefined)) return undefined;
  const status = fault.status ?? 200;
  return { status, headers: fault.headers, body: fault.body ?? refusal(status, `programmed answer ${status}`, platform?.errorBody).body };
}

/** @param {Outgoing} res @param {Answer} answer @param {Fault | undefined} fault @param {(answer: Answer | undefined) => void} log */
function deliver(res, answer, fault, log) {
  // Logged first: whoever has the answer in hand finds its request in the log.
  log(fault?.drop !== undefined || fault?.garbage ? undefined : answer);
  if (fault?.garbage) sendGarbage(res);
  else if (fault?.drop === 'after') res.destroy();
  else if (fault?.drop === 'mid-body') sendHalf(res, answer);
  else send(res, answer);
}

/**
 * Starts the simulated platforms.
 * @param {{ port?: number, host?: string, keepAliveMs?: number }} [o] port 0, the default, takes a free one
 * @returns {Promise<Sandbox>} once it listens
 */
function createSandbox({ port = 0, host = '127.0.0.1', keepAliveMs = KEEP_ALIVE_MS } = {}) {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return Promise.reject(new RangeError(`port: expected a whole number from 0 to 65535, got ${port}`));
  }
  if (typeof host !== 'string' || host === '') return Promise.reject(new TypeError(`host: expected a host name or address, got ${host}`));
  if (!Number.isInteger(keepAliveMs) || keepAliveMs < 1) return Promise.reject(new RangeError(`keepAliveMs: expected a whole number from 1 on, got ${keepAliveMs}`));
  return new Sandbox(host, keepAliveMs).listen(port);
}

module.exports = { createSandbox };
