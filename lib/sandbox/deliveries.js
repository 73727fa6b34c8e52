// What the simulated platforms send on their own: events to webhooks, each webhook's in order, tried again as its retry policy says.
'use strict';

const { EntryLog } = require('./entry-log.js');
const { HttpClient } = require('../http-client.js');

/**
 * A delivery that has ended.
 * @typedef {object} LoggedDelivery
 * @property {number} number counts from 1 since the start or the last clear
 * @property {string} at ISO 8601
 * @property {string} webhookId
 * @property {string} url without its query, which may carry secrets
 * @property {string} eventType
 * @property {string} externalId of the profile
 * @property {number | null} status the last; null where there was no answer
 * @property {string | null} code of the error; null where it has been taken
 * @property {number} attempts
 *
 * @typedef {object} Delivery
 * @property {string} webhookId
 * @property {URL} url
 * @property {Record<string, string>} headers
 * @property {{ attempts: number, intervalMs: number }} retry
 * @property {{ eventType: string, externalId: string }} facts for the log
 * @property {string} body JSON
 *
 * @typedef {object} Line the deliveries of one webhook
 * @property {Delivery[]} queue the first is under way
 * @property {AbortController} closing
 * @property {{ client: HttpClient, origin: string } | undefined} open
 * @property {Promise<void>} running
 */

const MAX_PENDING = 100_000;
const MAX_PENDING_BYTES = 64 << 20;
const MAX_RETRY_AFTER_MS = 86_400_000;
/** Whatever is not 2xx is tried again. */
const RETRIED = [...Array.from({ length: 300 }, (_, i) => 300 + i), 'network', 'timeout'];

class Deliveries {
  /** @type {Map<string, Line>} by the webhook's id */
  #lines = new Map();
  /** @type {EntryLog<LoggedDelivery>} */
  #log = new EntryLog('deliveries');
  #pending = 0;
  #pendingBytes = 0;
  #dropped = 0;
  /** @type {Array<() => void>} */
  #waiting = [];
  #closed = false;
  #maxPending;
  #maxPendingBytes;

  /** @param {{ maxPending?: number, maxPendingBytes?: number }} [o] further ones are dropped */
  constructor({ maxPending = MAX_PENDING, maxPendingBytes = MAX_PENDING_BYTES } = {}) {
    this.#maxPending = maxPending;
    this.#maxPendingBytes = maxPendingBytes;
  }

  /** How many have ended since the last clear. */
  get total() {
    return this.#log.total;
  }

  /** How many wait or are under way. */
  get pending() {
    return this.#pending;
  }

  /** How many were never begun, because too many waited. */
  get dropped() {
    return this.#dropped;
  }

  /** @returns {LoggedDelivery[]} that have ended, oldest first */
  list() {
    return this.#log.list();
  }

  /** @param {(delivery: LoggedDelivery) => boolean} fits @param {{ count?: number, timeoutMs?: number }} [o] @returns {Promise<LoggedDelivery[]>} */
  waitFor(fits, o) {
    return this.#log.waitFor(fits, o);
  }

  /** Forgets those that have ended. */
  clear() {
    this.#log.clear();
    this.#dropped = 0;
  }

  /** @returns {Promise<void>} when none is pending */
  idle() {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  /** @param {Delivery} delivery */
  add(delivery) {
    if (this.#closed) return;
    if (this.#pending === this.#maxPending || this.#pendingBytes + delivery.body.length > this.#maxPendingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#pending += 1;
    this.#pendingBytes += delivery.body.length;
    const line = this.#lines.get(delivery.webhookId) ?? this.#openLine(delivery.webhookId);
    line.queue.push(delivery);
    if (line.queue.length === 1) line.running = this.#run(line);
  }

  /** Those of a webhook that is gone are dropped. @param {string} webhookId @returns {Promise<void>} */
  async forget(webhookId) {
    const line = this.#lines.get(webhookId);
    if (line === undefined) return;
    this.#lines.delete(webhookId);
    for (const { body } of line.queue.splice(0)) this.#end(body);
    line.closing.abort();
    await line.running;
    await line.open?.client.close({ graceMs: 0 });
  }

  reset() {
    for (const id of [...this.#lines.keys()]) void this.forget(id);
    this.clear();
  }

  /** Drops what is pending. @returns {Promise<void>} */
  async close() {
    this.#closed = true;
    await Promise.all([...this.#lines.keys()].map((id) => this.forget(id)));
  }

  /** @param {string} webhookId @returns {Line} */
  #openLine(webhookId) {
    const line = { queue: [], closing: new AbortController(), open: undefined, running: Promise.resolve() };
    this.#lines.set(webhookId, line);
    return line;
  }

  /** @param {Line} line */
  async #run(line) {
    for (let delivery = line.queue.at(0); delivery !== undefined; delivery = line.queue.at(0)) {
      const outcome = await send(line, delivery);
      if (line.closing.signal.aborted) return;
      line.queue.shift();
      const { webhookId, url, facts } = delivery;
      this.#log.add({ at: new Date().toISOString(), webhookId, url: url.origin + url.pathname, ...facts, ...outcome });
      this.#end(delivery.body);
    }
  }

  /** @param {string} body */
  #end(body) {
    this.#pending -= 1;
    this.#pendingBytes -= body.length;
    if (this.#pending > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** @param {Line} line @param {Delivery} delivery @returns {Promise<{ status: number | null, code: string | null, attempts: number }>} */
async function send(line, { url, headers, retry: { attempts, intervalMs }, body }) {
  try {
    const client = await clientOf(line, url);
    const answer = await client.request({
      method: 'POST',
      path: url.pathname + url.search,
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
      idempotent: true,
      signal: line.closing.signal,
      retry: { attempts, baseMs: intervalMs, factor: 1, maxMs: intervalMs, jitter: 'none', maxRetryAfterMs: MAX_RETRY_AFTER_MS, on: /** @type {any[]} */ (RETRIED) },
    });
    return { status: answer.status, code: null, attempts: answer.attempts };
  } catch (error) {
    const { status = null, code, attempts: made = 0 } = /** @type {import('../..').TrunklineError} */ (error);
    return { status, code, attempts: made };
  }
}

/** One connection, so that what one webhook gets is in order. @param {Line} line @param {URL} url */
async function clientOf(line, { origin }) {
  if (line.open?.origin !== origin) {
    await line.open?.client.close({ graceMs: 0 });
    // The receiver is the developer's own machine, or a container beside it.
    line.open = { origin, client: new HttpClient({ baseUrl: origin, allowInsecure: true, maxConnections: 1, proxy: false, logger: false }) };
  }
  return line.open.client;
}

module.exports = { Deliveries };
