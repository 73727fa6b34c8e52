// The sandbox's Cognigy administration and gateway: logins, connectors with their keys and polls, Endpoints, what they refuse.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');

const CONNECTORS = '/api/v1/connectors';
const ENDPOINTS = '/new/v2.0/endpoints';
const CONNECTOR = {
  name: 'one', endpointUrl: 'https://example.com/in', authentication: { type: 'bearer', headers: { Authorization: 'x' } },
  retryPolicy: { maxRetries: 3, backoffMs: 1000, timeoutMs: 5000 }, requestSigning: { enabled: true, algorithm: 'HMAC-SHA256', headerName: 'X-Webhook-Signature', secret: 's3cret' },
};

describe('sandbox, Cognigy\'s administration', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  before(async () => { sandbox = await createSandbox(); });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  /** @param {string} path @param {{ method?: string, json?: unknown, headers?: Record<string, string> }} [o] */
  async function call(path, { method = 'GET', json, headers = { 'x-api-key': sandbox.env.COGNIGY_API_KEY } } = {}) {
    const response = await fetch(sandbox.url + path, { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
    const text = await response.text();
    return { status: response.status, text, json: text === '' ? undefined : JSON.parse(text) };
  }

  /** @param {object} [more] @param {string} [key] */
  const post = (more, key) => call(CONNECTORS, {
    method: 'POST', json: { ...CONNECTOR, ...more }, headers: { 'x-api-key': sandbox.env.COGNIGY_API_KEY, ...(key === undefined ? {} : { 'idempotency-key': key }) },
  });

  it('gives tokens at both paths, for the scopes that are asked for', async () => {
    const { COGNIGY_CLIENT_ID: id, COGNIGY_CLIENT_SECRET: secret } = sandbox.env;
    const basic = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
    for (const [path, body, headers] of /** @type {const} */ ([
      ['/api/v1/auth/token', 'grant_type=client_credentials&scope=connectors:read', basic],
      ['/auth/oauth2/token', `grant_type=client_credentials&scope=connectors:read&client_id=${id}&client_secret=${secret}`, {}],
    ])) {
      const response = await fetch(sandbox.url + path, { method: 'POST', body, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } });
      const { access_token: token, scope } = /** @type {any} */ (await response.json());
      assert.equal(scope, 'connectors:read');
      const headersOf = { authorization: `Bearer ${token}` };
      assert.equal((await call(CONNECTORS, { headers: headersOf })).status, 200);
      assert.equal((await call(CONNECTORS, { method: 'POST', json: CONNECTOR, headers: headersOf })).status, 403);
    }
    for (const headers of [{}, { authorization: 'Bearer x' }, { 'x-api-key': 'x' }]) {
      for (const path of [CONNECTORS, `${CONNECTORS}/1`, `${ENDPOINTS}?projectId=1`]) assert.equal((await call(path, { headers: /** @type {any} */ (headers) })).status, 401);
    }
  });

  it('creates a connector, shows no secret of it, and makes it active after as many polls as it is told', async () => {
    sandbox.settings.cognigy.pollsUntilActive = 2;
    const created = await post();
    assert.deepEqual([created.status, created.json.status, created.json.requestSigning], [201, 'pending', { enabled: true, algorithm: 'HMAC-SHA256', headerName: 'X-Webhook-Signature' }]);
    assert.doesNotMatch(created.text, /s3cret|Authorization/);
    const states = [];
    for (let i = 0; i < 3; i += 1) states.push((await call(`${CONNECTORS}/${created.json.id}`)).json.status);
    assert.deepEqual(states, ['pending', 'active', 'active']);
    sandbox.reset();
    assert.equal(sandbox.settings.cognigy.pollsUntilActive, 1);
    assert.equal((await call(`${CONNECTORS}/${created.json.id}`)).status, 404);
  });

  it('answers 409 with the connector to a key that it knows, and without a body to a name that it knows', async () => {
    const first = await post({}, 'k1');
    const again = await post({ name: 'whatever' }, 'k1');
    assert.deepEqual([first.status, again.status, again.json], [201, 409, first.json]);
    const sameName = await post({}, 'k2');
    assert.deepEqual([sameName.status, sameName.text], [409, '']);
    assert.equal((await post({ name: 'two' }, 'k3')).status, 201);
    assert.deepEqual((await call(`${CONNECTORS}?name=two`)).json.items.map((/** @type {any} */ one) => one.name), ['two']);
    assert.deepEqual((await call(CONNECTORS)).json.items.map((/** @type {any} */ one) => one.name), ['one', 'two']);
  });

  it('refuses connectors that are none, and remembers none of them', async () => {
    const wrong = [{ name: '' }, { endpointUrl: 'http://example.com' }, { endpointUrl: 7 }, { authentication: { type: 'digest' } }, { authentication: { type: 'bearer' } }, { retryPolicy: {} },
      { requestSigning: { enabled: true } }];
    for (const one of wrong) assert.equal((await post(one, 'k1')).status, 400, JSON.stringify(one));
    assert.equal((await post({}, 'k1')).status, 201);
  });

  it('holds Endpoints of a project, by the same name twice', async () => {
    const { COGNIGY_PROJECT_ID: projectId, COGNIGY_FLOW_ID: flowId, COGNIGY_LOCALE_ID: localeId } = sandbox.env;
    const endpoint = { name: 'one', channel: 'webhook', projectId, flowId, localeId, settings: { webhookUrl: 'https://example.com' } };
    const created = await Promise.all([1, 2].map(() => call(ENDPOINTS, { method: 'POST', json: endpoint, headers: { 'x-api-key': sandbox.env.COGNIGY_API_KEY } })));
    assert.deepEqual(created.map(({ status, json }) => [status, json.active]), [[201, true], [201, true]]);
    const { items, total } = (await call(`${ENDPOINTS}?projectId=${projectId}&name=one&limit=1`)).json;
    assert.deepEqual([items.length, total, items[0].settings], [1, 2, undefined]);
    assert.deepEqual((await call(`${ENDPOINTS}/${items[0]._id}`)).json.settings, endpoint.settings);
    assert.deepEqual((await call(`${ENDPOINTS}?projectId=another`)).json.items, []);
    for (const more of [{ name: '' }, { channel: 'rest' }, { projectId: '' }, { flowId: 'x' }, { localeId: projectId }, { settings: {} }]) {
      const refused = await call(ENDPOINTS, { method: 'POST', json: { ...endpoint, ...more }, headers: { 'x-api-key': sandbox.env.COGNIGY_API_KEY } });
      assert.equal(refused.status, 400, JSON.stringify(more));
    }
  });

  it('has a gateway, which keeps what it is told, once for each key', async () => {
    const event = { event: 'connector.registered', timestamp: '2026-01-01T00:00:00.000Z', connector: { id: 'c' } };
    const path = new URL(sandbox.env.GATEWAY_CALLBACK_URL).pathname;
    for (const key of ['a', 'a', 'b']) assert.equal((await call(path, { method: 'POST', json: event, headers: { 'idempotency-key': key } })).status, 200);
    assert.equal((await call(path, { method: 'POST', json: { event: 'other' }, headers: {} })).status, 400);
    assert.deepEqual((await call(path)).json.events, [event, event]);
  });
});
