// Simulated Cognigy.AI: its administration, where webhook targets are registered; connectors as seed T4 has them, and Endpoints as they are.
'use strict';

const { randomBytes, randomUUID } = require('node:crypto');
const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseObject } = require('./answer.js');
const { check } = require('./fields.js');

/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

// Fixed, so that a .env written once stays right. They open nothing but a sandbox.
const CLIENT = { id: 'sandbox-cognigy-client', secret: 'sandbox-cognigy-client-secret', scopes: ['connectors:read', 'connectors:write'] };
const API_KEY = 'sandbox-cognigy-api-key';
const PROJECT_ID = '65a0f0c2d1e4b7a3c9f81234';
const FLOW_ID = '0d8f2f0e-6a5b-4c8e-9a5e-3f1c2b7d4e60';
const LOCALE_ID = '7c1b9e54-2f3a-4d6b-8e21-9b0a5c4d3e2f';

const CONNECTORS = '/api/v1/connectors';
const ENDPOINTS = '/new/v2.0/endpoints';
const MAX_TARGETS = 1000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @param {unknown} value @returns {value is string} */
const isText = (value) => typeof value === 'string' && value !== '';

/** @param {any} connector as it is posted */
function checkConnector({ name, endpointUrl, authentication, retryPolicy, requestSigning }) {
  check(isText(name), 'name: expected a text');
  check(isText(endpointUrl) && endpointUrl.startsWith('https://') && URL.canParse(endpointUrl), 'endpointUrl: expected an https URL');
  check(['bearer', 'basic', 'custom'].includes(authentication?.type), 'authentication.type: expected bearer, basic or custom');
  check(typeof authentication.headers === 'object' && authentication.headers !== null, 'authentication.headers: expected an object');
  const numbers = [retryPolicy?.maxRetries, retryPolicy?.backoffMs, retryPolicy?.timeoutMs];
  check(numbers.every((one) => Number.isInteger(one) && one >= 0), 'retryPolicy: expected maxRetries, backoffMs and timeoutMs');
  check(!requestSigning?.enabled || isText(requestSigning.secret), 'requestSigning.secret: expected a text where signing is enabled');
}

/** @param {any} endpoint as it is posted */
function checkEndpoint({ name, channel, projectId, flowId, localeId, settings }) {
  check(isText(name), 'name: expected a text');
  check(channel === 'webhook', 'channel: this sandbox has webhook only');
  check(isText(projectId), 'projectId: expected an id');
  check(isText(flowId) && UUID.test(flowId), 'flowId: expected a UUID');
  check(isText(localeId) && UUID.test(localeId), 'localeId: expected a UUID');
  check(isText(settings?.webhookUrl) && URL.canParse(settings.webhookUrl), 'settings.webhookUrl: expected a URL');
}

/**
 * @param {import('./logins.js').Logins} logins
 * @returns {Omit<Platform, 'name'> & { settings: { pollsUntilActive: number }, authenticate: (request: PlatformRequest) => void }}
 */
function createAdministration(logins) {
  logins.add(CLIENT);
  /** @type {BoundedMap<any>} */
  const connectors = new BoundedMap({ maxEntries: MAX_TARGETS });
  /** @type {BoundedMap<number>} how often each connector has been asked for */
  const polls = new BoundedMap({ maxEntries: MAX_TARGETS });
  /** @type {BoundedMap<any>} */
  const endpoints = new BoundedMap({ maxEntries: MAX_TARGETS });
  /** A connector says `active` from this look at it on. */
  const settings = { pollsUntilActive: 1 };

  /** @param {string} scope @returns {(request: PlatformRequest) => void} */
  const authenticate = (scope) => (request) => {
    if (request.headers['x-api-key'] === API_KEY) return;
    logins.check(request, scope);
  };

  /** @param {any} connector without its secrets */
  const shown = ({ requestSigning, authentication, ...connector }) => ({
    ...connector,
    authentication: { type: authentication.type },
    requestSigning: { ...requestSigning, secret: undefined },
    status: (polls.get(connector.id) ?? 0) >= settings.pollsUntilActive ? 'active' : 'pending',
  });

  /** @param {PlatformRequest} request @returns {import('./answer.js').Answer} */
  const createConnector = ({ body }) => {
    const { name, endpointUrl, authentication, retryPolicy, headers, requestSigning } = /** @type {any} */ (parseObject(body));
    checkConnector({ name, endpointUrl, authentication, retryPolicy, requestSigning });
    if (connectors.values().some((one) => one.name === name)) return { status: 409 };
    const id = `conn_${randomBytes(9).toString('hex')}`;
    const connector = { id, name, endpointUrl, authentication, retryPolicy, headers, requestSigning, createdAt: new Date().toISOString() };
    connectors.set(id, connector);
    return { status: 201, headers: { location: `${CONNECTORS}/${id}` }, body: shown(connector) };
  };

  /** @param {PlatformRequest} request @returns {import('./answer.js').Answer} */
  const createEndpoint = ({ body }) => {
    const { name, channel, projectId, entrypoint, flowId, localeId, active = true, settings: channelSettings } = /** @type {any} */ (parseObject(body));
    checkEndpoint({ name, channel, projectId, flowId, localeId, settings: channelSettings });
    const _id = randomBytes(12).toString('hex');
    const endpoint = { _id, name, channel, projectId, entrypoint, flowId, localeId, active, URLToken: randomBytes(32).toString('hex'), referenceId: randomUUID(), settings: channelSettings };
    endpoints.set(_id, endpoint);
    return { status: 201, body: endpoint };
  };

  /** @template T @param {T | undefined} found @returns {T} */
  const orNotFound = (found) => {
    if (found === undefined) throw new Refusal(404, 'there is none of that id');
    return found;
  };

  /** @param {BoundedMap<any>} kept @param {string | null} name */
  const named = (kept, name) => kept.values().filter((one) => name === null || one.name === name);

  return {
    env: (url) => ({
      COGNIGY_DOMAIN: url,
      COGNIGY_CLIENT_ID: CLIENT.id,
      COGNIGY_CLIENT_SECRET: CLIENT.secret,
      COGNIGY_API_KEY: API_KEY,
      COGNIGY_PROJECT_ID: PROJECT_ID,
      COGNIGY_FLOW_ID: FLOW_ID,
      COGNIGY_LOCALE_ID: LOCALE_ID,
    }),
    settings,
    authenticate: authenticate(''),
    reset: () => {
      for (const kept of [connectors, polls, endpoints]) kept.clear();
      settings.pollsUntilActive = 1;
    },
    routes: [
      {
        method: 'POST',
        path: CONNECTORS,
        idempotent: true,
        again: ({ body }) => ({ status: 409, body }),
        authenticate: authenticate('connectors:write'),
        handle: createConnector,
      },
      {
        method: 'GET',
        path: CONNECTORS,
        authenticate: authenticate('connectors:read'),
        handle: ({ query }) => ({ status: 200, body: { items: named(connectors, query.get('name')).map(shown) } }),
      },
      {
        method: 'GET',
        path: `${CONNECTORS}/{id}`,
        authenticate: authenticate('connectors:read'),
        handle: ({ params: { id } }) => {
          const connector = orNotFound(connectors.get(id));
          polls.set(id, (polls.get(id) ?? 0) + 1);
          return { status: 200, body: shown(connector) };
        },
      },
      { method: 'POST', path: ENDPOINTS, authenticate: authenticate(''), handle: createEndpoint },
      {
        method: 'GET',
        path: ENDPOINTS,
        authenticate: authenticate(''),
        handle: ({ query }) => {
          const inProject = named(endpoints, query.get('name')).filter(({ projectId }) => projectId === query.get('projectId'));
          const items = inProject.slice(0, Number(query.get('limit') ?? 25)).map(({ settings: _, ...item }) => item);
          return { status: 200, body: { items, total: inProject.length, nextCursor: null, previousCursor: null } };
        },
      },
      {
        method: 'GET',
        path: `${ENDPOINTS}/{id}`,
        authenticate: authenticate(''),
        handle: ({ params: { id } }) => ({ status: 200, body: orNotFound(endpoints.get(id)) }),
      },
    ],
  };
}

module.exports = { createAdministration };
