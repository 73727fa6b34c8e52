// Genesys Cloud: its regions, its tokens, and the resources that are written to.
'use strict';

/**
 * A resource says how attributes become a request. The path may hold {interactionId}, {participantId}, {customerId} and {eventId},
 * each percent-encoded. The call must be safe to repeat: it merges by key.
 * @typedef {object} Resource
 * @property {string} method
 * @property {string} path
 * @property {(attributes: Record<string, unknown>) => unknown} [body] made into JSON; default: the attributes themselves
 * @property {string} [scope] what its tokens are asked for; default: whatever the client has been given
 * @property {(attributes: Record<string, unknown>, present: Record<string, unknown>) => boolean} [isEcho] does an event with these
 *   present attributes only tell of such a write?
 */

/** @type {Record<string, Resource>} */
const resources = {
  // As seed T3 describes it: keys in the context overwrite, others stay.
  interactionContext: {
    method: 'PATCH',
    path: '/api/v2/interactions/{interactionId}',
    body: (attributes) => ({ context: attributes }),
    scope: 'interaction:read interaction:write',
  },
  // Genesys Cloud's own: values are strings, and every write comes back as an event "…attributes".
  participantAttributes: {
    method: 'PATCH',
    path: '/api/v2/conversations/{interactionId}/participants/{participantId}/attributes',
    body: (attributes) => ({ attributes: asTexts(attributes) }),
    isEcho: (attributes, present) => Object.entries(asTexts(attributes)).every(([name, text]) => Object.hasOwn(present, name) && present[name] === text),
  },
};

/** @param {Record<string, unknown>} attributes */
function asTexts(attributes) {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, asText(value)]));
}

/** @param {unknown} value null empties an attribute */
function asText(value) {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The regions of Genesys Cloud, whose tokens come from login.{region}. */
const REGIONS = new Set([
  'mypurecloud.com', 'mypurecloud.ie', 'mypurecloud.com.au', 'mypurecloud.jp', 'mypurecloud.de', 'usw2.pure.cloud', 'cac1.pure.cloud',
  'apne2.pure.cloud', 'euw2.pure.cloud', 'aps1.pure.cloud', 'sae1.pure.cloud', 'mec1.pure.cloud', 'apne3.pure.cloud', 'euc2.pure.cloud',
  'mxc1.pure.cloud', 'apse1.pure.cloud', 'use2.us-gov-pure.cloud', 'edee1.eusc-pure.cloud',
]);

/**
 * What a bare host means: a region, or the name of its API.
 * @param {string} host
 */
function urlsOf(host) {
  const region = host.replace(/^(api|login|apps)\./, '');
  // Whatever is no region has its tokens where seed T3 has them.
  return { api: `https://api.${region}`, login: `https://${REGIONS.has(region) ? 'login' : 'api'}.${region}` };
}

/**
 * What a bare host means to seed T0, which has the tokens where the API is: that host, unless it is a region's.
 * @param {string} host
 */
function urlsOfDomain(host) {
  const region = host.replace(/^(api|login|apps)\./, '');
  return REGIONS.has(region) ? urlsOf(region) : { api: `https://${host}`, login: `https://${host}` };
}

/**
 * @param {{ login: string, clientId: string, clientSecret: string, scope?: string }} o
 * @returns {import('../..').Auth}
 */
const auth = ({ login, ...client }) => ({ type: 'oauth2', tokenUrl: `${login}/oauth/token`, ...client });

/** Whose attributes flows and scripts read: the one who called, or was called. */
const PURPOSES = ['customer', 'external'];

/**
 * @param {any} conversation as GET conversationPath gives it
 * @returns {string | undefined} the customer's participant id
 */
function customerParticipant(conversation) {
  const participants = Array.isArray(conversation?.participants) ? conversation.participants : [];
  return participants.find((/** @type {any} */ one) => PURPOSES.includes(one?.purpose))?.id;
}

module.exports = {
  name: 'Genesys Cloud',
  defaultHost: 'mypurecloud.com',
  urlsOf,
  urlsOfDomain,
  auth,
  resources,
  conversationPath: '/api/v2/conversations/{interactionId}',
  customerParticipant,
};
