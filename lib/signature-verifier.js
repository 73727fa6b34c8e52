// SignatureVerifier: options in, the core's verdict out.
'use strict';

const native = require('./native.js');
const { Options } = require('./options.js');
const { headerValue } = require('./http/headers.js');

const SCHEME_FIELDS = { header: 'the name of a header', algorithm: 'sha1, sha256 or sha512', encoding: 'hex or base64', prefix: 'a string' };

/**
 * The kinds of a scheme's fields; the core knows the names and judges the values.
 * @param {Options} options
 */
function readScheme(options) {
  const scheme = options.raw('scheme', 'cognigy');
  if (typeof scheme === 'string') return scheme;
  if (scheme === null || typeof scheme !== 'object') {
    options.wrong('scheme', 'the name of a scheme or { header, algorithm, encoding, prefix }', scheme);
    return scheme;
  }
  for (const [name, expected] of Object.entries(SCHEME_FIELDS)) {
    const optional = name === 'prefix' && scheme[name] === undefined;
    if (typeof scheme[name] !== 'string' && !optional) options.wrong(`scheme.${name}`, expected, scheme[name]);
  }
  return scheme;
}

class SignatureVerifier {
  #verifier;
  /** @type {string[]} */ #headerNames;

  /** @param {import('..').SignatureVerifierOptions} given */
  constructor(given) {
    const options = new Options(given, {});
    const scheme = readScheme(options);
    const secrets = options.secrets('secrets', { required: true });
    const toleranceSeconds = options.integer('toleranceSeconds', { fallback: 300, max: 86_400 * 366 });
    options.finish();
    this.#verifier = new native.SignatureVerifier(scheme, secrets, toleranceSeconds);
    this.#headerNames = this.#verifier.headerNames.map((/** @type {string} */ name) => name.toLowerCase());
  }

  /**
   * @param {Buffer | Uint8Array | string} rawBody the bytes as they came
   * @param {import('node:http').IncomingHttpHeaders | string} headers all of them, or the signature header's value
   * @returns {import('..').VerifyResult}
   */
  verify(rawBody, headers) {
    const verdict = typeof headers === 'string' ? this.#verifier.verify(rawBody, headers) : this.#verify(rawBody, headers);
    return verdict >= 0 ? { valid: true, secretIndex: verdict } : { valid: false, reason: native.signatureVerdicts[-verdict] };
  }

  /** @param {Buffer | Uint8Array | string} rawBody @param {import('node:http').IncomingHttpHeaders} headers @returns {number} */
  #verify(rawBody, headers) {
    const [signature, id, timestamp] = this.#headerNames;
    if (id === undefined) return this.#verifier.verify(rawBody, headerValue(headers, signature));
    return this.#verifier.verify(rawBody, headerValue(headers, signature), headerValue(headers, id), headerValue(headers, timestamp));
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
