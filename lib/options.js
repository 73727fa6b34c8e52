// Options: read once, from the caller's object or the environment, with one vocabulary for what is wrong: name, expected, actual.
'use strict';

const { types } = require('node:util');
const { TrunklineError } = require('./errors.js');

/**
 * How one option is found.
 * @typedef {object} Source
 * @property {string} [env] the environment variable that stands in for it
 * @property {any} [fallback] when neither is there
 * @property {boolean} [required] neither there: reported with every other missing one
 */

/** @param {unknown} value */
function describe(value) {
  if (value === null) return 'null';
  if (types.isProxy(value)) return 'a proxy'; // which answers no question once it is revoked
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // A text may be a secret: only its kind is told.
  return typeof value === 'string' ? (value === '' ? 'an empty string' : 'a string') : `a value of type ${typeof value}`;
}

class Options {
  #given;
  #env;
  /** @type {string[]} */ #missing = [];
  /** @type {string[]} */ #wrong = [];
  #known = new Set(['env']);
  #prefix;
  /** @type {Options[]} */ #nested = [];

  /**
   * @param {Record<string, any> | undefined} given the caller's object
   * @param {NodeJS.ProcessEnv} [env] default: `given.env`, else the process's
   * @param {string} [prefix] before each name in messages
   */
  constructor(given = {}, env, prefix = '') {
    this.#prefix = prefix;
    if (given === null || typeof given !== 'object') {
      throw new TrunklineError('CONFIG_INVALID', `options: expected an object, got ${describe(given)}`);
    }
    this.#given = given;
    this.#env = env ?? given.env ?? process.env;
  }

  /** The environment that stands in for options. */
  get env() {
    return this.#env;
  }

  /** Is something missing that was required so far? */
  get lacks() {
    return this.#missing.length > 0;
  }

  /**
   * @param {string} name
   * @param {Source} source
   * @returns {{ value: any, label: string } | undefined}
   */
  #find(name, source) {
    this.#known.add(name);
    const given = this.#given[name];
    if (given !== undefined) return { value: given, label: this.#prefix + name };
    const text = source.env === undefined ? undefined : this.#env[source.env];
    if (text !== undefined && text !== '') return { value: text, label: /** @type {string} */ (source.env) };
    if (source.required) this.#missing.push(source.env ?? this.#prefix + name);
    return undefined;
  }

  /**
   * @param {string} label
   * @param {string} expected
   * @param {unknown} actual
   */
  wrong(label, expected, actual) {
    this.#wrong.push(`${label}: expected ${expected}, got ${describe(actual)}`);
  }

  /**
   * Where even a number may be a secret: its kind only.
   * @param {string} label
   * @param {string} expected
   * @param {unknown} actual
   */
  #wrongSecret(label, expected, actual) {
    if (typeof actual !== 'number') return this.wrong(label, expected, actual);
    this.#wrong.push(`${label}: expected ${expected}, got a number`);
  }

  /**
   * @param {string} name
   * @param {Source} [source]
   * @returns {string}
   */
  text(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    if (typeof found.value !== 'string' || found.value === '') this.wrong(found.label, 'a non-empty string', found.value);
    return found.value;
  }

  /**
   * A credential that goes into a header.
   * @param {string} name
   * @param {Source} [source]
   * @returns {string}
   */
  token(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    if (typeof found.value !== 'string' || !/^[\x21-\x7e]+$/.test(found.value)) {
      this.#wrongSecret(found.label, 'a token of visible ASCII characters without white space', found.value);
    }
    return found.value;
  }

  /**
   * A credential that does not stand in a header as it is. No refusal tells more of it than its kind.
   * @param {string} name
   * @param {Source} [source]
   * @returns {string}
   */
  secret(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    if (typeof found.value !== 'string' || found.value === '') this.#wrongSecret(found.label, 'a non-empty string', found.value);
    return found.value;
  }

  /**
   * @param {string} name
   * @param {Source & { min?: number, max?: number }} [source]
   * @returns {number}
   */
  integer(name, source = {}) {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = source;
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    const number = typeof found.value === 'string' && /^\d+$/.test(found.value) ? Number(found.value) : found.value;
    if (!Number.isInteger(number) || number < min || number > max) {
      this.wrong(found.label, `an integer from ${min} to ${max}`, found.value);
    }
    return number;
  }

  /**
   * @param {string} name
   * @param {Source} [source]
   * @returns {boolean}
   */
  flag(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback ?? false;
    if (typeof found.value === 'boolean') return found.value;
    if (found.value === '1' || found.value === 'true') return true;
    if (found.value === '0' || found.value === 'false') return false;
    this.wrong(found.label, 'true or false (1 or 0)', found.value);
    return false;
  }

  /**
   * Secrets for signatures: one or several (rotation); in the environment separated by commas.
   * @param {string} name
   * @param {Source} [source]
   * @returns {Array<string | Buffer>}
   */
  secrets(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    const fromEnvironment = found.label !== this.#prefix + name;
    const list = fromEnvironment ? found.value.split(',').map((/** @type {string} */ one) => one.trim()) : Array.isArray(found.value) ? found.value : [found.value];
    const good = list.length > 0 && list.every((/** @type {any} */ one) => (typeof one === 'string' ? one.trim() !== '' : one instanceof Uint8Array && one.length > 0));
    if (!good) this.#wrongSecret(found.label, 'one or several non-empty secrets', found.value);
    return good ? list : [];
  }

  /**
   * An object; in the environment it is JSON.
   * @param {string} name
   * @param {Source} [source]
   * @returns {Record<string, any>}
   */
  object(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    const value = typeof found.value === 'string' ? parseJson(found.value) : found.value;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
    this.wrong(found.label, 'an object', found.value);
    return {};
  }

  /**
   * One of several by its name, or an object of one's own; in the environment that is JSON.
   * @param {string} name
   * @param {{ env?: string, among: Record<string, any>, fallback: string }} source
   * @returns {any}
   */
  choice(name, { env, among, fallback }) {
    const found = this.#find(name, { env });
    if (!found) return among[fallback];
    const { value: given } = found;
    const value = typeof given !== 'string' ? given : Object.hasOwn(among, given) ? among[given] : parseJson(given);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
    this.wrong(found.label, `${Object.keys(among).join(', ')} or an object`, given);
    return among[fallback];
  }

  /**
   * A platform's host: a bare host means https there; an absolute URL is taken as it is, path included.
   * @param {string} name
   * @param {Source & { domain?: string }} [source] `domain`: what a name without a dot is put before
   * @returns {string} an absolute URL without a trailing slash
   */
  host(name, source = {}) {
    return /** @type {string} */ (this.#url(name, source)?.url);
  }

  /**
   * The hosts of a platform that has several, named after one. An absolute URL stands for all of them, so that every call of the platform goes there.
   * @template {Record<string, string>} T
   * @param {string} name
   * @param {Source} source
   * @param {(host: string) => T} urlsOf what a bare host means
   * @returns {T}
   */
  hosts(name, source, urlsOf) {
    const { url = '', label = name, isBare = false } = this.#url(name, source) ?? {};
    if (!isBare) return /** @type {T} */ (Object.fromEntries(Object.keys(urlsOf('')).map((key) => [key, url])));
    const { host, pathname } = new URL(url);
    if (pathname !== '/') this.wrong(label, 'a host without a path', url);
    return urlsOf(host);
  }

  /**
   * @param {string} name
   * @param {Source & { domain?: string }} source
   * @returns {{ url: string, label: string, isBare: boolean } | undefined}
   */
  #url(name, source) {
    const found = this.#find(name, source) ?? { value: source.fallback, label: name };
    if (found.value === undefined) return undefined;
    const expected = 'a host such as api.example.com, or an absolute http(s) URL without credentials, query or fragment';
    const text = typeof found.value === 'string' ? found.value : '';
    const isBare = !text.includes('://');
    const host = source.domain !== undefined && /^[a-z0-9-]+$/i.test(text) ? `${text}.${source.domain}` : text;
    const url = parseUrl(isBare ? `https://${host}` : text);
    if (!text || !url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
      this.wrong(found.label, expected, found.value);
      return { url: '', label: found.label, isBare: false };
    }
    return { url: url.href.replace(/\/+$/, ''), label: found.label, isBare };
  }

  /**
   * A function of the caller's.
   * @param {string} name
   * @param {Source} [source]
   * @returns {any}
   */
  callback(name, source = {}) {
    const found = this.#find(name, source);
    if (!found) return source.fallback;
    if (typeof found.value !== 'function') this.wrong(found.label, 'a function', found.value);
    return found.value;
  }

  /**
   * One of a few words.
   * @template {string} T
   * @param {string} name
   * @param {readonly T[]} words the first is the default
   * @returns {T}
   */
  word(name, words) {
    const value = this.#find(name, {})?.value ?? words[0];
    if (!words.includes(value)) this.wrong(name, words.join(' or '), value);
    return value;
  }

  /**
   * A nested object or anything else that its reader checks.
   * @param {string} name
   * @param {any} [fallback]
   * @returns {any}
   */
  raw(name, fallback) {
    const found = this.#find(name, {});
    return found ? found.value : fallback;
  }

  /**
   * The options in an object of options. What is wrong with them is reported by this one's finish().
   * @param {string} name
   * @returns {Options}
   */
  nested(name) {
    const given = this.raw(name, {});
    const isObject = given !== null && typeof given === 'object';
    if (!isObject) this.wrong(name, 'an object', given);
    const nested = new Options(isObject ? given : {}, this.#env, `${name}.`);
    nested.#known.delete('env');
    this.#nested.push(nested);
    return nested;
  }

  /** @returns {string[]} */
  #problems() {
    const known = [...this.#known].sort().join(', ');
    const unknown = Object.keys(this.#given).filter((name) => !this.#known.has(name));
    return [
      ...(this.#missing.length > 0 ? [`missing: ${this.#missing.join(', ')}`] : []),
      ...this.#wrong,
      ...this.#nested.flatMap((nested) => nested.#problems()),
      ...unknown.map((name) => `${this.#prefix}${name}: is not an option; known are ${known}`),
    ];
  }

  /** Everything has been asked for: reports what is missing, wrong or unknown, all at once. */
  finish() {
    const problems = this.#problems();
    if (problems.length > 0) throw new TrunklineError('CONFIG_INVALID', problems.join('; '));
  }
}

/** @param {string} text @returns {unknown} */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function parseUrl(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/**
 * For arguments of single calls, which are refused one at a time.
 * @param {string} label
 * @param {string} expected
 * @param {unknown} actual
 */
function refuse(label, expected, actual) {
  return new TrunklineError('CONFIG_INVALID', `${label}: expected ${expected}, got ${describe(actual)}`);
}

module.exports = { Options, refuse };
