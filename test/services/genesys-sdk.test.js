// Genesys Cloud's own SDK beside our client: what they send is the same, and the sandbox answers both.
'use strict';

const assert = require('node:assert/strict');
const { ApiClient, ExternalContactsApi, PureCloudRegionHosts } = require('purecloud-platform-client-v2');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { HttpClient } = require('../../lib/http-client.js');
const genesys = require('../../lib/platforms/genesys.js');
const { profileResources } = require('../../lib/platforms/genesys-profiles.js');
const { openPlatform } = require('../support/platform.js');

const contacts = profileResources.externalContacts({ externalSourceId: '6c3f1f0e-5f9b-4d0e-8f57-3c8b8f6f2d11', schemaId: '0b9c2a44-7d4e-4f6e-9b53-1d2c3e4f5a66' });

/** @param {Record<string, unknown>} attributes */
const requestOf = (attributes) => contacts.request({ externalId: 'CUST-998877', attributes, identities: [{ type: 'email', value: 'customer@example.com', primary: true }] });

describe("Genesys Cloud's SDK", () => {
  const sdk = ApiClient.instance;
  const api = new ExternalContactsApi();
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {HttpClient[]} */
  const clients = [];

  before(async () => {
    sandbox = await createSandbox();
    sdk.config.live_reload_config = false;
  });
  beforeEach(() => {
    sandbox.reset();
    sdk.setReturnExtendedResponses(false);
    speakTo(sandbox.url);
  });
  after(async () => {
    sdk.config.setGateway(/** @type {any} */ (undefined));
    await Promise.all([sandbox.close(), ...clients.map((client) => client.close({ graceMs: 0 }))]);
  });

  /** @param {string} url */
  function speakTo(url) {
    const { hostname, port } = new URL(url);
    sdk.config.setGateway({ protocol: 'http', host: hostname, port: Number(port) });
  }

  const login = (secret = sandbox.env.GENESYS_CLIENT_SECRET) => sdk.loginClientCredentialsGrant(sandbox.env.GENESYS_CLIENT_ID, secret);

  /** @param {string} url */
  function ourClient(url) {
    const { GENESYS_CLIENT_ID: clientId, GENESYS_CLIENT_SECRET: clientSecret } = sandbox.env;
    const client = new HttpClient({ baseUrl: url, auth: genesys.auth({ login: url, clientId, clientSecret }), proxy: false });
    clients.push(client);
    return client;
  }

  it('logs in to the sandbox, for as long as the sandbox says', async () => {
    sandbox.tokens.lifetimeSeconds = 600;
    const nowMs = Date.now();
    const { accessToken, tokenExpiryTime = 0 } = await login();
    assert.match(accessToken ?? '', /^sandbox-/);
    assert.ok(tokenExpiryTime >= nowMs + 600_000 && tokenExpiryTime <= Date.now() + 600_000);
    await assert.rejects(login('wrong'), { status: 401 });
  });

  it('and our client write one contact', async () => {
    await login();
    const { path, method, json } = requestOf({ intent_text: 'billing_inquiry', kept_text: 'x' });
    const created = await api.postExternalcontactsContactsEnrich(/** @type {any} */ (json));
    const changed = await ourClient(sandbox.url).request({ path, method, json: requestOf({ intent_text: 'order_status' }).json, idempotent: true });
    assert.equal(changed.status, 200);
    assert.equal(contacts.profileOf(changed.json()).profileId, created.id);
    const read = await api.getExternalcontactsContact(created.id ?? '');
    assert.deepEqual([read.customFields, read.personalEmail], [{ intent_text: 'order_status', kept_text: 'x' }, 'customer@example.com']);
    assert.equal(contacts.profileOf(read).updatedAt, read.modifyDate);
  });

  it('and our client send the same to the token endpoint and to contacts/enrich', async () => {
    const far = await openPlatform();
    far.answer = (res, { url }) => res.setHeader('content-type', 'application/json').end(url === '/oauth/token' ? '{"access_token":"t","token_type":"bearer","expires_in":600}' : '{"id":"c"}');
    speakTo(far.url);
    const { path, method, json } = requestOf({ intent_text: 'a' });
    await login();
    await api.postExternalcontactsContactsEnrich(/** @type {any} */ (json));
    await ourClient(far.url).request({ path, method, json, idempotent: true });
    const [theirLogin, theirs, ourLogin, ours] = (await far.requests(4)).map(({ method: verb, url, headers, body }) => ({
      verb, url, authorization: headers.authorization, type: headers['content-type'], body: body.startsWith('{') ? JSON.parse(body) : body,
    }));
    await far.close();
    assert.deepEqual(ourLogin, theirLogin);
    assert.deepEqual(ours, theirs);
  });

  it('understands the refusals of the sandbox', async () => {
    await login();
    const { json } = requestOf({});
    sdk.setReturnExtendedResponses(true);
    await assert.rejects(api.postExternalcontactsContactsEnrich(/** @type {any} */ ({ ...Object(json), action: 'Insert' })), ({ status, body }) => status === 400 && body.code === 'bad.request');
    sandbox.settings.genesys.requestsPerMinute = 1;
    await api.postExternalcontactsContactsEnrich(/** @type {any} */ (json));
    await assert.rejects(api.postExternalcontactsContactsEnrich(/** @type {any} */ (json)), ({ status, body, headers }) => (
      status === 429 && body.code === 'too.many.requests.retry.after' && Number(headers['retry-after']) >= 1 && headers['inin-ratelimit-allowed'] === '1'
    ));
    sandbox.tokens.revoke();
    await assert.rejects(api.postExternalcontactsContactsEnrich(/** @type {any} */ (json)), ({ status, body }) => status === 401 && body.code === 'bad.credentials');
  });

  it('knows the regions that we know, and logs in where we do', () => {
    const regions = Object.values(PureCloudRegionHosts);
    assert.ok(regions.length >= 18);
    for (const region of regions) assert.deepEqual(genesys.urlsOf(region), { api: `https://api.${region}`, login: `https://login.${region}` });
  });
});
