// A stage for tests of the profile sync: a Genesys and a Cognigy that record, and services between them.
'use strict';

const { profileSync } = require('../../lib/index.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { Stage, FAST_RETRY } = require('./stage.js');
const { send } = require('./send.js');

/** @typedef {import('../..').ProfileSync} Sync */
/** @typedef {import('../..').ProfileSyncOptions} Options */

const TOKEN = 'very-secret-token';
const SCOPES = 'customer:profile:write customer:profile:read customer:profile:webhook webhook:write';
const SESSION = { sessionId: 'sess-abc-123', currentIntent: 'billing_inquiry', sentiment: 0.82, customerEmail: 'customer@example.com', externalCustomerId: 'CUST-998877' };
const PROFILE_ID = 'a1b2c3d4-e5f6-7890-91b2-a3b4c5d6e7f8';

class SyncStage extends Stage {
  /** @param {Options} [options] @returns {Sync} */
  sync(options = {}) {
    return this.add(/** @type {Sync} */ (/** @type {unknown} */ (profileSync({
      env: {}, clientId: 'client', clientSecret: 'very-secret-client-secret', dataDir: this.dataDir, retry: FAST_RETRY, forwardRetry: FAST_RETRY, logger: this.logger, ...options,
    }))));
  }

  /** A service on a Genesys and a Cognigy that record, behind a plain server. @param {Options} [options] */
  async open(options = {}) {
    const genesys = await this.genesys();
    const cognigy = await this.platform();
    const service = this.sync({ domain: genesys.url, webhookUrl: `${cognigy.url}/hook`, ...options });
    return { genesys, cognigy, service, url: await this.serve(service.router()) };
  }

  /** A Genesys that records: `answer` is asked for everything but tokens. */
  async genesys() {
    const platform = await this.platform();
    const own = { answer: /** @type {import('./platform.js').Answer} */ (writing), scope: SCOPES };
    platform.answer = (res, seen, number) => {
      if (!seen.url.endsWith('/oauth/token')) return own.answer(res, seen, number);
      return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token: TOKEN, token_type: 'Bearer', expires_in: 3600, scope: own.scope }));
    };
    return {
      url: platform.url,
      /** @param {import('./platform.js').Answer} answer */
      set answer(answer) { own.answer = answer; },
      get answer() { return own.answer; },
      /** @param {string} scope */
      set scope(scope) { own.scope = scope; },
      get tokens() { return platform.seen.filter(({ url }) => url.endsWith('/oauth/token')); },
      get calls() { return platform.seen.filter(({ url }) => !url.endsWith('/oauth/token')); },
      /** Profiles as they were sent. */
      get profiles() { return /** @type {any[]} */ (this.calls.filter(({ url }) => url.includes('/profiles')).map(({ body }) => JSON.parse(body).profile)); },
    };
  }

  /** @param {string} url @param {object | string} [session] what differs, or the whole text @param {Record<string, string>} [headers] */
  postSession(url, session = {}, headers = {}) {
    const body = typeof session === 'string' ? session : JSON.stringify({ ...SESSION, ...session });
    return send(`${url}/webhook/sync`, { headers: { 'content-type': 'application/json', ...headers }, body });
  }

  /** @param {string} url @param {object | string} payload @param {Record<string, string>} [headers] */
  postEvents(url, payload, headers = {}) {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    return send(`${url}/webhook/genesys-to-cognigy`, { headers: { 'content-type': 'application/json', 'x-webhook-source': 'genesys-cloud', ...headers }, body });
  }
}

/** Merges nothing, but answers as if. @param {import('node:http').ServerResponse} res @param {import('./platform.js').Seen} seen */
function writing(res, { body }) {
  const { profile } = JSON.parse(body);
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ profile: { id: PROFILE_ID, ...profile, updatedTimestamp: new Date().toISOString() } }));
}

/**
 * A delivery of Genesys with one event.
 * @param {Record<string, unknown>} attributes
 * @param {{ timestamp?: string, externalId?: string, id?: string, sessionId?: string }} [o]
 */
function update(attributes, { timestamp, externalId = SESSION.externalCustomerId, id = PROFILE_ID, sessionId = SESSION.sessionId } = {}) {
  return { events: [{ eventType: 'customer.profile.update', timestamp, profile: { id, externalId, attributes: { cognigySessionId: sessionId, ...attributes } } }] };
}

const openSyncStage = async () => new SyncStage(await createSandbox());

module.exports = { openSyncStage, SyncStage, update, SESSION, PROFILE_ID, TOKEN };
