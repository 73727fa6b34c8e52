// Simulated Cognigy.AI: the dialog state that events are reported to, beside its administration.
'use strict';

const { BoundedMap } = require('./bounded-map.js');
const { createAdministration } = require('./cognigy-admin.js');
const { Refusal, parseObject } = require('./answer.js');

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
const MAX_KEYS_PER_STATE = 1000;

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
  /** @type {BoundedMap<Map<string, unknown>>} the merged state of each session */
  const states = new BoundedMap({ maxEntries: MAX_SESSIONS, maxBytes: MAX_STATE_BYTES });

  /** @param {PlatformRequest} request */
  const keyOf = ({ params }) => JSON.stringify([params.dialogId, params.sessionId]);

  return {
    name: 'cognigy',
    env: (url) => ({ COGNIGY_API_BASE_URL: url, COGNIGY_API_TOKEN: TOKEN, COGNIGY_WEBHOOK_SECRET: WEBHOOK_SECRET, ...administration.env(url) }),
    settings: administration.settings,
    reset: () => {
      states.clear();
      administration.reset();
    },
    routes: [
      {
        method: 'POST',
        path: STATE_PATH,
        idempotent: true,
        authenticate: (request) => authenticate(request, 'dialog:state:write'),
        handle: (request) => {
          const given = Object.entries(parseObject(request.body));
          // A Map, because a key may be called __proto__.
          const state = new Map([...(states.get(keyOf(request)) ?? []), ...given]);
          if (state.size > MAX_KEYS_PER_STATE) throw new Refusal(400, `state: expected at most ${MAX_KEYS_PER_STATE} keys, got ${state.size}`);
          const merged = Object.fromEntries(state);
          const text = JSON.stringify(merged);
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
    ],
  };
}

module.exports = { createCognigy };
