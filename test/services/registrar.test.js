// The registrar's way from an option to a registration: what it looks at, what it sends, which key and name it derives, what it refuses.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { createHmac } = require('node:crypto');
const { once } = require('node:events');
const { registrar, SignatureVerifier } = require('../../lib/index.js');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage, withTokens } = require('../support/registrar-stage.js');
const { send } = require('../support/send.js');

const UUID_V5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('registrar', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  beforeEach(async () => {
    stage = await openRegistrarStage();
    url = await stage.target();
  });
  afterEach(() => stage.close());

  it('registers a target and answers with all that came of it', async () => {
    const { latencyMs, validation, ...result } = await stage.registrar().register({ url });
    const calls = stage.calls();
    const [connector] = await stage.connectors();
    assert.deepEqual(result, {
      success: true,
      registration: { id: connector.id, idempotent: false, data: { ...connector, status: 'pending' } },
      health: { verified: true, status: 'active' },
      gateway: { synced: true },
    });
    assert.deepEqual([connector.endpointUrl, connector.status], [url, 'active']);
    assert.ok(Number.isInteger(latencyMs));
    const { ok, tlsValid, reachable, contentType } = validation;
    assert.deepEqual({ ok, tlsValid, reachable, contentType }, { ok: true, tlsValid: true, reachable: true, contentType: 'application/octet-stream' });
    assert.match(connector.name, /^ExternalWebhook-[0-9a-f]{12}$/);
    assert.deepEqual(calls, ['POST /api/v1/connectors 201', `GET /api/v1/connectors/${connector.id} 200`]);
  });

  it('takes the target, the gateway and the secret from the environment', async () => {
    const service = stage.registrar({ env: { ...stage.sandbox.env, WEBHOOK_TARGET_URL: url, WEBHOOK_SIGNING_SECRET: 's3cret-of-the-env' } });
    assert.equal((await service.register()).success, true);
    const { payload } = await service.plan();
    assert.deepEqual([payload.endpointUrl, payload.requestSigning.enabled], [url, true]);
    assert.equal((await service.validate()).ok, true);
    assert.equal((await stage.gatewayEvents()).length, 1);
  });

  describe('what is posted', () => {
    /** @type {import('../support/platform.js').Platform} */
    let platform;
    beforeEach(async () => {
      platform = await stage.platform();
      platform.answer = withTokens((res, { method }) => (method === 'POST' ? res.writeHead(201) : res).end('{"id":"c 1","name":"n","status":"active"}'));
    });

    /** @param {import('../..').RegistrationOptions} [options] @param {import('../..').RegistrarOptions} [more] */
    async function posted(options, more) {
      await stage.registrar({ domain: platform.url, gatewayUrl: `${platform.url}/gateway`, ...more }).register({ url, ...options });
      const [post] = platform.seen.filter(({ url: path }) => path === '/api/v1/connectors');
      return { headers: post.headers, body: JSON.parse(post.body) };
    }

    it('is what seed T4 shows, with a derived name', async () => {
      const { headers, body } = await posted({}, { signingSecret: 's3cret' });
      const { name, ...rest } = body;
      assert.match(name, /^ExternalWebhook-[0-9a-f]{12}$/);
      assert.deepEqual(rest, {
        endpointUrl: url,
        authentication: { type: 'bearer', headers: { Authorization: 'Bearer {{dynamic_token}}' } },
        retryPolicy: { maxRetries: 3, backoffMs: 1000, timeoutMs: 5000 },
        headers: { 'X-Content-Type': 'application/json' },
        requestSigning: { enabled: true, algorithm: 'HMAC-SHA256', headerName: 'X-Webhook-Signature', secret: 's3cret' },
      });
      assert.match(String(headers['idempotency-key']), UUID_V5);
      assert.equal(headers.authorization, 'Bearer t0ken-of-the-test');
      const signature = createHmac('sha256', 's3cret').update('{}').digest('hex');
      assert.equal(new SignatureVerifier({ scheme: 'connector', secrets: 's3cret' }).verify('{}', { [body.requestSigning.headerName]: signature }).valid, true);
    });

    it('signs nothing without a secret, and has no empty signature header', async () => {
      const { body } = await posted();
      assert.deepEqual(body.requestSigning, { enabled: false });
      assert.deepEqual(Object.keys(body.headers), ['X-Content-Type']);
    });

    it('takes the template of each type of authentication', async () => {
      const basic = { type: /** @type {const} */ ('basic'), username: 'ann', password: 'p:w' };
      const custom = { type: /** @type {const} */ ('custom'), headers: { 'X-Hook-Key': 'k' } };
      const service = stage.registrar({ domain: platform.url });
      for (const authentication of [{ type: /** @type {const} */ ('bearer'), token: 'abc' }, basic, custom, { ...custom, type: /** @type {const} */ ('basic') }]) {
        await service.register({ url, authentication });
      }
      assert.deepEqual(platform.seen.filter(({ url: path }) => path === '/api/v1/connectors').map(({ body }) => JSON.parse(body).authentication), [
        { type: 'bearer', headers: { Authorization: 'Bearer abc' } },
        { type: 'basic', headers: { Authorization: `Basic ${Buffer.from('ann:p:w').toString('base64')}` } },
        { type: 'custom', headers: { 'X-Hook-Key': 'k' } },
        { type: 'basic', headers: { 'X-Hook-Key': 'k' } },
      ]);
    });

    it('takes retry policy and headers, and asks for the target\'s own kind of JSON', async () => {
      const ownJson = await stage.target({ handler: (_req, res) => res.writeHead(200, { 'content-type': 'application/CloudEvents+json; charset=utf-8' }).end() });
      const { body } = await posted({ url: ownJson, retryPolicy: { maxRetries: 0 }, headers: { 'X-B': '2', 'X-A': '1' } });
      assert.deepEqual(body.retryPolicy, { maxRetries: 0, backoffMs: 1000, timeoutMs: 5000 });
      assert.deepEqual(body.headers, { 'X-Content-Type': 'application/cloudevents+json', 'X-A': '1', 'X-B': '2' });
    });

    it('percent-encodes the id that it polls', async () => {
      await posted();
      assert.ok(platform.seen.some(({ url: path }) => path === '/api/v1/connectors/c%201'));
    });
  });

  describe('key and name', () => {
    /** @param {import('../..').RegistrationOptions} [options] @param {import('../..').RegistrarOptions} [more] */
    async function derived(options, more) {
      const { name, idempotencyKey } = await stage.registrar(more).plan({ url, ...options });
      assert.match(idempotencyKey, UUID_V5);
      assert.equal(name, `ExternalWebhook-${idempotencyKey.replaceAll('-', '').slice(0, 12)}`);
      return idempotencyKey;
    }

    it('are the same for the same domain, target and configuration, however they are written', async () => {
      const keys = await Promise.all([
        derived(),
        derived({ url: url.replace('https://127.0.0.1', 'HTTPS://127.0.0.1') }),
        derived({ retryPolicy: { maxRetries: 3, timeoutMs: 5000 }, authentication: { type: 'bearer' }, headers: {} }),
        derived({}, { env: {}, domain: `${stage.sandbox.url}/`, clientId: 'sandbox-cognigy-client', clientSecret: 'sandbox-cognigy-client-secret' }),
      ]);
      assert.equal(new Set(keys).size, 1, String(keys));
      assert.equal(await derived({ headers: { 'X-A': '1', 'X-B': '2' } }), await derived({ headers: { 'X-B': '2', 'X-A': '1' } }));
    });

    it('differ where domain, target or configuration differ', async () => {
      const keys = await Promise.all([
        derived(),
        derived({ url: `${url}2` }),
        derived({}, { domain: stage.sandbox.url.replace('127.0.0.1', 'localhost') }),
        derived({ retryPolicy: { maxRetries: 4 } }),
        derived({ headers: { 'X-A': '1' } }),
        derived({ authentication: { type: 'bearer', token: 'abc' } }),
        derived({}, { signingSecret: 'one' }),
        derived({}, { signingSecret: 'two' }),
        derived({ deploymentId: 'd1' }),
        derived({ deploymentId: 'd2' }),
        derived({ deploymentId: 'd1', url: `${url}2` }),
      ]);
      assert.equal(new Set(keys).size, keys.length);
    });

    it('are those of the deployment, whatever the configuration, where there is a deploymentId', async () => {
      assert.equal(await derived({ deploymentId: 'd1' }), await derived({ deploymentId: 'd1', retryPolicy: { maxRetries: 9 } }, { signingSecret: 'x' }));
    });
  });

  it('plan does everything up to the POST, changes nothing and writes no audit record', async () => {
    const service = stage.registrar();
    const { existing, validation } = await service.plan({ url });
    assert.deepEqual([existing, validation.ok], [undefined, true]);
    assert.deepEqual([await stage.connectors(), stage.audits()], [[], []]);
    const { registration } = await service.register({ url });
    assert.equal((await service.plan({ url })).existing?.id, registration.id);
    await failure(stage.registrar({ clientSecret: 'wrong' }).plan({ url }), 'AUTHENTICATION_FAILED');
  });

  it('tells its steps, and is not disturbed by who watches', async () => {
    /** @type {string[]} */
    const steps = [];
    const { success } = await stage.registrar().register({ url, onStep: ({ step, state, durationMs }) => {
      assert.ok(durationMs >= 0);
      steps.push(`${step} ${state}`);
      throw new Error('of the watcher');
    } });
    assert.equal(success, true);
    assert.deepEqual(steps, ['validate started', 'validate done', 'register started', 'register done', 'verify started', 'verify progress', 'verify done', 'sync started', 'sync done']);
  });

  it('names every missing variable at once', () => {
    const env = { COGNIGY_CLIENT_ID: '' };
    assert.throws(() => registrar({ env }), { code: 'CONFIG_INVALID', message: 'missing: COGNIGY_DOMAIN, COGNIGY_CLIENT_ID, COGNIGY_CLIENT_SECRET, WEBHOOK_TARGET_URL' });
    assert.throws(() => registrar({ env, login: 'api-key' }), /missing: COGNIGY_DOMAIN, COGNIGY_API_KEY, WEBHOOK_TARGET_URL$/);
    assert.throws(() => registrar({ env: { ...stage.sandbox.env, COGNIGY_PROJECT_ID: '', COGNIGY_FLOW_ID: '' }, resource: 'endpoints' }), /missing: COGNIGY_PROJECT_ID, COGNIGY_FLOW_ID, WEBHOOK_TARGET_URL$/);
  });

  it('refuses options that cannot work', async () => {
    /** @type {any[]} */
    const wrong = [{ poll: { attempts: 0 } }, { poll: 7 }, { login: 'basic' }, { resource: 'hooks' }, { resource: { path: 'x' } }, { gatewayUrl: 'ftp://g' }, { gatewayUrl: 'g' }, { gatewayUrl: 'http://%zz@g' },
      { allowPrivate: 'yes' }, { ca: 7 }, { domain: 'http://u:p@x' }, { domian: 'x' }, { env: { ...stage.sandbox.env, COGNIGY_REGISTRAR_RESOURCE: 'x' } }];
    for (const one of wrong) assert.throws(() => stage.registrar(one), { code: 'CONFIG_INVALID' }, JSON.stringify(one));
    const service = stage.registrar();
    /** @type {any[]} */
    const calls = [undefined, null, 7, {}, { url: '' }, { url: 'http://example.com' }, { url: 'example.com' }, { url: 'https://u:s3cr3t@example.com' }, { url, retryPolicy: { maxRetries: -1 } },
      { url, retryPolicy: { retries: 1 } }, { url, authentication: { type: 'digest' } }, { url, authentication: { type: 'custom' } }, { url, authentication: { type: 'basic', username: 'u' } },
      { url, authentication: { type: 'basic', username: 'u:v', password: 'p' } }, { url, headers: [] }, { url, headers: { 'a b': 'c' } }, { url, headers: { a: 'b\r\nc: d' } },
      { url, headers: { 'x-webhook-signature': '' } }, { url, requestSigning: { enabled: true } }, { url, requestSigning: { enabled: true, secret: '' } }, { url, deploymentId: '' },
      { url, onStep: 7 }, { url, idempotencyKey: 'k' }];
    for (const one of calls) {
      const error = await failure(service.register(one), 'CONFIG_INVALID');
      assert.doesNotMatch(error.message, /s3cr3t/);
    }
    assert.equal(stage.audits().length, calls.length);
    assert.deepEqual(stage.sandbox.requests.total, 0);
  });

  it('refuses a signing that is enabled without a secret, also where the secret is an empty variable', async () => {
    const service = stage.registrar({ env: { ...stage.sandbox.env, WEBHOOK_SIGNING_SECRET: '' } });
    const error = await failure(service.register({ url, requestSigning: { enabled: true } }), 'CONFIG_INVALID');
    assert.match(error.message, /WEBHOOK_SIGNING_SECRET/);
  });

  it('looks at no private target unless it may', async () => {
    const service = stage.registrar({ allowPrivate: false });
    await failure(service.register({ url }), 'ADDRESS_FORBIDDEN');
    await failure(service.validate(url), 'ADDRESS_FORBIDDEN');
    assert.equal(stage.sandbox.requests.total, 0);
    assert.equal((await service.validate(url, { allowPrivate: true })).ok, true);
    assert.equal((await service.register({ url, allowPrivate: true })).success, true);
  });

  it('has GET /health, and no work after close', async () => {
    const service = stage.registrar();
    const server = http.createServer(service.router()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const base = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
    assert.deepEqual((await send(`${base}/health`, { method: 'GET' })).json, { status: 'ok' });
    server.close();
    const underWay = service.register({ url });
    await service.close();
    assert.equal((await underWay).success, true, 'what is under way is finished');
    await failure(service.register({ url }), 'CLOSED');
  });
});
