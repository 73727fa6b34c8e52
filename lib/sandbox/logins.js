// Simulated token servers (RFC 6749): the clients of all platforms, the tokens they were given, and what those allow.
'use strict';

const { randomBytes } = require('node:crypto');
const { BoundedMap } = require('./bounded-map.js');
const { Refusal } = require('./answer.js');

/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */
/** @typedef {import('./answer.js').Answer} Answer */

/**
 * @typedef {object} Client
 * @property {string} id
 * @property {string} secret
 * @property {string[]} scopes what it may ask for
 * @property {{ username: string, password: string }} [user] of the password grant (RFC 6749, 4.3)
 */

const MAX_TOKENS = 100_000;
const DEFAULT_LIFETIME_S = 3600;

class Logins {
  /** @type {Map<string, Client>} */
  #clients = new Map();
  /** @type {BoundedMap<{ client: Client, scopes: string[], endsAtMs: number }>} */
  #tokens = new BoundedMap({ maxEntries: MAX_TOKENS });
  /** Of tokens to come, in seconds. */
  lifetimeSeconds = DEFAULT_LIFETIME_S;

  /** @param {Client} client */
  add(client) {
    this.#clients.set(client.id, client);
  }

  /** Every token becomes invalid, as when somebody revokes a client's grants. */
  revoke() {
    this.#tokens.clear();
  }

  reset() {
    this.revoke();
    this.lifetimeSeconds = DEFAULT_LIFETIME_S;
  }

  /** Answers a token request. @param {PlatformRequest} request @returns {Answer} */
  issue(request) {
    const form = new URLSearchParams([...request.query, ...new URLSearchParams(request.body.toString('utf8'))]);
    const client = this.#authenticateClient(request, form);
    if (!client) return { status: 401, headers: { 'www-authenticate': 'Basic' }, body: { error: 'invalid_client', error_description: 'client authentication failed' } };
    const grant = form.get('grant_type');
    if (grant === 'password') {
      const { user } = client;
      if (!user || user.username !== form.get('username') || user.password !== form.get('password')) {
        return { status: 400, body: { error: 'invalid_grant', error_description: 'the user name or password is wrong' } };
      }
    } else if (grant !== 'client_credentials') {
      return { status: 400, body: { error: 'unsupported_grant_type' } };
    }
    const asked = form.get('scope')?.split(' ').filter(Boolean) ?? [];
    if (asked.some((scope) => !client.scopes.includes(scope))) return { status: 400, body: { error: 'invalid_scope' } };
    const scopes = asked.length > 0 ? asked : client.scopes;
    const token = `sandbox-${randomBytes(24).toString('base64url')}`;
    this.#tokens.set(token, { client, scopes, endsAtMs: Date.now() + this.lifetimeSeconds * 1000 });
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { access_token: token, token_type: 'Bearer', expires_in: this.lifetimeSeconds, scope: scopes.join(' ') },
    };
  }

  /** @param {PlatformRequest} request @param {URLSearchParams} form @returns {Client | undefined} */
  #authenticateClient({ headers }, form) {
    const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '')?.[1];
    let id = form.get('client_id');
    let secret = form.get('client_secret');
    if (basic !== undefined) {
      const text = Buffer.from(basic, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
      [id, secret] = [text.slice(0, colon), text.slice(colon + 1)].map((part) => new URLSearchParams(`v=${part}`).get('v'));
    }
    const client = this.#clients.get(id ?? '');
    return client && client.secret === secret ? client : undefined;
  }

  /**
   * For a route's `authenticate`.
   * @param {PlatformRequest} request
   * @param {string} scope what the token has to allow; '': any token will do
   */
  check({ headers }, scope) {
    const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) throw new Refusal(401, 'Authorization: expected Bearer and a token', { 'www-authenticate': 'Bearer' });
    const grant = this.#tokens.get(token);
    if (!grant || grant.endsAtMs <= Date.now()) throw new Refusal(401, 'Authorization: the token is not valid', { 'www-authenticate': 'Bearer' });
    if (scope !== '' && !grant.scopes.includes(scope)) throw new Refusal(403, `the token lacks the scope ${scope}`);
  }
}

module.exports = { Logins };
