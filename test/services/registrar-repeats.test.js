// A second run registers nothing twice: 409 with and without a body, runs at the same time, answers that were lost, resources without keys.
'use strict';

const assert = require('node:assert/strict');
const { resources } = require('../../lib/platforms/cognigy-admin.js');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage, withTokens } = require('../support/registrar-stage.js');

const CONNECTORS = '/api/v1/connectors';

describe('registrar, run again', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  beforeEach(async () => {
    stage = await openRegistrarStage();
    url = await stage.target();
  });
  afterEach(() => stage.close());

  const keysOfPosts = () => stage.sandbox.requests.list().filter(({ method, path }) => method === 'POST' && path === CONNECTORS).map(({ idempotencyKey }) => idempotencyKey);

  it('is answered 409 with the connector, which is a success', async () => {
    const first = await stage.registrar().register({ url });
    const second = await stage.registrar().register({ url });
    assert.deepEqual([first.registration.idempotent, second.registration.idempotent], [false, true]);
    assert.deepEqual([second.success, second.registration.id, second.health], [true, first.registration.id, { verified: true, status: 'active' }]);
    const keys = keysOfPosts();
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
    assert.equal((await stage.connectors()).length, 1);
  });

  for (const [what, body] of /** @type {Array<[string, unknown]>} */ ([['no body', ''], ['a body without an id', { error: 'exists' }], ['an id that is null', { id: null }], ['an empty id', { id: '' }], ['no JSON', 'exists'], ['a text as JSON', '"conn_1"']])) {
    it(`looks the connector up by its name where 409 comes with ${what}`, async () => {
      const { registration: { id } } = await stage.registrar().register({ url });
      await stage.registrar().register({ url: `${url}/other` });
      stage.sandbox.requests.clear();
      stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 409, body });
      const { success, registration } = await stage.registrar().register({ url });
      assert.deepEqual([success, registration.id, registration.idempotent], [true, id, true]);
      assert.deepEqual(stage.calls(), [`POST ${CONNECTORS} 409`, `GET ${CONNECTORS} 200`, `GET ${CONNECTORS}/${id} 200`]);
    });
  }

  it('says CONFLICT where there is none of that name, and polls nothing', async () => {
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 409, body: { error: 'key in use' } });
    const error = await failure(stage.registrar().register({ url }), 'CONFLICT');
    assert.match(error.message, /409: key in use$/);
    assert.match(error.hint, /none of the name ExternalWebhook-[0-9a-f]{12}/);
    assert.deepEqual(stage.calls(), [`POST ${CONNECTORS} 409`, `GET ${CONNECTORS} 200`]);
  });

  it('finds what it registered when the platform has forgotten the key', async () => {
    const { registration: { id } } = await stage.registrar().register({ url });
    const [{ name }] = await stage.connectors();
    // Another key, the same name: what a platform that takes each name once says after 24 hours.
    const body = { name, endpointUrl: url, authentication: { type: 'bearer', headers: {} }, retryPolicy: { maxRetries: 1, backoffMs: 1, timeoutMs: 1 } };
    const post = { method: 'POST', headers: { 'x-api-key': stage.sandbox.env.COGNIGY_API_KEY, 'idempotency-key': 'another' }, body: JSON.stringify(body) };
    const refused = await fetch(stage.sandbox.url + CONNECTORS, post);
    assert.deepEqual([refused.status, await refused.text()], [409, '']);
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 409, body: '' });
    assert.deepEqual((await stage.registrar().register({ url })).registration.id, id);
  });

  it('looks up the name, too, where a success tells no id', async () => {
    const platform = await stage.platform();
    platform.answer = withTokens((res, { method, url: path }) => {
      if (method === 'POST') return res.writeHead(201).end();
      const name = new URL(path, 'http://x').searchParams.get('name');
      return res.end(JSON.stringify(name ? [{ id: 'other', name: 'other' }, { id: 7, name }] : { status: 'active' }));
    });
    const { registration, health } = await stage.registrar({ domain: platform.url, gatewayUrl: `${platform.url}/g` }).register({ url });
    assert.deepEqual([registration.id, registration.idempotent, health.verified], ['7', false, true]);
    platform.answer = withTokens((res, { method }) => (method === 'POST' ? res.writeHead(201).end('{}') : res.end('{"items":"none"}')));
    await failure(stage.registrar({ domain: platform.url }).register({ url }), 'MALFORMED_RESPONSE');
    platform.answer = withTokens((res, { method }) => (method === 'POST' ? res.writeHead(201).end('{}') : res.writeHead(404).end()));
    await failure(stage.registrar({ domain: platform.url }).register({ url }), 'MALFORMED_RESPONSE');
    assert.ok(!platform.seen.some(({ url: path }) => /undefined|null/.test(path)));
  });

  it('tells when the connector points elsewhere by now', async () => {
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 409, body: { id: 'conn_1', endpointUrl: 'https://elsewhere.example.com', status: 'active' } });
    stage.sandbox.faults.add({ method: 'GET', path: `${CONNECTORS}/conn_1`, status: 200, body: { id: 'conn_1', status: 'active' } });
    assert.equal((await stage.registrar().register({ url })).success, true);
    const [warning] = stage.logger.lines.filter(({ level }) => level === 'warn');
    assert.match(warning.msg, /points elsewhere/);
    assert.equal(warning.fields.id, 'conn_1');
  });

  it('ends in one connector when many run at the same time', async () => {
    const runs = Array.from({ length: 8 }, (_, index) => stage.registrar(index % 2 === 0 ? {} : { poll: { attempts: 2, baseMs: 1 } }).register({ url }));
    const results = await Promise.all(runs);
    assert.ok(results.every(({ success }) => success));
    assert.equal(new Set(results.map(({ registration }) => registration.id)).size, 1);
    assert.equal(results.filter(({ registration }) => !registration.idempotent).length, 1);
    assert.equal((await stage.connectors()).length, 1);
  });

  it('sends the same key again when answers are lost, refused with 429 or fail', async () => {
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 429, headers: { 'Retry-After': '0' } });
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 502 });
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, drop: 'after' });
    const { success, registration } = await stage.registrar().register({ url });
    assert.deepEqual([success, registration.idempotent], [true, true]);
    const keys = keysOfPosts();
    assert.deepEqual([keys.length, new Set(keys).size, (await stage.connectors()).length], [4, 1, 1]);
  });

  it('waits as long as Retry-After says, and gives up on one that is too long', async () => {
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 429, headers: { 'Retry-After': '1' } });
    const { latencyMs } = await stage.registrar().register({ url });
    assert.ok(latencyMs >= 1000, String(latencyMs));
    stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 429, headers: { 'Retry-After': '3600' } });
    const error = await failure(stage.registrar().register({ url, deploymentId: 'another' }), 'RATE_LIMITED');
    assert.deepEqual([error.attempts, error.retryAfterMs], [1, 3_600_000]);
  });

  it('keeps to the rate of the resource, which is 100 a minute for connectors, or to one of its own', async () => {
    assert.deepEqual(resources.connectors.rateLimit, { requests: 100, perMs: 60_000 });
    const platform = await stage.platform();
    platform.answer = withTokens((res) => res.end('[]'));
    const slow = { requests: 1, perMs: 1500 };
    for (const options of [{ resource: { ...resources.connectors, rateLimit: slow } }, { rateLimit: slow }]) {
      const startMs = performance.now();
      const service = stage.registrar({ domain: platform.url, .../** @type {any} */ (options) });
      await service.plan({ url });
      await service.plan({ url });
      assert.ok(performance.now() - startMs >= 1498);
    }
  });
});
