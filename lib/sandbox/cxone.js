// Simulated NICE CXone: discovery, the context and the rules of seed T1, and the documented signal, custom fields and routing queue; 100 requests a second.
'use strict';

const { randomUUID } = require('node:crypto');
const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseJson, parseObject } = require('./answer.js');

/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */
/** @typedef {import('./platforms.js').Route} Route */

// Fixed, so that a .env written once stays right. They open nothing but a sandbox.
const CLIENT = {
  id: 'sandbox-cxone-client',
  secret: 'sandbox-cxone-client-secret',
  scopes: ['interaction:read', 'interaction:write', 'routing:read', 'routing:write'],
  user: { username: 'sandbox-cxone-access-key', password: 'sandbox-cxone-access-key-secret' },
};
/** Known to the platform, but may only read. */
const READER = { id: 'sandbox-cxone-reader', secret: 'sandbox-cxone-reader-secret', scopes: ['interaction:read', 'routing:read'] };

/** Every other conversation exists. */
const UNKNOWN = ['00000000-0000-0000-0000-000000000000', '0'];
const REQUESTS_PER_SECOND = 100;
const MAX_CONVERSATIONS = 10_000;
const MAX_CONVERSATIONS_BYTES = 64 << 20;
const MAX_RULES = 1000;
const MAX_ATTRIBUTES = 1000;

/** What a conversation holds. @typedef {{ attributes: Map<string, unknown>, fields: Map<string, string>, skillId: number | null }} Conversation */

/** At most so many a second, of all callers together. */
class Quota {
  #settings;
  #taken = 0;
  #atMs = performance.now();

  /** @param {{ requestsPerSecond: number }} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  take() {
    const { requestsPerSecond } = this.#settings;
    const nowMs = performance.now();
    this.#taken = Math.max(0, this.#taken - ((nowMs - this.#atMs) * requestsPerSecond) / 1000);
    this.#atMs = nowMs;
    if (this.#taken + 1 > requestsPerSecond) throw new Refusal(429, `Rate limit of ${requestsPerSecond} requests a second exceeded`, { 'retry-after': '1' });
    this.#taken += 1;
  }

  reset() {
    this.#taken = 0;
  }
}

/** @param {Map<string, unknown>} map @param {string} what */
function checkSize(map, what) {
  if (map.size > MAX_ATTRIBUTES) throw new Refusal(400, `${what}: expected at most ${MAX_ATTRIBUTES}, got ${map.size}`);
}

/** @param {PlatformRequest} request @returns {Array<{ ident: string, value: string }>} */
function readFields({ body }) {
  const expected = 'an array of { ident, value }, both of them texts';
  const fields = parseJson(body, expected);
  const good = Array.isArray(fields) && fields.every((field) => typeof field?.ident === 'string' && field.ident !== '' && typeof field.value === 'string');
  if (!good) throw new Refusal(400, `body: expected ${expected}`);
  return fields;
}

/** @param {PlatformRequest} request */
function configurationOf({ headers, query }) {
  const tenantId = query.get('tenantId') ?? '';
  if (tenantId === '') throw new Refusal(400, 'tenantId: expected the id of a tenant, got none');
  // Digital's host is made of area and domain, which cannot name a sandbox: for that the sandbox's URL is given as the tenant.
  return { api_endpoint: `http://${headers.host}`, area: 'na1', cluster: 'c1', domain: 'cxone.invalid', acdDomain: 'cxone.invalid', uhDomain: 'cxone.invalid', tenantId };
}

/** @param {import('./logins.js').Logins} logins @returns {Platform} */
function createCxone(logins) {
  /** @type {BoundedMap<Conversation>} */
  const conversations = new BoundedMap({ maxEntries: MAX_CONVERSATIONS, maxBytes: MAX_CONVERSATIONS_BYTES });
  /** @type {Map<string, Record<string, unknown>>} by their names */
  const rules = new Map();
  const settings = { requestsPerSecond: REQUESTS_PER_SECOND };
  const quota = new Quota(settings);
  logins.add(CLIENT);
  logins.add(READER);

  /** @param {PlatformRequest} request @returns {Conversation} */
  const conversationOf = ({ params: { id } }) => {
    if (UNKNOWN.includes(id)) throw new Refusal(404, `Interaction ${id} not found`);
    return conversations.get(id) ?? { attributes: new Map(), fields: new Map(), skillId: null };
  };

  /** @param {string} id @param {Conversation} conversation */
  const keep = (id, conversation) => {
    checkSize(conversation.attributes, 'attributes');
    checkSize(conversation.fields, 'custom fields');
    conversations.set(id, conversation, JSON.stringify([...conversation.attributes, ...conversation.fields]).length);
  };

  /** A route with a token that allows `scope`, within the quota. @param {string} scope @param {Route} route @returns {Route} */
  const guarded = (scope, route) => ({
    ...route,
    authenticate: (request) => {
      logins.check(request, scope);
      quota.take();
    },
  });

  const context = '/api/v2/interactions/interactions/{id}/context';
  return {
    name: 'cxone',
    settings,
    env: (url) => ({
      CXONE_TENANT: url,
      CXONE_CLIENT_ID: CLIENT.id,
      CXONE_CLIENT_SECRET: CLIENT.secret,
      CXONE_ACCESS_KEY_ID: CLIENT.user.username,
      CXONE_ACCESS_KEY_SECRET: CLIENT.user.password,
    }),
    reset: () => {
      conversations.clear();
      rules.clear();
      quota.reset();
      settings.requestsPerSecond = REQUESTS_PER_SECOND;
    },
    errorBody: (message) => ({ errors: [{ message }] }),
    routes: [
      {
        method: 'GET',
        path: '/.well-known/openid-configuration',
        handle: ({ headers }) => ({ status: 200, body: { issuer: `http://${headers.host}`, token_endpoint: `http://${headers.host}/auth/token` } }),
      },
      { method: 'GET', path: '/.well-known/cxone-configuration', handle: (request) => ({ status: 200, body: configurationOf(request) }) },
      guarded('interaction:write', {
        method: 'POST',
        path: context,
        handle: (request) => {
          const conversation = conversationOf(request);
          const { attributes } = parseObject(request.body);
          if (attributes === null || typeof attributes !== 'object' || Array.isArray(attributes)) throw new Refusal(400, 'attributes: expected an object');
          const merged = new Map([...conversation.attributes, ...Object.entries(attributes)]);
          keep(request.params.id, { ...conversation, attributes: merged });
          return { status: 200, body: { id: request.params.id, attributes: Object.fromEntries(merged) } };
        },
      }),
      guarded('interaction:read', {
        method: 'GET',
        path: context,
        handle: (request) => ({ status: 200, body: { id: request.params.id, attributes: Object.fromEntries(conversationOf(request).attributes) } }),
      }),
      guarded('routing:write', {
        method: 'POST',
        path: '/api/v2/routing/rules',
        handle: ({ body }) => {
          const rule = parseObject(body);
          const { name } = rule;
          if (typeof name !== 'string' || name === '') throw new Refusal(400, 'name: expected a text');
          if (rules.has(name)) throw new Refusal(409, `A rule named ${name} exists`);
          if (rules.size === MAX_RULES) throw new Refusal(400, `rules: expected at most ${MAX_RULES}`);
          const created = { id: randomUUID(), ...rule };
          rules.set(name, created);
          return { status: 201, body: created };
        },
      }),
      guarded('routing:read', { method: 'GET', path: '/api/v2/routing/rules', handle: () => ({ status: 200, body: { rules: [...rules.values()] } }) }),
      guarded('', {
        method: 'POST',
        path: '/inContactAPI/services/v30.0/interactions/{id}/signal',
        handle: (request) => {
          conversationOf(request);
          if (!request.query.get('p1')) throw new Refusal(400, 'p1: expected a value');
          return { status: 204 };
        },
      }),
      guarded('', {
        method: 'PUT',
        path: '/dfo/3.0/contacts/{id}/custom-fields',
        handle: (request) => {
          const conversation = conversationOf(request);
          const fields = new Map(conversation.fields);
          for (const { ident, value } of readFields(request)) fields.set(ident, value);
          keep(request.params.id, { ...conversation, fields });
          return { status: 204 };
        },
      }),
      guarded('', {
        method: 'PUT',
        path: '/dfo/3.0/contacts/{id}/routing-queue',
        handle: (request) => {
          const conversation = conversationOf(request);
          const { skillId } = parseObject(request.body);
          if (!Number.isSafeInteger(skillId)) throw new Refusal(400, 'skillId: expected a whole number');
          keep(request.params.id, { ...conversation, skillId: Number(skillId) });
          return { status: 204 };
        },
      }),
      guarded('', {
        method: 'GET',
        path: '/dfo/3.0/contacts/{id}',
        handle: (request) => {
          const { fields, skillId } = conversationOf(request);
          return { status: 200, body: { id: request.params.id, customFields: [...fields].map(([ident, value]) => ({ ident, value })), skillId } };
        },
      }),
    ],
  };
}

module.exports = { createCxone };
