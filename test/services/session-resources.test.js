// Where a customer's changed attributes go in Cognigy.AI: each resource's request, and what the sandbox makes of it.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { HttpClient } = require('../../lib/http-client.js');
const { sessionResources } = require('../../lib/platforms/cognigy-sessions.js');
const { send } = require('../support/send.js');

const TOKEN = '0123456789abcdef'.repeat(4);
const FORWARD = { sessionId: 's/1', updatedAttributes: { intent: 'a' }, profileId: 'p-1', userId: 'u-1' };
const NAMES = /** @type {Array<keyof typeof sessionResources>} */ (Object.keys(sessionResources));

describe('Cognigy.AI: session resources', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  before(async () => { sandbox = await createSandbox(); });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  /** @param {keyof typeof sessionResources} name */
  const placeOf = (name) => new URL({ webhook: sandbox.env.COGNIGY_WEBHOOK_URL, inject: `${sandbox.url}/${TOKEN}`, notify: `${sandbox.url}/${TOKEN}/`, contextInject: sandbox.url }[name]);

  /** @param {keyof typeof sessionResources} name */
  async function forward(name) {
    const resource = sessionResources[name];
    const place = placeOf(name);
    const client = new HttpClient({ baseUrl: place.origin, auth: resource.auth?.(sandbox.env.COGNIGY_API_KEY), retry: { attempts: 1 }, proxy: false });
    try {
      return await client.request({ method: resource.method, ...resource.request(FORWARD, place), idempotent: resource.idempotent });
    } finally {
      await client.close();
    }
  }
  const session = async () => (await send(`${sandbox.url}/cognigy/sessions/s%2F1`, { method: 'GET' })).json;

  it('the webhook of the seed is posted to as it is', () => {
    const { request, needsUserId, goneStatuses } = sessionResources.webhook;
    assert.deepEqual(request(FORWARD, new URL('https://hooks.example.com/a/b?key=1')), {
      path: '/a/b?key=1', json: { sessionId: 's/1', updatedAttributes: { intent: 'a' }, profileId: 'p-1' },
    });
    assert.deepEqual([needsUserId, goneStatuses], [false, [410]]);
  });

  it('the verb goes before the URL token of an Endpoint', () => {
    for (const [place, path] of [
      [`https://endpoint-trial.cognigy.ai/${TOKEN}`, `/inject/${TOKEN}`], [`https://proxy.example.com/cognigy/${TOKEN}/?x=1`, `/cognigy/inject/${TOKEN}?x=1`],
    ]) {
      assert.deepEqual(sessionResources.inject.request(FORWARD, new URL(place)), {
        path, json: { userId: 'u-1', sessionId: 's/1', text: '', data: { updatedAttributes: { intent: 'a' }, profileId: 'p-1' } },
      });
    }
    assert.equal(sessionResources.notify.request(FORWARD, new URL(`https://h.example.com/${TOKEN}`)).path, `/notify/${TOKEN}`);
  });

  it('the context is injected below the API, the session percent-encoded, and refused where it leads elsewhere', () => {
    const { request } = sessionResources.contextInject;
    assert.deepEqual(request(FORWARD, new URL('https://api-trial.cognigy.ai')), {
      path: '/new/v2.0/sessions/s%2F1/context/inject', json: { userId: 'u-1', context: { intent: 'a' } },
    });
    assert.equal(request(FORWARD, new URL('https://proxy.example.com/cognigy/')).path, '/cognigy/new/v2.0/sessions/s%2F1/context/inject');
    for (const sessionId of ['..', '']) assert.throws(() => request({ ...FORWARD, sessionId }, new URL('https://h')), { code: 'MALFORMED_PAYLOAD' });
  });

  it('only what is as good sent twice says so; whoever needs a user says so', () => {
    assert.deepEqual(NAMES.filter((name) => sessionResources[name].idempotent), ['webhook', 'contextInject']);
    assert.deepEqual(NAMES.filter((name) => sessionResources[name].needsUserId), ['inject', 'notify', 'contextInject']);
  });

  for (const name of NAMES) {
    it(`${name} is what the sandbox takes`, async () => {
      assert.equal((await forward(name)).status, 200);
      const { variables, messages } = await session();
      assert.deepEqual(variables, name === 'notify' ? {} : { intent: 'a' });
      assert.equal(messages.length, Number(name === 'inject' || name === 'notify'));
    });
  }

  for (const name of /** @type {const} */ (['webhook', 'contextInject'])) {
    it(`${name} tells a session that has ended from everything else`, async () => {
      await forward(name);
      await send(`${sandbox.url}/cognigy/sessions/s%2F1`, { method: 'DELETE' });
      await assert.rejects(forward(name), ({ status }) => sessionResources[name].goneStatuses.includes(status));
    });
  }
});
