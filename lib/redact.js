// What may be shown of JSON that somebody else may have put secrets into.
'use strict';

const REDACTED = '[redacted]';
const SECRET_NAME = /secret|password|token|authorization|api-?key|signature$|cookie/i;
const HARMLESS_HEADER = /^(x-)?content-type$|^accept/i;
const MAX_DEPTH = 64;

/**
 * A copy without what is secret by its name, without the values of headers, which are known by any name, and without the secrets that are known.
 * @param {any} value as JSON.parse gives it
 * @param {string[]} [secrets]
 * @param {number} [depth]
 * @returns {any}
 */
function redact(value, secrets = [], depth = 0) {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, REDACTED), value);
  if (value === null || typeof value !== 'object') return value;
  if (depth === MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redact(item, secrets, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, redactField(name, field, secrets, depth)]));
}

/** @param {string} name @param {any} field @param {string[]} secrets @param {number} depth */
function redactField(name, field, secrets, depth) {
  if (field === null || field === '' || typeof field === 'boolean') return field;
  if (name === 'headers' && typeof field === 'object') {
    return Object.fromEntries(Object.entries(field).map(([header, value]) => [header, HARMLESS_HEADER.test(header) ? value : REDACTED]));
  }
  return SECRET_NAME.test(name) ? REDACTED : redact(field, secrets, depth + 1);
}

/**
 * A URL as it may stand in a log: its query often carries a key. Of what is no URL nothing is shown.
 * @param {unknown} text
 * @returns {string | undefined} undefined: there is none
 */
function redactUrl(text) {
  if (text === undefined) return undefined;
  if (typeof text !== 'string' || !URL.canParse(text)) return REDACTED;
  if (!/[?#@]/.test(text)) return text;
  const { protocol, host, pathname, search } = new URL(text);
  return `${protocol}//${host}${pathname}${search === '' ? '' : `?${REDACTED}`}`;
}

module.exports = { redact, redactUrl };
