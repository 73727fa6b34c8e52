// HttpResponse: what a platform answered, made into JavaScript values when they are asked for.
'use strict';

const { TrunklineError } = require('./errors.js');

/** A platform's answer. */
class HttpResponse {
  #lines;
  #body;
  /** @type {Record<string, string> | undefined} */ #headers;

  /**
   * What binding/http_client.cc gives.
   * @param {number} status
   * @param {string} lines
   * @param {Buffer | string} body
   * @param {number} attempts
   * @param {number} durationMs
   */
  constructor(status, lines, body, attempts, durationMs) {
    this.status = status;
    this.attempts = attempts;
    this.durationMs = durationMs;
    this.#lines = lines;
    this.#body = body;
  }

  /** The bytes as they came. A string that the core gave instead is ASCII. */
  get body() {
    if (typeof this.#body === 'string') this.#body = Buffer.from(this.#body, 'latin1');
    return this.#body;
  }

  /** Names in lower case; a header that came several times is joined by ', '. */
  get headers() {
    if (!this.#headers) {
      this.#headers = Object.create(null);
      const headers = /** @type {Record<string, string>} */ (this.#headers);
      for (const line of this.#lines.split('\n')) {
        const colon = line.indexOf(': ');
        if (colon < 0) continue;
        const name = line.slice(0, colon);
        headers[name] = name in headers ? `${headers[name]}, ${line.slice(colon + 2)}` : line.slice(colon + 2);
      }
    }
    return /** @type {Record<string, string>} */ (this.#headers);
  }

  /** The body as text, which is taken for UTF-8. */
  text() {
    return this.#body.toString();
  }

  /**
   * The body as JSON.
   * @throws {TrunklineError} MALFORMED_RESPONSE
   */
  json() {
    try {
      return JSON.parse(this.text());
    } catch (cause) {
      throw new TrunklineError('MALFORMED_RESPONSE', 'the answer is not JSON', { status: this.status, attempts: this.attempts, cause });
    }
  }
}

module.exports = { HttpResponse };
