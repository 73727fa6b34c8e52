// NICE CXone: its hosts, and the resources that a conversation's intent is written to.
'use strict';

/**
 * What a resource makes its request of.
 * @typedef {object} Facts
 * @property {string} conversationId
 * @property {string} intent
 * @property {number | undefined} confidence from 0 to 1
 * @property {string} time ISO 8601
 * @property {Record<string, string | number>} attributes the three above under their configured names; without the confidence where there is none
 * @property {number | undefined} queue what `routes` says of the intent
 */

/**
 * @template [F=Facts]
 * @typedef {object} Resource
 * @property {'tenant' | 'acd' | 'digital'} [host] where it is: at the tenant (default), or where the tenant's discovery document says
 * @property {string} method
 * @property {(facts: F) => string} path begins with /, percent-encoded
 * @property {(facts: F) => Record<string, string | number | undefined>} [query]
 * @property {(facts: F) => unknown} [json]
 * @property {boolean} [idempotent] may be sent again where it is not known whether it arrived
 * @property {boolean} [needsQueue] an intent without a queue is refused
 * @property {string} [scope] that the token needs
 * @property {string} [done] what has been done, in front of the conversation's id
 */

/** @param {string} id */
const encode = (id) => encodeURIComponent(id);

/** @type {Record<string, Resource>} */
const resources = {
  // The conversation's context as seed T1 describes it: attributes in the body overwrite, others stay.
  interactionContext: {
    method: 'POST',
    path: ({ conversationId }) => `/api/v2/interactions/interactions/${encode(conversationId)}/context`,
    json: ({ attributes }) => ({ attributes }),
    idempotent: true,
    scope: 'interaction:write',
    done: 'Context updated for conversation',
  },
  // The Signal API: wakes the Studio script of a voice contact, which finds the values in its OnSignal action. Twice sent is twice signalled.
  signal: {
    host: 'acd',
    method: 'POST',
    path: ({ conversationId }) => `/inContactAPI/services/v30.0/interactions/${encode(conversationId)}/signal`,
    query: ({ intent, confidence, time }) => ({ p1: intent, p2: confidence, p3: time }),
    done: 'Signal sent to conversation',
  },
  // Digital: the custom fields of a contact, under the attributes' names.
  digitalCustomFields: {
    host: 'digital',
    method: 'PUT',
    path: ({ conversationId }) => `/dfo/3.0/contacts/${encode(conversationId)}/custom-fields`,
    json: ({ attributes }) => Object.entries(attributes).map(([ident, value]) => ({ ident, value: String(value) })),
    done: 'Custom fields set for conversation',
  },
  // Digital: the queue (skill) itself, chosen here and not by a rule there.
  routingQueue: {
    host: 'digital',
    method: 'PUT',
    path: ({ conversationId }) => `/dfo/3.0/contacts/${encode(conversationId)}/routing-queue`,
    json: ({ queue }) => ({ skillId: queue }),
    needsQueue: true,
    done: 'Routing queue set for conversation',
  },
};

/**
 * A rule as seed T1 describes it. Its name is unique, so that a second POST is answered 409.
 * @type {Resource<{ name: string, intent: string, queueId: string, attribute: string }>}
 */
const routingRules = {
  method: 'POST',
  path: () => '/api/v2/routing/rules',
  json: ({ name, intent, queueId, attribute }) => ({
    name,
    description: `Routes conversations with intent '${intent}' to specific queue`,
    priority: 1,
    enabled: true,
    conditions: [{ type: 'attribute', attributeName: attribute, operator: 'equals', value: intent }],
    targets: [{ type: 'queue', queueId, weight: 1 }],
  }),
  idempotent: true,
  scope: 'routing:write',
};

/**
 * How the attributes are called: the seed has two spellings, told apart here by the name of the time.
 * @type {Record<string, { intent: string, confidence: string, time: string }>}
 */
const attributeNames = {
  routedAt: { intent: 'cognigyDetectedIntent', confidence: 'cognigyConfidence', time: 'routedAt' },
  lastUpdated: { intent: 'cognigyDetectedIntent', confidence: 'cognigyIntentConfidence', time: 'lastUpdated' },
};

const DOMAIN_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/i;
const LABEL = /^[a-z0-9-]{1,63}$/i;

/** Digital of the FedRAMP area lives in a domain that its discovery document does not name. @type {Record<string, string>} */
const DIGITAL_DOMAINS = { na2: 'nicecxone-gov.com' };

/**
 * Where a tenant's APIs are.
 * @param {any} configuration what `/.well-known/cxone-configuration` answers
 * @returns {{ acd: string, digital: string } | undefined} undefined: it is not what was expected
 */
function hostsOf(configuration) {
  const { api_endpoint: acd, area, domain } = Object(configuration);
  if (typeof acd !== 'string' || !/^https?:\/\//.test(acd) || !LABEL.test(area) || !DOMAIN_NAME.test(domain)) return undefined;
  return { acd, digital: `https://api-de-${area}.${Object.hasOwn(DIGITAL_DOMAINS, area) ? DIGITAL_DOMAINS[area] : domain}` };
}

module.exports = {
  name: 'CXone',
  /** A tenant's name stands before it; a tenant that is a host, or a URL, is taken as it is. */
  domain: 'my.cxone.com',
  defaultIssuer: 'https://cxone.niceincontact.com',
  tokenPath: '/oauth/token',
  configurationPath: '/.well-known/cxone-configuration',
  resources,
  routingRules,
  attributeNames,
  hostsOf,
};
