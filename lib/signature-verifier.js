// SignatureVerifier: options in, the core's verdict out.
'use strict';

const native = require('./native.js');
const { Options } = require('./options.js');
const { headerValue } = require('./http/headers.js');

class SignatureVerifier {
  #verifier;
  #headerNames;

  /** @param {import('..').SignatureVerifierOptions} given */
  constructor(given) {
    const options = new Options(given, {});
    const scheme = options.raw('scheme', 'cognigy');
    const secrets = options.secrets('secrets', { required: true });
    const toleranceSeconds = options.integer('toleranceSeconds', { fallback: 300, max: 86_400 * 366 });
    options.finish();
    this.#verifier = new native.SignatureVerifier(scheme, secrets, toleranceSeconds);
    /** @type {string[]} */
    this.#headerNames = this.#verifier.headerNames.map((/** @type {string} */ name) => name.toLowerCase());
  }

  /**
   * @param {Buffer | Uint8Array | string} rawBody the bytes as they came
   * @param {import('node:http').IncomingHttpHeaders | string} headers all of them, or the signature header's value
   * @returns {import('..').VerifyResult}
   */
  verify(rawBody, headers) {
    if (typeof headers === 'string') return this.#verifier.verify(rawBody, headers);
    return this.#verifier.verify(rawBody, ...this.#headerNames.map((name) => headerValue(headers, name)));
  }

  /**
   * @param {Buffer | Uint8Array | string} rawBody
   * @param {{ id?: string, timestamp?: number }} [o] for standard-webhooks; timestamp in seconds
   * @returns {Record<string, string>} header name → value, made with the first secret
   */
  sign(rawBody, o = {}) {
    return this.#verifier.sign(rawBody, o.id, o.timestamp);
  }
}

module.exports = { SignatureVerifier };
