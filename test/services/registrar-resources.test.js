// Where and how the registrar registers: connectors or Endpoints, tokens of either kind or an API key, a resource of one's own.
'use strict';

const assert = require('node:assert/strict');
const { resources } = require('../../lib/platforms/cognigy-admin.js');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage, withTokens } = require('../support/registrar-stage.js');

const ENDPOINTS = '/new/v2.0/endpoints';
const BASIC = { type: /** @type {const} */ ('basic'), username: 'ann', password: 'p4ssword' };

describe('registrar and resources', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  beforeEach(async () => {
    stage = await openRegistrarStage();
    url = await stage.target();
  });
  afterEach(() => stage.close());

  const tokenPaths = () => stage.sandbox.requests.list().filter(({ platform }) => platform === 'login').map(({ path }) => path);

  it('connectors: 100 requests a minute, with the token of seed T4', async () => {
    await stage.registrar().register({ url });
    assert.deepEqual([tokenPaths(), resources.connectors.rateLimit], [['/api/v1/auth/token'], { requests: 100, perMs: 60_000 }]);
  });

  it('the token is asked for as seed T4 does it, and as Cognigy has it today', async () => {
    const platform = await stage.platform();
    platform.answer = withTokens((res) => res.end('[]'));
    const ids = { projectId: 'p', flowId: 'f', localeId: 'l' };
    await stage.registrar({ domain: platform.url, clientId: 'ann', clientSecret: 'x:y' }).plan({ url });
    await stage.registrar({ domain: platform.url, clientId: 'ann', clientSecret: 'x:y', resource: 'endpoints', ...ids }).plan({ url });
    const [seed, today] = platform.seen.filter(({ method }) => method === 'POST');
    assert.equal(seed.url, '/api/v1/auth/token');
    assert.match(String(seed.headers.authorization), /^Basic /);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(seed.body)), { grant_type: 'client_credentials', scope: 'connectors:write connectors:read' });
    assert.deepEqual([today.url, today.headers.authorization], ['/auth/oauth2/token', undefined]);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(today.body)), { grant_type: 'client_credentials', client_id: 'ann', client_secret: 'x:y' });
  });

  it('X-API-Key needs no client', async () => {
    const env = { ...stage.sandbox.env, COGNIGY_CLIENT_ID: '', COGNIGY_CLIENT_SECRET: '' };
    assert.equal((await stage.registrar({ env: { ...env, COGNIGY_REGISTRAR_LOGIN: 'api-key' } }).register({ url })).success, true);
    assert.deepEqual(tokenPaths(), []);
    await failure(stage.registrar({ env, login: 'api-key', apiKey: 'wrong' }).register({ url, deploymentId: 'd' }), 'AUTHENTICATION_FAILED');
  });

  it('a login can be chosen for either resource', async () => {
    assert.equal((await stage.registrar({ login: 'oauth2-token' }).register({ url })).success, true);
    assert.equal((await stage.registrar({ resource: 'endpoints', login: 'v1-token' }).register({ url })).success, true);
    assert.deepEqual(tokenPaths(), ['/auth/oauth2/token', '/api/v1/auth/token']);
  });

  describe('endpoints', () => {
    /** @param {import('../..').RegistrarOptions} [more] */
    const create = (more) => stage.registrar({ env: { ...stage.sandbox.env, COGNIGY_REGISTRAR_RESOURCE: 'endpoints' }, ...more });
    const posts = () => stage.sandbox.requests.list().filter(({ method, path }) => method === 'POST' && path === ENDPOINTS);

    it('holds a Webhook Endpoint of the Flow, which is active at once', async () => {
      const { payload, name } = await create().plan({ url, authentication: BASIC });
      const { COGNIGY_PROJECT_ID: projectId, COGNIGY_FLOW_ID: flowId, COGNIGY_LOCALE_ID: localeId } = stage.sandbox.env;
      assert.deepEqual(payload, {
        name, channel: 'webhook', projectId, entrypoint: projectId, flowId, localeId, active: true,
        settings: { webhookUrl: url, basicAuthUser: 'ann', basicAuthPassword: '[redacted]' },
      });
      const { success, registration, health } = await create().register({ url, authentication: BASIC });
      assert.deepEqual([success, registration.idempotent, health.status], [true, false, 'active']);
      const { URLToken, settings } = registration.data;
      assert.deepEqual([URLToken, settings.basicAuthPassword, settings.webhookUrl], ['[redacted]', '[redacted]', url]);
    });

    it('is looked up by name before anything is created, because the platform takes a name twice', async () => {
      const first = await create().register({ url });
      const second = await create().register({ url });
      assert.deepEqual([first.registration.id, first.registration.idempotent, second.registration.idempotent], [second.registration.id, false, true]);
      assert.deepEqual(posts().map(({ idempotencyKey }) => idempotencyKey), [null]);
    });

    it('is not sent again when the answer was lost, but looked up', async () => {
      stage.sandbox.faults.add({ method: 'POST', path: ENDPOINTS, drop: 'after' });
      const { success, registration } = await create().register({ url });
      assert.deepEqual([success, registration.idempotent, posts().length], [true, false, 1]);
      stage.sandbox.faults.add({ method: 'POST', path: ENDPOINTS, drop: 'before' });
      await failure(create().register({ url, deploymentId: 'another' }), 'CONNECTION_FAILED');
      assert.equal(posts().length, 2);
    });

    it('is unverified where somebody has switched it off', async () => {
      const { registration: { id } } = await create().register({ url });
      stage.sandbox.faults.add({ method: 'GET', path: `${ENDPOINTS}/${id}`, status: 200, body: { _id: id, active: false }, times: -1 });
      assert.deepEqual((await create().register({ url })).health, { verified: false, status: 'inactive' });
    });

    it('refuses what an Endpoint cannot hold', async () => {
      /** @type {Array<[import('../..').RegistrationOptions, RegExp]>} */
      const cases = [
        [{ requestSigning: { secret: 's' } }, /requestSigning: expected none/], [{ retryPolicy: {} }, /retryPolicy: expected none/], [{ headers: { a: 'b' } }, /headers: expected none/],
        [{ authentication: { type: 'bearer' } }, /authentication: expected basic/], [{ authentication: { type: 'basic', headers: { Authorization: 'Basic x' } } }, /authentication: expected basic/],
      ];
      for (const [options, message] of cases) assert.match((await failure(create().register({ url, ...options }), 'CONFIG_INVALID')).message, message);
      await failure(create({ signingSecret: 's' }).register({ url }), 'CONFIG_INVALID');
    });
  });

  it('takes a resource of one\'s own', async () => {
    const platform = await stage.platform();
    /** @type {Array<{ key: string, label: string, to: string }>} */
    const hooks = [];
    platform.answer = withTokens((res, { method, url: path, body }) => {
      if (method === 'POST') hooks.push({ key: `h${hooks.length + 1}`, ...JSON.parse(body) });
      const one = hooks.find(({ key }) => path === `/hooks/${key}`);
      return res.end(JSON.stringify(one ?? hooks.map((hook) => ({ ...hook, name: hook.label }))));
    });
    /** @type {import('../..').TargetResource} */
    const resource = {
      path: '/hooks',
      body: ({ name, url: to, contentType }) => ({ label: name, to, contentType }),
      query: (name) => ({ label: name }),
      read: ({ key, to }) => ({ id: key, status: 'active', url: to }),
    };
    const service = stage.registrar({ domain: platform.url, resource, env: { ...stage.sandbox.env, GATEWAY_CALLBACK_URL: '' } });
    const first = await service.register({ url });
    const second = await service.register({ url });
    assert.deepEqual([first.registration.id, second.registration.id, second.registration.idempotent, hooks.length], ['h1', 'h1', true, 1]);
    assert.deepEqual([hooks[0].to, second.health], [url, { verified: true, status: 'active' }]);
  });
});
