// How the profile sync starts: its options, its credentials, and the webhook that Genesys is to call.
'use strict';

const assert = require('node:assert/strict');
const { profileSync } = require('../../lib/index.js');
const { genesysCaller } = require('../support/sandbox-caller.js');
const { openSyncStage, SESSION } = require('../support/sync-stage.js');

const MIDDLEWARE = 'https://middleware.example.com/base';

describe('profileSync, start', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  beforeEach(async () => { stage = await openSyncStage(); });
  afterEach(() => stage.close());

  /** On the sandbox. @param {import('../..').ProfileSyncOptions} [options] @param {Record<string, string>} [env] */
  const service = (options, env) => stage.sync({ env: { ...stage.sandbox.env, ...env }, clientId: undefined, clientSecret: undefined, ...options });
  /** @returns {Promise<any[]>} */
  const registered = async () => (await (await genesysCaller(stage.sandbox))('GET', '/api/v2/webhooks')).json.entities;

  it('names everything that is missing at once', () => {
    assert.throws(() => profileSync({ env: {} }), {
      code: 'CONFIG_INVALID', message: 'missing: COGNIGY_WEBHOOK_URL, GENESYS_DOMAIN, GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET',
    });
  });

  /** @type {Array<[object, RegExp]>} */
  const wrong = [
    [{ webhookUrl: 'cognigy' }, /webhookUrl \(COGNIGY_WEBHOOK_URL\): expected an absolute/],
    [{ webhookUrl: 'http://user:pass@127.0.0.1/' }, /^webhookUrl.*without credentials/],
    [{ resource: 'profiles' }, /GENESYS_PROFILE_RESOURCE|^resource: expected customerProfiles, externalContacts/],
    [{ resource: 'externalContacts' }, /missing: GENESYS_EXTERNAL_SOURCE_ID, GENESYS_CONTACT_SCHEMA_ID/],
    [{ resource: { request: 7 } }, /^resource/],
    [{ forwardTo: 'contextInject', env: {} }, /COGNIGY_API_KEY/],
    [{ forwardTo: 'elsewhere' }, /^forwardTo/],
    [{ mapToProfile: {} }, /^mapToProfile: expected a function/],
    [{ volatileAttributes: 'lastUpdated' }, /^volatileAttributes: expected an array/],
    [{ coalesceMs: -1 }, /^coalesceMs/],
    [{ forwardRetry: { attempts: 0 } }, /^forwardRetry.attempts/],
    [{ forwardRateLimit: { requests: 0, perMs: 1000, burst: 2 } }, /^forwardRateLimit.burst: expected one of requests, perMs.*; forwardRateLimit.requests: expected an integer from 1/],
    [{ nothing: 1 }, /^nothing: is not an option/],
  ];
  for (const [options, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(() => service(options), { code: 'CONFIG_INVALID', message });
    });
  }

  it('refuses plain http to another host', () => {
    assert.throws(() => service({ webhookUrl: 'http://cognigy.example.com/hook' }), { code: 'CONFIG_INVALID' });
    assert.throws(() => service({ domain: 'http://genesys.example.com' }), { code: 'CONFIG_INVALID' });
  });

  it('makes the webhook of the seed, once however often it starts', async () => {
    for (const expected of ['created', 'unchanged']) {
      const sync = service({ middlewareUrl: MIDDLEWARE, inboundToken: 'inbound-token' });
      await sync.ready();
      await stage.logger.waitFor(expected === 'created' ? /the profile webhook is created/ : /is registered already/);
      await sync.close();
    }
    const [webhook, ...others] = await registered();
    assert.equal(others.length, 0);
    const rest = { ...webhook, id: undefined };
    assert.deepEqual(rest, {
      id: undefined,
      name: 'Cognigy Profile Sync Listener',
      description: 'Receives profile updates and pushes to active Cognigy sessions',
      enabled: true,
      eventFilters: ['customer.profile.update'],
      httpTarget: { url: `${MIDDLEWARE}/webhook/genesys-to-cognigy`, httpHeaders: { 'X-Webhook-Source': 'genesys-cloud', Authorization: 'Bearer inbound-token' } },
      retryPolicy: { maxRetries: 3, retryIntervalSeconds: 60 },
    });
    assert.ok(!stage.logger.text().includes('inbound-token'));
  });

  it('brings a webhook up to date that differs', async () => {
    const first = await service({ middlewareUrl: MIDDLEWARE }).registerWebhook();
    const second = await service({ middlewareUrl: 'https://moved.example.com' }).registerWebhook();
    assert.deepEqual([first?.action, second], ['created', { id: first?.id, action: 'updated' }]);
    assert.deepEqual((await registered()).map(({ httpTarget }) => httpTarget.url), ['https://moved.example.com/webhook/genesys-to-cognigy']);
  });

  it('agrees on one webhook where several start at once', async () => {
    const services = Array.from({ length: 4 }, () => service({ middlewareUrl: MIDDLEWARE }));
    for (let round = 0; round < 5; round += 1) {
      stage.sandbox.reset();
      const webhooks = await Promise.all(services.map((one) => one.registerWebhook()));
      const left = await registered();
      assert.equal(left.length, 1);
      assert.ok(webhooks.some((webhook) => webhook?.id === left[0].id));
    }
  });

  it('finds its webhook behind a page of others', async () => {
    const call = await genesysCaller(stage.sandbox);
    const other = { name: 'other', description: '', enabled: true, eventFilters: ['x'], httpTarget: { url: 'https://x.example.com', httpHeaders: {} }, retryPolicy: { maxRetries: 0, retryIntervalSeconds: 60 } };
    for (let i = 0; i < 100; i += 1) assert.equal((await call('POST', '/api/v2/webhooks', other)).status, 201);
    const made = await service({ middlewareUrl: MIDDLEWARE }).registerWebhook();
    assert.deepEqual(await service({ middlewareUrl: MIDDLEWARE }).registerWebhook(), { id: made?.id, action: 'unchanged' });
  });

  it('makes its webhook also where webhooks cannot be listed, under a key that stays the same', async () => {
    const genesys = await stage.genesys();
    genesys.answer = (res, { method }) => (method === 'GET' ? res.writeHead(404).end() : res.writeHead(201).end('{"id":"w-1"}'));
    const sync = stage.sync({ domain: genesys.url, webhookUrl: 'http://127.0.0.1:9/', middlewareUrl: MIDDLEWARE });
    for (let i = 0; i < 2; i += 1) assert.deepEqual(await sync.registerWebhook(), { id: 'w-1', action: 'created' });
    assert.deepEqual(genesys.calls.map(({ method }) => method), ['GET', 'POST', 'GET', 'POST'], 'what cannot be listed is asked for once a time');
    const posts = genesys.calls.filter(({ method }) => method === 'POST');
    assert.equal(new Set(posts.map(({ headers }) => headers['idempotency-key'])).size, 1);
  });

  it('does not take for registered what has no id', async () => {
    const genesys = await stage.genesys();
    genesys.answer = (res, { method }) => res.writeHead(method === 'GET' ? 404 : 201).end('{}');
    const sync = stage.sync({ domain: genesys.url, webhookUrl: 'http://127.0.0.1:9/', middlewareUrl: MIDDLEWARE });
    await assert.rejects(sync.registerWebhook(), { code: 'MALFORMED_RESPONSE' });
  });

  it('makes its webhook anew after somebody has taken it away', async () => {
    const sync = service({ middlewareUrl: MIDDLEWARE });
    const first = await sync.registerWebhook();
    const call = await genesysCaller(stage.sandbox);
    assert.equal((await call('DELETE', `/api/v2/webhooks/${first?.id}`)).status, 204);
    const second = await sync.registerWebhook();
    assert.equal(second?.action, 'created');
    assert.deepEqual((await registered()).map(({ id }) => id), [second?.id]);
  });

  it('registers the webhook later, where Genesys could not be reached at the start', async () => {
    const genesys = await stage.genesys();
    const answer = genesys.answer;
    genesys.answer = (res) => res.writeHead(503).end('{}');
    const sync = stage.sync({ domain: genesys.url, webhookUrl: 'http://127.0.0.1:9/', middlewareUrl: MIDDLEWARE });
    await sync.ready();
    await stage.logger.waitFor(/the profile webhook could not be registered/);
    genesys.answer = (res, seen, number) => {
      if (!seen.url.startsWith('/api/v2/webhooks')) return answer(res, seen, number);
      return seen.method === 'GET' ? res.end('{"entities":[]}') : res.writeHead(201).end('{"id":"w-1"}');
    };
    for (let i = 0; i < 2; i += 1) await sync.sync({ ...SESSION, sentiment: i });
    await stage.logger.waitFor(/the profile webhook is created/);
    assert.equal(genesys.calls.filter(({ method, url }) => method === 'POST' && url === '/api/v2/webhooks').length, 1);
  });

  it('does not ask for the webhook again where it was refused for good', async () => {
    const genesys = await stage.genesys();
    const answer = genesys.answer;
    genesys.answer = (res, seen, number) => (seen.url.startsWith('/api/v2/webhooks') ? res.writeHead(403).end('{}') : answer(res, seen, number));
    const sync = stage.sync({ domain: genesys.url, webhookUrl: 'http://127.0.0.1:9/', middlewareUrl: MIDDLEWARE });
    await sync.ready();
    for (let i = 0; i < 2; i += 1) await sync.sync({ ...SESSION, sentiment: i });
    assert.equal(genesys.calls.filter(({ url }) => url.startsWith('/api/v2/webhooks')).length, 1);
  });

  it('without MIDDLEWARE_URL registers nothing and says so', async () => {
    await service().ready();
    await stage.logger.waitFor(/MIDDLEWARE_URL is not set/);
    assert.deepEqual(await registered(), []);
  });

  it('starts where the webhook cannot be registered, which is logged', async () => {
    const genesys = await stage.genesys();
    genesys.answer = (res) => res.writeHead(500).end('{}');
    await stage.sync({ domain: genesys.url, webhookUrl: 'http://127.0.0.1:9/', middlewareUrl: MIDDLEWARE }).ready();
    const [{ level }] = await stage.logger.waitFor(/the profile webhook could not be registered/);
    assert.equal(level, 'warn');
  });

  it('does not start with wrong credentials', async () => {
    await assert.rejects(service({ clientSecret: 'wrong-secret' }).ready(), { code: 'AUTHENTICATION_FAILED' });
    assert.ok(!stage.logger.text().includes('wrong-secret'));
  });

  it('does not start without the scope to write profiles', async () => {
    const reader = { GENESYS_CLIENT_ID: 'sandbox-genesys-reader', GENESYS_CLIENT_SECRET: 'sandbox-genesys-reader-secret' };
    await assert.rejects(service({}, reader).ready(), { code: 'SCOPE_MISSING' });
  });

  it('does not start where nothing can be stored', async () => {
    await assert.rejects(service({ dataDir: '/proc/no/such/place' }).ready(), { code: 'STORE_UNAVAILABLE' });
  });

  it('starts where the token server cannot be reached, which is logged', async function () {
    this.timeout(30_000);
    await stage.sync({ domain: 'http://127.0.0.1:1', webhookUrl: 'http://127.0.0.1:9/' }).ready();
    await stage.logger.waitFor(/credentials could not be checked yet: CONNECTION_FAILED/);
  });
});

describe('profileSync, who may call', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  beforeEach(async () => { stage = await openSyncStage(); });
  afterEach(() => stage.close());
  const { update } = require('../support/sync-stage.js');
  const { SignatureVerifier } = require('../../lib/index.js');

  it('who has the token, and who signs', async () => {
    const { url, service } = await stage.open({ inboundToken: 'inbound-token', inboundSecrets: 'inbound-secret' });
    assert.equal(/** @type {any} */ (service).open, false);
    const session = JSON.stringify({ externalCustomerId: 'c' });
    const signed = /** @type {Record<string, string>} */ (new SignatureVerifier({ secrets: 'inbound-secret' }).sign(session));
    assert.equal((await stage.postSession(url, session)).status, 401);
    assert.equal((await stage.postSession(url, session, { authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await stage.postSession(url, session, { authorization: 'Bearer inbound-token' })).status, 200);
    assert.equal((await stage.postSession(url, session, signed)).status, 200);
    assert.equal((await stage.postEvents(url, update({ a: 1 }))).status, 401);
    assert.equal((await stage.postEvents(url, update({ a: 1 }), { authorization: 'Bearer inbound-token' })).status, 200);
  });

  it('Genesys Open Messaging with its own signature, and no other header', async () => {
    const { url } = await stage.open({ inboundToken: 'inbound-token', openMessagingSecrets: 'messaging-secret' });
    const body = JSON.stringify(update({ a: 1 }));
    const signed = /** @type {Record<string, string>} */ (new SignatureVerifier({ scheme: 'open-messaging', secrets: 'messaging-secret' }).sign(body));
    assert.equal((await stage.postEvents(url, body, { ...signed, 'x-webhook-source': '' })).status, 200);
    assert.equal((await stage.postEvents(url, `${body} `, signed)).status, 401);
    assert.equal((await stage.postSession(url, { externalCustomerId: 'c' }, signed)).status, 401);
  });

  it('only this machine, where nothing is configured', async () => {
    const { service } = await stage.open();
    assert.equal(/** @type {any} */ (service).open, true);
  });

  it('says on /health that it is there', async () => {
    const { url } = await stage.open();
    const answer = await fetch(`${url}/health`);
    assert.deepEqual([answer.status, await answer.json()], [200, { status: 'ok' }]);
  });
});
