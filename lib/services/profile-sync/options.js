// Options of the profile sync, in the form that it works with.
'use strict';

const cognigy = require('../../platforms/cognigy.js');
const genesys = require('../../platforms/genesys.js');
const { profileResources } = require('../../platforms/genesys-profiles.js');
const { sessionResources } = require('../../platforms/cognigy-sessions.js');
const { Options } = require('../../options.js');
const { SignatureVerifier } = require('../../signature-verifier.js');
const { readClientOptions } = require('../../client-options.js');
const { readRateLimit } = require('../../connection-options.js');
const { readInbound } = require('../../http/inbound.js');
const { readLogger } = require('../../log.js');
const { readRetryPolicy } = require('../../retry-policy.js');
const { mapToProfile, mapToSession } = require('./maps.js');

/** @typedef {import('../../platforms/genesys-profiles.js').ProfileResource} ProfileResource */
/** @typedef {import('../../platforms/cognigy-sessions.js').SessionResource} SessionResource */
/** @typedef {ReturnType<typeof readProfileSyncOptions>} Settings */

const RESPOND_WITHIN_MS = 1000; // Genesys wants its 2xx at once
const LEDGER_MS = 600_000;

/** @param {import('../../..').ProfileSyncOptions} [given] */
function readProfileSyncOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options);
  const client = { ...readClientOptions(options, logger), retry: options.raw('retry') };
  const profile = readProfileResource(options);
  const session = readSessionResource(options);
  const place = readPlace(options, session);
  const inbound = readInbound(options);
  const messagingSecrets = options.secrets('openMessagingSecrets', { env: 'GENESYS_OPEN_MESSAGING_SECRET', fallback: [] });
  const read = {
    logger,
    profile,
    session,
    place,
    prefix: options.text('profilePrefix', { env: 'GENESYS_PROFILE_PREFIX', fallback: '' }),
    middlewareUrl: options.host('middlewareUrl', { env: 'MIDDLEWARE_URL' }),
    mapToProfile: options.callback('mapToProfile', { fallback: mapToProfile }),
    mapToSession: options.callback('mapToSession', { fallback: mapToSession }),
    volatileAttributes: readNames(options, 'volatileAttributes', ['lastUpdated']),
    coalesceMs: options.integer('coalesceMs', { max: 60_000, fallback: 0 }),
    maxPending: options.integer('maxPending', { min: 1, max: 10_000_000, fallback: 100_000 }),
    ledgerMs: options.integer('ledgerMs', { min: 1, max: 86_400_000, fallback: LEDGER_MS }),
    dataDir: options.text('dataDir', { env: 'TRUNKLINE_DATA_DIR', fallback: './trunkline-data' }),
    respondWithinMs: options.integer('respondWithinMs', { env: 'TRUNKLINE_RESPOND_WITHIN_MS', max: 600_000, fallback: RESPOND_WITHIN_MS }),
    forwardRetry: readRetryPolicy(options, options.raw('forwardRetry'), 'forwardRetry'),
    inbound,
    messaging: messagingSecrets.length > 0 ? new SignatureVerifier({ scheme: 'open-messaging', secrets: messagingSecrets }) : undefined,
    genesysClient: { ...client, ...readGenesys(options, profile) },
    cognigyClient: { ...client, ...readCognigy(options, session, place) },
  };
  options.finish();
  return read;
}

/** @param {Options} options @param {ProfileResource} profile */
function readGenesys(options, profile) {
  const { api, login } = options.hosts('domain', { env: 'GENESYS_DOMAIN', required: true }, genesys.urlsOfDomain);
  const clientId = options.text('clientId', { env: 'GENESYS_CLIENT_ID', required: true });
  const clientSecret = options.secret('clientSecret', { env: 'GENESYS_CLIENT_SECRET', required: true });
  return {
    platform: genesys.name,
    baseUrl: api,
    auth: { ...genesys.auth({ login, clientId, clientSecret, scope: profile.scope }), requiredScopes: profile.requiredScopes },
  };
}

/** @param {Options} options @returns {ProfileResource} */
function readProfileResource(options) {
  const named = { ...profileResources, externalContacts: { contacts: true } };
  const given = options.choice('resource', { env: 'GENESYS_PROFILE_RESOURCE', among: named, fallback: 'customerProfiles' });
  if (given.contacts === true) {
    return profileResources.externalContacts({
      externalSourceId: options.text('externalSourceId', { env: 'GENESYS_EXTERNAL_SOURCE_ID', required: true }),
      schemaId: options.text('contactSchemaId', { env: 'GENESYS_CONTACT_SCHEMA_ID', required: true }),
      schemaVersion: options.integer('contactSchemaVersion', { env: 'GENESYS_CONTACT_SCHEMA_VERSION', min: 1, fallback: 1 }),
      divisionId: options.text('divisionId', { env: 'GENESYS_DIVISION_ID' }),
    });
  }
  if (typeof given.request === 'function' && typeof given.profileOf === 'function') return { requiredScopes: [], ...given };
  options.wrong('resource', `${Object.keys(named).join(', ')} or { request(profile), profileOf(answer) }`, given);
  return profileResources.customerProfiles;
}

/** @param {Options} options @returns {SessionResource} */
function readSessionResource(options) {
  const given = options.choice('forwardTo', { env: 'COGNIGY_FORWARD_RESOURCE', among: sessionResources, fallback: 'webhook' });
  if (typeof given.request === 'function') return { ...sessionResources.webhook, ...given };
  options.wrong('forwardTo', `${Object.keys(sessionResources).join(', ')} or { request(forward, place) }`, given);
  return sessionResources.webhook;
}

/** @param {Options} options @param {SessionResource} session @returns {URL | undefined} */
function readPlace(options, { env }) {
  if (env === 'COGNIGY_API_BASE_URL') return parseUrl(options.host('apiBaseUrl', { env, fallback: cognigy.defaultHost }));
  const given = options.text('webhookUrl', { env, required: true });
  const url = parseUrl(given);
  const isGood = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.hash === '';
  if (given !== undefined && !isGood) options.wrong(`webhookUrl (${env})`, 'an absolute http(s) URL without credentials or fragment', given);
  return url;
}

/** @param {string | undefined} text */
function parseUrl(text) {
  return text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
}

/** @param {Options} options @param {SessionResource} session @param {URL | undefined} place */
function readCognigy(options, { auth }, place) {
  return {
    platform: cognigy.name,
    baseUrl: place?.origin,
    auth: auth?.(options.token('apiKey', { env: 'COGNIGY_API_KEY', required: true })),
    rateLimit: readRateLimit(options, 'forwardRateLimit') ?? undefined,
    retry: undefined, // tries are the delivery's own
  };
}

/** @param {Options} options @param {string} name @param {string[]} fallback @returns {string[]} */
function readNames(options, name, fallback) {
  const given = options.raw(name, fallback);
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  options.wrong(name, 'an array of names', given);
  return fallback;
}

module.exports = { readProfileSyncOptions };
