// Simulated Cognigy.AI: sessions, whose variables are changed through the webhook of seed T0, and through its own inject, notify and context/inject.
'use strict';

const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseObject } = require('./answer.js');
const { check, objectIn, textIn, merged } = require('./fields.js');

/** @typedef {import('./platforms.js').Route} Route */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

/** @typedef {{ ended: boolean, variables: Map<string, unknown>, messages: object[] }} Session */

const WEBHOOK_PATH = '/cognigy/webhook';
const SESSION_PATH = '/cognigy/sessions/{sessionId}';
const URL_TOKEN = /^[0-9a-f]{64}$/;
const MAX_SESSIONS = 10_000;
const MAX_SESSION_BYTES = 64 << 20;
const MAX_MESSAGES = 100;

/**
 * @param {(request: PlatformRequest) => void} authenticate at the API
 * @returns {{ env: (url: string) => Record<string, string>, routes: Route[], reset: () => void }}
 */
function createSessions(authenticate) {
  /** @type {BoundedMap<Session>} */
  const sessions = new BoundedMap({ maxEntries: MAX_SESSIONS, maxBytes: MAX_SESSION_BYTES });

  /**
   * Each is there from the moment that somebody speaks of it, until it is ended.
   * @param {string} sessionId
   * @returns {Session}
   */
  const at = (sessionId) => sessions.get(sessionId) ?? { ended: false, variables: new Map(), messages: [] };

  /** @param {string} sessionId @param {number} goneStatus */
  const active = (sessionId, goneStatus) => {
    const session = at(sessionId);
    if (session.ended) throw new Refusal(goneStatus, 'the session has ended');
    return session;
  };

  /** @param {string} sessionId @param {Session} session */
  const keep = (sessionId, session) => {
    const { variables, ...rest } = session;
    const shown = { sessionId, ...rest, variables: Object.fromEntries(variables) };
    sessions.set(sessionId, session, JSON.stringify(shown).length);
    return shown;
  };

  /** @param {string} sessionId @param {Record<string, unknown>} given @param {number} goneStatus */
  const change = (sessionId, given, goneStatus) => {
    const session = active(sessionId, goneStatus);
    return keep(sessionId, { ...session, variables: merged(session.variables, given) });
  };

  /** A message to an Endpoint. @param {'inject' | 'notify'} verb @param {string} done @returns {Route} */
  const endpoint = (verb, done) => ({
    method: 'POST',
    path: `/${verb}/{urlToken}`,
    handle: ({ params, body }) => {
      if (!URL_TOKEN.test(params.urlToken)) throw new Refusal(404, 'there is no Endpoint of that URL token');
      const given = parseObject(body);
      const [userId, sessionId] = [textIn(given, 'userId'), textIn(given, 'sessionId')];
      const { text = '', data = {} } = given;
      check(typeof text === 'string', 'text: expected a text');
      const session = at(sessionId);
      // The Flow here does what a Flow that is made for it would: it takes the attributes over.
      const { updatedAttributes = {} } = objectIn({ data }, 'data');
      const variables = verb === 'inject' ? merged(session.variables, objectIn({ updatedAttributes }, 'updatedAttributes')) : session.variables;
      keep(sessionId, { ...session, variables, messages: [...session.messages.slice(1 - MAX_MESSAGES), { verb, userId, text, data }] });
      return { status: 200, body: done };
    },
  });

  return {
    env: (url) => ({ COGNIGY_WEBHOOK_URL: url + WEBHOOK_PATH }),
    reset: () => sessions.clear(),
    routes: [
      {
        method: 'POST',
        path: WEBHOOK_PATH,
        idempotent: true,
        handle: ({ body }) => {
          const given = parseObject(body);
          textIn(given, 'profileId');
          const { sessionId, variables } = change(textIn(given, 'sessionId'), objectIn(given, 'updatedAttributes'), 410);
          return { status: 200, body: { sessionId, variables } };
        },
      },
      endpoint('inject', 'Message was sent to AI for Flow processing'),
      endpoint('notify', 'Successfully sent message to user'),
      {
        method: 'POST',
        path: '/new/v2.0/sessions/{sessionId}/context/inject',
        authenticate,
        handle: ({ params, body }) => {
          const given = parseObject(body);
          textIn(given, 'userId');
          return { status: 200, body: change(params.sessionId, objectIn(given, 'context'), 404).variables };
        },
      },
      // From here on for whoever plays the conversation: to see a session, to change it as its Flow would, and to end it.
      {
        method: 'GET',
        path: SESSION_PATH,
        handle: ({ params: { sessionId } }) => {
          const session = sessions.get(sessionId);
          if (session === undefined) throw new Refusal(404, 'there is no such session');
          return { status: 200, body: { sessionId, ...session, variables: Object.fromEntries(session.variables) } };
        },
      },
      {
        method: 'PATCH',
        path: SESSION_PATH,
        handle: ({ params, body }) => ({ status: 200, body: change(params.sessionId, objectIn(parseObject(body), 'variables'), 410) }),
      },
      {
        method: 'DELETE',
        path: SESSION_PATH,
        handle: ({ params: { sessionId } }) => {
          keep(sessionId, { ...active(sessionId, 410), ended: true });
          return { status: 204 };
        },
      },
    ],
  };
}

module.exports = { createSessions };
