// Options of the enrichment, in the form that it works with.
'use strict';

const crm = require('../platforms/crm.js');
const genesys = require('../platforms/genesys.js');
const { customerIdFrom } = require('../platforms/genesys-events.js');
const { readPath } = require('../platforms/path.js');
const { Options } = require('../options.js');
const { readClientOptions } = require('../client-options.js');
const { readRing } = require('../idempotency-ring.js');
const { readLogger, LINES } = require('../log.js');

const TARGET_IDS = ['interactionId', 'participantId', 'customerId', 'eventId'];
const REMEMBERED = 16_384; // half a megabyte

/** @param {import('../..').EnrichmentOptions} [given] */
function readEnrichmentOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options, () => LINES);
  const client = { ...readClientOptions(options, logger), retry: options.raw('retry') };
  const target = readTarget(options);
  const read = {
    settings: {
      target,
      targetPath: readPath(target.path),
      crmPath: readPath(readCrmResource(options).path),
      customerIdFrom: options.callback('customerIdFrom', { fallback: customerIdFrom }),
      mapCustomer: options.callback('mapCustomer', { fallback: crm.mapCustomer }),
      fallback: readFallback(options),
      onTransientFailure: options.word('onTransientFailure', ['throw', 'respond']),
      onPermanentFailure: options.word('onPermanentFailure', ['respond', 'throw']),
      batchConcurrency: options.integer('batchConcurrency', { min: 1, max: 1000, fallback: 10 }),
      deadlineMarginMs: options.integer('deadlineMarginMs', { max: 60_000, fallback: 300 }),
    },
    genesysClient: { ...client, ...readGenesys(options, target.scope) },
    crmClient: { ...client, ...readCrm(options) },
    idempotency: readRing(options.nested('idempotency'), REMEMBERED),
    logger,
  };
  options.finish();
  return read;
}

/** @param {Options} options @param {string | undefined} scope */
function readGenesys(options, scope) {
  const { api, login } = options.hosts('environment', { env: 'GENESYS_ENVIRONMENT', fallback: genesys.defaultHost }, genesys.urlsOf);
  const clientId = options.text('clientId', { env: 'GENESYS_CLIENT_ID', required: true });
  const clientSecret = options.secret('clientSecret', { env: 'GENESYS_CLIENT_SECRET', required: true });
  // A token is kept to its very end: one that were replaced earlier would be fetched on the side, and perhaps into a frozen environment.
  return { platform: genesys.name, baseUrl: api, auth: { ...genesys.auth({ login, clientId, clientSecret, scope }), refreshBeforeMs: 0 } };
}

/** @param {Options} options */
function readCrm(options) {
  const own = options.raw('crmAuth');
  const baseUrl = options.host('crmBaseUrl', { env: 'CRM_API_BASE_URL', required: true });
  const apiKey = options.token('crmApiKey', { env: 'CRM_API_KEY', required: own === undefined });
  const timeoutMs = options.integer('crmTimeoutMs', { min: 1, max: 600_000, fallback: 3000 });
  // The rate is Genesys Cloud's.
  return { platform: crm.name, baseUrl, auth: own ?? crm.auth(apiKey), timeoutMs, rateLimit: undefined };
}

/** @param {Options} options @returns {import('../platforms/genesys.js').Resource} */
function readTarget(options) {
  const given = options.raw('target', 'interactionContext');
  const target = Object.hasOwn(genesys.resources, given) ? genesys.resources[given] : given;
  const isTarget = typeof target?.method === 'string' && isPath(target.path) && ['undefined', 'function'].includes(typeof target.body);
  if (isTarget && readPath(target.path).names.every((name) => TARGET_IDS.includes(name))) return target;
  options.wrong('target', `${Object.keys(genesys.resources).join(', ')} or { method, path, body }, with a path that begins with / and holds any of ` +
    TARGET_IDS.map((name) => `{${name}}`).join(', '), given);
  return genesys.resources.interactionContext;
}

/** @param {Options} options @returns {import('../platforms/crm.js').Resource} */
function readCrmResource(options) {
  const given = options.raw('crmResource', 'customers');
  const resource = Object.hasOwn(crm.resources, given) ? crm.resources[given] : given;
  // A path without the id would give everybody the same customer.
  if (isPath(resource?.path) && readPath(resource.path).names.join() === 'customerId') return resource;
  options.wrong('crmResource', `${Object.keys(crm.resources).join(', ')} or { path }, with a path that begins with / and holds {customerId}`, given);
  return crm.resources.customers;
}

/** @param {unknown} path @returns {path is string} */
const isPath = (path) => typeof path === 'string' && path.startsWith('/');

/** @param {Options} options @returns {((event: any, error: unknown) => unknown) | undefined} */
function readFallback(options) {
  const given = options.raw('fallback');
  if (given === undefined || typeof given === 'function') return given;
  if (given === null || typeof given !== 'object' || Array.isArray(given)) options.wrong('fallback', 'an object of attributes, or a function that returns one', given);
  return () => given;
}

module.exports = { readEnrichmentOptions };
