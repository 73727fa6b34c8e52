// Simulated Cognigy.AI: the dialog state that events are reported to, beside its administration and its sessions.
'use strict';

const { BoundedMap } = require('./bounded-map.js');
const { createAdministration } = require('./cognigy-admin.js');
const { createSessions } = require('./cognigy-sessions.js');
const { Refusal, parseObject } = require('./answer.js');
const { merged } = require('./fields.js');

/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

// Fixed, so that a .env written once stays right. They open nothing but a sandbox.
const TOKEN = 'sandbox-cognigy-token';
/** Known to the platform, but without the scope dialog:state:write. */
const READ_ONLY_TOKEN = 'sandbox-cognigy-token-read-only';
const WEBHOOK_SECRET = 'sandbox-cognigy-webhook-secret';

const STATE_PATH = '/api/v1/dialogs/{dialogId}/sessions/{sessionId}/state';
const MAX_SESSIONS = 10_000;
const MAX_STATE_BYTES = 64 << 20;

/** @param {PlatformRequest} request @param {string} needed the scope, for the refusal's text; '' to read */
function authenticate({ headers }, needed) {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token !== TOKEN && token !== READ_ONLY_TOKEN) {
    const problem = token === undefined ? 'Authorization: expected Bearer and a token' : 'Authorization: the token is not valid';
    throw new Refusal(401, problem, { 'www-authenticate': 'Bearer' });
  }
  if (token === READ_ONLY_TOKEN && needed !== '') throw new Refusal(403, `the token lacks the scope ${needed}`);
}

/** @param {import('./logins.js').Logins} logins @returns {Platform} */
function createCognigy(logins) {
  const administration = createAdministration(logins);
  const sessions = createSessions(administration.authenticate);
  /** @type {BoundedMap<Map<string, unknown>>} the merged state of each session */
  const states = new BoundedMap({ maxEntries: MAX_SESSIONS, maxBytes: MAX_STATE_BYTES });

  /** @param {PlatformRequest} request */
  const keyOf = ({ params }) => JSON.stringify([params.dialogId, params.sessionId]);

  return {
    name: 'cognigy',
    env: (url) => ({ COGNIGY_API_BASE_URL: url, COGNIGY_API_TOKEN: TOKEN, COGNIGY_WEBHOOK_SECRET: WEBHOOK_SECRET, ...administration.env(url), ...sessions.env(url) }),
    settings: administration.settings,
    reset: () => {
      states.clear();
      administration.reset();
      sessions.reset();
    },
    routes: [
      {
        method: 'POST',
        path: STATE_PATH,
        idempotent: true,
        authenticate: (request) => authenticate(request, 'dialog:state:write'),
        handle: (request) => {
          const state = merged(states.get(keyOf(request)) ?? new Map(), parseObject(request.body));
          const text = JSON.stringify(Object.fromEntries(state));
          states.set(keyOf(request), state, text.length);
          return { status: 200, headers: { 'content-type': 'application/json' }, body: text };
        },
      },
      {
        method: 'GET',
        path: STATE_PATH,
        authenticate: (request) => authenticate(request, ''),
        handle: (request) => {
          const state = states.get(keyOf(request));
          if (state === undefined) throw new Refusal(404, 'the session has no state yet');
          return { status: 200, body: Object.fromEntries(state) };
        },
      },
      ...administration.routes,
      ...sessions.routes,
    ],
  };
}

module.exports = { createCognigy };
