// Cognigy.AI's sessions: the resources that a customer's changed attributes are forwarded to.
//
// What is verified. `inject`, `notify` and `contextInject` are Cognigy.AI's own: paths and bodies as its API reference has them (2026.6). That a session
// which has ended is answered 404, and that an injected context is merged into the session's, are not. `webhook` is as seed T0 describes it: a URL that
// takes whatever is posted; 410 for an ended session is this project's own choice, and the sandbox's.
'use strict';

const { readPath } = require('./path.js');

/**
 * @typedef {object} Forward
 * @property {string} sessionId
 * @property {Record<string, unknown>} updatedAttributes
 * @property {string} profileId
 * @property {string} [userId] whose session it is
 *
 * How a forward becomes a request. It is a plain POST to a place that is configured: the client's base URL is that place's origin.
 * @typedef {object} SessionResource
 * @property {string} method
 * @property {string} env the variable that says where it is
 * @property {boolean} needsUserId
 * @property {boolean} idempotent twice sent is as good as once
 * @property {(apiKey: string) => import('../..').Auth} [auth] where it wants a key of the API
 * @property {(forward: Forward, place: URL) => { path: string, json: unknown }} request
 * @property {number[]} goneStatuses that say: the session has ended
 */

const CONTEXT_PATH = readPath('/new/v2.0/sessions/{sessionId}/context/inject');

/** A trailing slash is nothing. @param {URL} place */
const pathOf = ({ pathname }) => pathname.replace(/\/+$/, '');

/**
 * Of the Endpoint service, whose place is an Endpoint's URL as its settings show it, `https://endpoint-trial.cognigy.ai/{URLToken}`: the verb goes before
 * the token. An unknown token is answered 404, which is no word about a session.
 * @param {'inject' | 'notify'} verb
 * @returns {SessionResource}
 */
const endpoint = (verb) => ({
  method: 'POST',
  env: 'COGNIGY_WEBHOOK_URL',
  needsUserId: true,
  idempotent: false,
  request: ({ sessionId, updatedAttributes, profileId, userId }, place) => ({
    path: pathOf(place).replace(/\/([^/]*)$/, `/${verb}/$1`) + place.search,
    json: { userId, sessionId, text: '', data: { updatedAttributes, profileId } },
  }),
  goneStatuses: [],
});

/** @type {Record<'webhook' | 'inject' | 'notify' | 'contextInject', SessionResource>} */
const sessionResources = {
  // As seed T0 describes it: the URL itself, which honours the Idempotency-Key or merges.
  webhook: {
    method: 'POST',
    env: 'COGNIGY_WEBHOOK_URL',
    needsUserId: false,
    idempotent: true,
    request: ({ sessionId, updatedAttributes, profileId }, place) => ({ path: place.pathname + place.search, json: { sessionId, updatedAttributes, profileId } }),
    goneStatuses: [410],
  },
  // Into the Flow, as if the user had said it: the Flow finds the attributes in `input.data`, and may answer.
  inject: endpoint('inject'),
  // To the user, past the Flow: the attributes are in the message's data, which a channel's own client can read.
  notify: endpoint('notify'),
  // Into the session's context, from where every node of the Flow reads; nobody is woken. The place is the API, such as `https://api-trial.cognigy.ai`.
  contextInject: {
    method: 'POST',
    env: 'COGNIGY_API_BASE_URL',
    needsUserId: true,
    idempotent: true,
    auth: (apiKey) => ({ type: 'header', name: 'X-API-Key', value: apiKey }),
    request: ({ sessionId, updatedAttributes, userId }, place) => ({
      path: pathOf(place) + CONTEXT_PATH.fill({ sessionId }),
      json: { userId, context: updatedAttributes },
    }),
    goneStatuses: [404, 410],
  },
};

module.exports = { sessionResources };
