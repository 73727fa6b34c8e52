// A registration: what Cognigy is told of a webhook target, with a key and a name that the same input always gives.
'use strict';

const http = require('node:http');
const { uuidV5 } = require('../uuid.js');

/** @typedef {import('../options.js').Options} Options */
/**
 * @typedef {object} Registration
 * @property {string} name
 * @property {string} idempotencyKey
 * @property {string} url
 * @property {string} contentType of what Cognigy is to send
 * @property {{ type: string, headers: Record<string, string>, username?: string, password?: string }} [authentication]
 * @property {{ maxRetries: number, backoffMs: number, timeoutMs: number }} [retryPolicy]
 * @property {Record<string, string>} headers
 * @property {{ enabled: boolean, secret?: string }} requestSigning
 * @property {Record<string, string>} settings what the resource wants to know besides
 * @property {string[]} secrets all that must not be shown
 */

/** Of keys that are made here. Any fixed UUID will do, as long as it stays. */
const NAMESPACE = '6d1e3a52-58a0-4c3f-9f0e-2b7f5b1c7d44';
const NAME_DIGITS = 12;
const MAX_HEADERS = 50;
const SIGNATURE_HEADER = /^x-webhook-signature$/i;
/** A shorter text is in too much else to be looked for. */
const MIN_SECRET_LENGTH = 4;

/**
 * The header lines that each type of authentication template stands for.
 * @type {Record<string, (fields: Options) => { headers?: Record<string, string>, username?: string, password?: string }>}
 */
const TEMPLATES = {
  bearer: (fields) => ({ headers: { Authorization: `Bearer ${fields.token('token', { fallback: '{{dynamic_token}}' })}` } }),
  basic: (fields) => {
    const username = fields.text('username', { required: true });
    const password = fields.secret('password', { required: true });
    if (username?.includes(':')) fields.wrong('authentication.username', 'a name without a colon', username);
    return { username, password, headers: { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` } };
  },
  custom: () => ({}),
};

/** @param {Options} options @returns {Registration['authentication']} */
function readAuthentication(options) {
  if (options.raw('authentication') === undefined) return undefined;
  const fields = options.nested('authentication');
  const type = fields.raw('type');
  if (!Object.hasOwn(TEMPLATES, type)) {
    fields.wrong('authentication.type', Object.keys(TEMPLATES).join(', '), type);
    return undefined;
  }
  const given = fields.raw('headers');
  if (given !== undefined) return { type, headers: readHeaders(fields, 'authentication.headers', given) };
  const { headers, ...more } = TEMPLATES[type](fields);
  if (!headers) fields.wrong('authentication.headers', 'an object of header values by name', given);
  return { type, headers: headers ?? {}, ...more };
}

/** @param {Options} options @param {string} label @param {any} given @returns {Record<string, string>} sorted by name */
function readHeaders(options, label, given) {
  const entries = given !== null && typeof given === 'object' && !Array.isArray(given) ? Object.entries(given) : [];
  if (entries.length === 0 && JSON.stringify(given) !== '{}') options.wrong(label, 'an object of header values by name', given);
  if (entries.length > MAX_HEADERS) options.wrong(label, `at most ${MAX_HEADERS} headers`, entries.length);
  for (const [name, value] of entries) {
    try {
      http.validateHeaderName(name);
      if (typeof value !== 'string') throw new TypeError();
      http.validateHeaderValue(name, value);
    } catch {
      options.wrong(`${label}.${JSON.stringify(name).slice(1, -1).slice(0, 80)}`, 'the name of a header and its value', value);
    }
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {Options} options @returns {Registration['retryPolicy']} */
function readDeliveryPolicy(options) {
  if (options.raw('retryPolicy') === undefined) return undefined;
  const fields = options.nested('retryPolicy');
  return {
    maxRetries: fields.integer('maxRetries', { max: 100, fallback: 3 }),
    backoffMs: fields.integer('backoffMs', { max: 3_600_000, fallback: 1000 }),
    timeoutMs: fields.integer('timeoutMs', { min: 1, max: 600_000, fallback: 5000 }),
  };
}

/** @param {Options} options @param {string | undefined} usual the service's secret @returns {Registration['requestSigning']} */
function readSigning(options, usual) {
  const fields = options.nested('requestSigning');
  const secret = fields.secret('secret', { fallback: usual });
  const enabled = fields.flag('enabled', { fallback: secret !== undefined });
  // To sign with nothing would look signed, and prove nothing.
  if (enabled && secret === undefined) fields.wrong('requestSigning', 'a secret, in requestSigning.secret or WEBHOOK_SIGNING_SECRET, where signing is enabled', secret);
  return enabled ? { enabled, secret } : { enabled };
}

/**
 * @param {Options} options of one call
 * @param {{ baseUrl: string, resource: import('../platforms/cognigy-admin.js').TargetResource, settings: Record<string, string>, signingSecret?: string }} service what it brings along
 * @returns {(url: string) => Registration} of the URL, once that is known to be one
 */
function readRegistration(options, { baseUrl, resource, settings, signingSecret }) {
  const authentication = readAuthentication(options) ?? resource.defaults?.authentication;
  const retryPolicy = readDeliveryPolicy(options) ?? resource.defaults?.retryPolicy;
  const headers = readHeaders(options, 'headers', options.raw('headers', {}));
  const twice = Object.keys(headers).find((name) => SIGNATURE_HEADER.test(name));
  if (twice) options.wrong(`headers.${twice}`, 'no header that Cognigy writes itself', headers[twice]);
  const requestSigning = readSigning(options, signingSecret);
  const deploymentId = options.text('deploymentId');
  const known = { authentication, retryPolicy, headers, requestSigning, settings };
  for (const [name, expected] of Object.entries(resource.unfit?.(known) ?? {})) options.wrong(name, expected, /** @type {any} */ (known)[name]);
  const secrets = secretsOf(known);
  return (url) => {
    const configuration = deploymentId === undefined ? known : { deploymentId };
    const idempotencyKey = uuidV5(NAMESPACE, JSON.stringify([baseUrl, resource.path, new URL(url).href, configuration]));
    const name = `ExternalWebhook-${idempotencyKey.replaceAll('-', '').slice(0, NAME_DIGITS)}`;
    return { ...known, url, name, idempotencyKey, secrets, contentType: 'application/json' };
  };
}

/**
 * What must not be shown, the longest first: one may stand in another.
 * @param {Pick<Registration, 'authentication' | 'requestSigning'>} registration
 */
function secretsOf({ authentication, requestSigning }) {
  const credentials = Object.values(authentication?.headers ?? {}).map((value) => value.replace(/^(Bearer|Basic) /i, ''));
  const all = [...credentials, authentication?.password, requestSigning.secret];
  return all.flatMap((one) => (one !== undefined && one.length >= MIN_SECRET_LENGTH ? [one] : [])).sort((a, b) => b.length - a.length);
}

/**
 * The kind of JSON that Cognigy is to send: the target's own where it speaks one, such as application/cloudevents+json.
 * @param {string} answered the Content-Type of its answer
 */
function negotiateContentType(answered) {
  const type = answered.split(';', 1)[0].trim().toLowerCase();
  return /^application\/([\w.-]+\+)?json$/.test(type) ? type : 'application/json';
}

module.exports = { readRegistration, negotiateContentType };
