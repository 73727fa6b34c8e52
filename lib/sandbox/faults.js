// The faults that a test or a person has programmed: which requests they meet, how often, and what happens then.
'use strict';

const http = require('node:http');
const { Refusal } = require('./answer.js');

/**
 * @typedef {object} FaultOptions
 * @property {string} [platform] only requests to this platform
 * @property {string} [method]
 * @property {string | RegExp} [path] a prefix; or a pattern for the whole path: `*` is anything but a slash, `**` anything; a RegExp in-process only
 * @property {number} [status] answer this instead of handling the request
 * @property {Record<string, string>} [headers] on that answer
 * @property {unknown} [body] of that answer: a string as it is, anything else as JSON
 * @property {number} [times] how many requests it meets: default 1; -1 until it is removed
 * @property {number} [delayMs] wait before anything else
 * @property {'before' | 'after' | 'mid-body'} [drop] close the connection: before the request is handled, after it without an answer, half-way through the answer
 * @property {true} [garbage] answer with bytes that are not HTTP
 *
 * @typedef {FaultOptions & { id: string, times: number, hits: number }} Fault
 */

const MAX_FAULTS = 1000;
const MAX_DELAY_MS = 600_000;
const MAX_HEADERS = 50;
const MAX_PATH_LENGTH = 2048;
const DROPS = ['before', 'after', 'mid-body'];

/** @param {unknown} value */
function shown(value) {
  const text = value instanceof RegExp ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** @param {string} name @param {string} expected @param {unknown} actual @returns {never} */
function refuse(name, expected, actual) {
  throw new Refusal(400, `${name}: expected ${expected}, got ${shown(actual)}`);
}

/** @param {string} name @param {unknown} value @param {number} min @param {number} max */
function checkInteger(name, value, min, max) {
  if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) refuse(name, `a whole number from ${min} to ${max}`, value);
}

/** @param {unknown} headers */
function checkHeaders(headers) {
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers)) refuse('headers', 'an object of strings', headers);
  const entries = Object.entries(/** @type {object} */ (headers));
  if (entries.length > MAX_HEADERS) refuse('headers', `at most ${MAX_HEADERS}`, entries.length);
  for (const [name, value] of entries) {
    if (typeof value !== 'string') refuse(`headers.${name}`, 'a string', value);
    try {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    } catch {
      refuse('headers', 'valid header names and values', { [name]: value });
    }
  }
}

/** How each field is checked, by its name; any other name is refused. @type {Record<string, (value: unknown, platforms: string[]) => void>} */
const CHECKS = {
  platform: (value, platforms) => {
    if (!platforms.includes(String(value))) refuse('platform', `one of ${platforms.join(', ')}`, value);
  },
  method: (value) => {
    if (typeof value !== 'string' || !http.METHODS.includes(value.toUpperCase())) refuse('method', 'an HTTP method', value);
  },
  path: (value) => {
    if (value instanceof RegExp) return;
    if (typeof value !== 'string' || !/^[/*]/.test(value) || value.length > MAX_PATH_LENGTH) refuse('path', 'a prefix or pattern that begins with / or *', value);
  },
  status: (value) => checkInteger('status', value, 200, 599),
  headers: checkHeaders,
  body: () => {},
  times: (value) => {
    if (value !== -1) checkInteger('times', value, 1, 1_000_000);
  },
  delayMs: (value) => checkInteger('delayMs', value, 0, MAX_DELAY_MS),
  drop: (value) => {
    if (!DROPS.includes(String(value))) refuse('drop', `one of ${DROPS.join(', ')}`, value);
  },
  garbage: (value) => {
    if (value !== true) refuse('garbage', 'true', value);
  },
};

/** @param {unknown} options @param {string[]} platforms @returns {FaultOptions} */
function checked(options, platforms) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) refuse('fault', 'an object', options);
  const given = /** @type {Record<string, unknown>} */ (options);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(CHECKS, name)) refuse(name, `one of the fields ${Object.keys(CHECKS).join(', ')}`, value);
    if (value !== undefined) CHECKS[name](value, platforms);
  }
  const { status, headers, body, drop, garbage, delayMs } = given;
  const answers = status !== undefined || headers !== undefined || body !== undefined;
  if (!answers && drop === undefined && garbage === undefined && delayMs === undefined) {
    throw new Refusal(400, 'fault: expected at least one of status, body, delayMs, drop, garbage, got none');
  }
  if (garbage !== undefined && (answers || drop !== undefined)) throw new Refusal(400, 'garbage: expected to stand alone, got status, headers, body or drop beside it');
  if (answers && (drop === 'before' || drop === 'after')) throw new Refusal(400, `drop: expected no answer beside "${drop}", got status, headers or body`);
  return given;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}

/** @param {string | RegExp | undefined} path @returns {(path: string) => boolean} */
function pathMatcher(path) {
  if (path === undefined) return () => true;
  if (path instanceof RegExp) return (actual) => actual.search(path) !== -1;
  if (!path.includes('*')) return (actual) => actual.startsWith(path);
  const source = path.split('**').map((part) => part.split('*').map(escaped).join('[^/]*')).join('.*');
  const pattern = new RegExp(`^${source}$`);
  return (actual) => pattern.test(actual);
}

/** Faults in the order in which they were added; the first that fits a request is the one that it meets. */
class Faults {
  /** @type {Map<string, { fault: Fault, fits: (path: string) => boolean }>} */
  #faults = new Map();
  #nextId = 1;
  #platforms;

  /** @param {string[]} platforms */
  constructor(platforms) {
    this.#platforms = platforms;
  }

  /**
   * @param {FaultOptions} options
   * @returns {Fault}
   * @throws {Error} naming the field that is wrong
   */
  add(options) {
    const { times = 1, method, ...rest } = checked(options, this.#platforms);
    if (this.#faults.size >= MAX_FAULTS) refuse('faults', `at most ${MAX_FAULTS} at a time`, this.#faults.size + 1);
    const fault = { id: `fault-${this.#nextId++}`, ...rest, ...(method === undefined ? {} : { method: method.toUpperCase() }), times, hits: 0 };
    this.#faults.set(fault.id, { fault, fits: pathMatcher(fault.path) });
    return { ...fault };
  }

  /** @returns {Fault[]} those that will still meet a request */
  list() {
    return [...this.#faults.values()].map(({ fault }) => ({ ...fault }));
  }

  /** @param {string} id @returns {boolean} false when there is none */
  remove(id) {
    return this.#faults.delete(id);
  }

  clear() {
    this.#faults.clear();
  }

  /**
   * The fault that this request meets, counted; undefined for a request that meets none.
   * @param {string | undefined} platform @param {string} method @param {string} path as sent, without its query
   * @returns {Fault | undefined}
   */
  take(platform, method, path) {
    for (const { fault, fits } of this.#faults.values()) {
      if (fault.platform !== undefined && fault.platform !== platform) continue;
      if (fault.method !== undefined && fault.method !== method) continue;
      if (!fits(path)) continue;
      fault.hits += 1;
      if (fault.times !== -1 && fault.hits >= fault.times) this.#faults.delete(fault.id);
      return fault;
    }
    return undefined;
  }
}

module.exports = { Faults };
