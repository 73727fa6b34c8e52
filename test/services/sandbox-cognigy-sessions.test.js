// The simulated Cognigy.AI's sessions: the webhook of the seed, and its own inject, notify and context/inject.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { send } = require('../support/send.js');

const TOKEN = 'ab'.repeat(32);

describe('sandbox: Cognigy.AI, its sessions', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  before(async () => { sandbox = await createSandbox(); });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  /** @param {string} method @param {string} path @param {unknown} [json] @param {Record<string, string>} [headers] */
  const call = (method, path, json, headers) => send(sandbox.url + path, { method, headers, body: json === undefined ? undefined : JSON.stringify(json) });
  /** @param {Record<string, unknown>} updatedAttributes @param {Record<string, string>} [headers] */
  const forward = (updatedAttributes, headers) => send(sandbox.env.COGNIGY_WEBHOOK_URL, { headers, body: JSON.stringify({ sessionId: 's-1', updatedAttributes, profileId: 'p-1' }) });
  const session = async () => (await call('GET', '/cognigy/sessions/s-1')).json;

  it('takes forwarded attributes into the variables of a session, by key', async () => {
    assert.equal((await call('GET', '/cognigy/sessions/s-1')).status, 404);
    assert.deepEqual((await forward({ a: 1, kept: true })).json, { sessionId: 's-1', variables: { a: 1, kept: true } });
    assert.equal((await forward({ a: 2 })).status, 200);
    assert.deepEqual(await session(), { sessionId: 's-1', ended: false, messages: [], variables: { a: 2, kept: true } });
  });

  it('honours an Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'k' };
    await forward({ a: 1 }, headers);
    assert.equal((await forward({ a: 2 }, headers)).headers['idempotency-replayed'], 'true');
    assert.deepEqual((await session()).variables, { a: 1 });
  });

  it('refuses a forward of another shape', async () => {
    for (const json of [{}, { sessionId: 's', updatedAttributes: {} }, { sessionId: '', updatedAttributes: {}, profileId: 'p' }, { sessionId: 's', updatedAttributes: [], profileId: 'p' }]) {
      assert.equal((await call('POST', '/cognigy/webhook', json)).status, 400, JSON.stringify(json));
    }
  });

  it('a session changes as its conversation goes on, and is gone when it has ended', async () => {
    assert.deepEqual((await call('PATCH', '/cognigy/sessions/s-1', { variables: { intent: 'x' } })).json.variables, { intent: 'x' });
    assert.equal((await call('DELETE', '/cognigy/sessions/s-1')).status, 204);
    assert.equal((await forward({ a: 1 })).status, 410);
    assert.equal((await call('PATCH', '/cognigy/sessions/s-1', { variables: {} })).status, 410);
    assert.equal((await call('DELETE', '/cognigy/sessions/s-1')).status, 410);
    assert.deepEqual([(await session()).ended, (await session()).variables], [true, { intent: 'x' }]);
    sandbox.reset();
    assert.equal((await forward({ a: 1 })).status, 200);
  });

  it('an Endpoint takes messages: inject reaches the Flow, notify the user', async () => {
    const message = { userId: 'u-1', sessionId: 's-1', text: '', data: { updatedAttributes: { a: 1 }, profileId: 'p-1' } };
    for (const verb of ['inject', 'notify']) assert.equal((await call('POST', `/${verb}/${TOKEN}`, verb === 'inject' ? message : { ...message, data: { updatedAttributes: { a: 2 } } })).status, 200);
    const { variables, messages } = await session();
    assert.deepEqual(variables, { a: 1 });
    assert.deepEqual(messages.map((/** @type {any} */ { verb, userId, data }) => [verb, userId, data.updatedAttributes]), [['inject', 'u-1', { a: 1 }], ['notify', 'u-1', { a: 2 }]]);
    assert.equal((await call('POST', '/inject/unknown', message)).status, 404);
    for (const more of [{ userId: undefined }, { sessionId: undefined }, { text: 1 }, { data: 'x' }, { data: { updatedAttributes: [] } }]) {
      assert.equal((await call('POST', `/inject/${TOKEN}`, { ...message, ...more })).status, 400, JSON.stringify(more));
    }
  });

  it('keeps the last hundred messages of a session', async () => {
    await Promise.all(Array.from({ length: 101 }, () => call('POST', `/notify/${TOKEN}`, { userId: 'u', sessionId: 's-1', text: 'x' })));
    assert.equal((await session()).messages.length, 100);
  });

  it('the context of a session is injected with a key of the API, while it lives', async () => {
    const path = '/new/v2.0/sessions/s-1/context/inject';
    const headers = { 'x-api-key': sandbox.env.COGNIGY_API_KEY };
    assert.equal((await call('POST', path, { userId: 'u', context: { a: 1 } })).status, 401);
    assert.deepEqual((await call('POST', path, { userId: 'u', context: { a: 1 } }, headers)).json, { a: 1 });
    assert.deepEqual((await call('POST', path, { userId: 'u', context: { b: 2 } }, headers)).json, { a: 1, b: 2 });
    for (const json of [{ context: {} }, { userId: 'u' }]) assert.equal((await call('POST', path, json, headers)).status, 400);
    await call('DELETE', '/cognigy/sessions/s-1');
    assert.equal((await call('POST', path, { userId: 'u', context: {} }, headers)).status, 404);
  });
});
