// Simulated Genesys Cloud: conversations, as interactions with a context (seed T3) and with participants who have attributes (its own API);
// beside its customers and webhooks.
'use strict';

const { randomUUID } = require('node:crypto');
const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseObject } = require('./answer.js');
const { objectIn, merged } = require('./fields.js');
const { createProfiles, createContacts } = require('./genesys-profiles.js');
const { createWebhooks } = require('./genesys-webhooks.js');
const { RateLimit } = require('./genesys-rate-limit.js');

/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').Route} Route */
/** @typedef {import('./logins.js').Logins} Logins */

/**
 * @typedef {object} Conversation
 * @property {boolean} gone
 * @property {Map<string, unknown>} context
 * @property {Map<string, { purpose: string, attributes: Map<string, string> }>} participants by id
 */

// Fixed, so that a .env written once stays right. They open nothing but a sandbox.
const CLIENT = {
  id: 'sandbox-genesys-client',
  secret: 'sandbox-genesys-secret',
  scopes: [
    'interaction:read', 'interaction:write', 'conversations',
    'customer:profile:read', 'customer:profile:write', 'customer:profile:webhook', 'webhook:write', 'external-contacts',
  ],
};
/** Known to the platform, but may only read. */
const READER = { id: 'sandbox-genesys-reader', secret: 'sandbox-genesys-reader-secret', scopes: ['interaction:read', 'customer:profile:read'] };

const INTERACTION_PATH = '/api/v2/interactions/{interactionId}';
const CONVERSATION_PATH = '/api/v2/conversations/{conversationId}';
const ATTRIBUTES_PATH = `${CONVERSATION_PATH}/participants/{participantId}/attributes`;
const MAX_CONVERSATIONS = 10_000;

class Conversations {
  /** @type {BoundedMap<Conversation>} */
  #known = new BoundedMap({ maxEntries: MAX_CONVERSATIONS });

  /**
   * Each is there from the moment that somebody speaks of it, with a customer and an agent, until it is ended.
   * @param {string} id
   * @param {string} [customerId] its customer's participant id, where it is new
   */
  at(id, customerId = randomUUID()) {
    let conversation = this.#known.get(id);
    if (conversation === undefined) {
      const participants = new Map([[customerId, 'customer'], [randomUUID(), 'agent']].map(([one, purpose]) => [one, { purpose, attributes: new Map() }]));
      conversation = { gone: false, context: new Map(), participants };
      this.#known.set(id, conversation);
    }
    if (conversation.gone) throw new Refusal(404, 'there is no such conversation');
    return conversation;
  }

  /** @param {string} id */
  end(id) {
    this.at(id).gone = true;
  }

  reset() {
    this.#known.clear();
  }
}

/** @param {Conversations} conversations @param {Logins} logins @returns {Route[]} */
function interactionRoutes(conversations, logins) {
  /** @param {string} id */
  const answer = (id) => ({ status: 200, body: { id, type: 'voice', direction: 'inbound', context: Object.fromEntries(conversations.at(id).context) } });
  return [
    {
      method: 'PATCH',
      path: INTERACTION_PATH,
      idempotent: true,
      authenticate: (request) => logins.check(request, 'interaction:write'),
      handle: ({ params, body }) => {
        const interaction = conversations.at(params.interactionId);
        interaction.context = merged(interaction.context, objectIn(parseObject(body), 'context'));
        return answer(params.interactionId);
      },
    },
    {
      method: 'GET',
      path: INTERACTION_PATH,
      authenticate: (request) => logins.check(request, 'interaction:read'),
      handle: ({ params }) => answer(params.interactionId),
    },
    {
      // For whoever wants an interaction to be gone.
      method: 'DELETE',
      path: INTERACTION_PATH,
      authenticate: (request) => logins.check(request, 'interaction:write'),
      handle: ({ params }) => {
        conversations.end(params.interactionId);
        return { status: 204 };
      },
    },
  ];
}

/** @param {Conversations} conversations @param {Logins} logins @returns {Route[]} */
function conversationRoutes(conversations, logins) {
  const authenticate = (/** @type {import('./platforms.js').PlatformRequest} */ request) => logins.check(request, 'conversations');
  return [
    {
      method: 'GET',
      path: CONVERSATION_PATH,
      authenticate,
      handle: ({ params: { conversationId } }) => {
        const participants = [...conversations.at(conversationId).participants].map(([id, { purpose, attributes }]) => ({ id, purpose, attributes: Object.fromEntries(attributes) }));
        return { status: 200, body: { id: conversationId, participants } };
      },
    },
    {
      method: 'PATCH',
      path: ATTRIBUTES_PATH,
      idempotent: true,
      authenticate,
      handle: ({ params: { conversationId, participantId }, body }) => {
        const given = objectIn(parseObject(body), 'attributes');
        const odd = Object.keys(given).find((name) => typeof given[name] !== 'string');
        if (odd !== undefined) throw new Refusal(400, `attributes.${odd.slice(0, 80)}: expected a string`);
        const participant = conversations.at(conversationId, participantId).participants.get(participantId);
        if (participant === undefined) throw new Refusal(404, 'the conversation has no such participant');
        participant.attributes = merged(participant.attributes, given);
        return { status: 204 };
      },
    },
  ];
}

/** What stands in its errors beside the status. @type {Record<number, string>} */
const ERROR_CODES = { 400: 'bad.request', 401: 'bad.credentials', 403: 'missing.permissions', 404: 'not.found', 429: 'too.many.requests.retry.after' };

/**
 * @param {Logins} logins
 * @param {import('./deliveries.js').Deliveries} deliveries
 * @returns {import('./platforms.js').Platform}
 */
function createGenesys(logins, deliveries) {
  logins.add(CLIENT);
  logins.add(READER);
  const defaults = { requestsPerMinute: Infinity, retryIntervalMs: undefined };
  /** @type {{ requestsPerMinute: number, retryIntervalMs: number | undefined }} */
  const settings = { ...defaults };
  const conversations = new Conversations();
  const rateLimit = new RateLimit(settings);
  const webhooks = createWebhooks(logins, deliveries, settings);
  const profiles = createProfiles(logins, webhooks.tell);
  const contacts = createContacts(logins);
  const routes = [...interactionRoutes(conversations, logins), ...conversationRoutes(conversations, logins), ...profiles.routes, ...contacts.routes, ...webhooks.routes];
  return {
    name: 'genesys',
    settings,
    env: (url) => ({ GENESYS_CLIENT_ID: CLIENT.id, GENESYS_CLIENT_SECRET: CLIENT.secret, GENESYS_ENVIRONMENT: url, GENESYS_DOMAIN: url }),
    reset: () => {
      for (const part of [conversations, rateLimit, webhooks, profiles, contacts]) part.reset();
      Object.assign(settings, defaults);
    },
    errorBody: (message, status) => ({ message, code: ERROR_CODES[status] ?? 'internal.server.error', status, details: [], errors: [] }),
    routes: routes.map((route) => ({
      ...route,
      authenticate: (request) => {
        route.authenticate?.(request);
        rateLimit.take(request);
      },
    })),
  };
}

module.exports = { createGenesys };
