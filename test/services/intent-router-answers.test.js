// POST /api/route: what goes to CXone, and what the caller is answered.
'use strict';

const assert = require('node:assert/strict');
const express = require('express');
const { openRouterStage, CONVERSATION } = require('../support/router-stage.js');
const { send } = require('../support/send.js');

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('intentRouter answers', () => {
  /** @type {import('../support/router-stage.js').RouterStage} */
  let stage;
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  it('writes the attributes of the conversation and says so', async () => {
    const url = await stage.startRouter();
    const { status, json } = await stage.route(url);
    assert.equal(status, 200);
    const { attributes, id } = json.data;
    assert.deepEqual(json, { success: true, message: `Context updated for conversation ${CONVERSATION}`, data: { id, attributes } });
    assert.deepEqual(Object.keys(attributes), ['cognigyDetectedIntent', 'cognigyConfidence', 'routedAt']);
    assert.deepEqual([id, attributes.cognigyDetectedIntent, attributes.cognigyConfidence], [CONVERSATION, 'billing_inquiry', 0.93]);
    assert.match(attributes.routedAt, ISO);
    assert.ok(Math.abs(Date.parse(attributes.routedAt) - Date.now()) < 60_000);
  });

  it('asks for one token with the client in the body, and sends it with every call', async () => {
    const cxone = await stage.cxone();
    const url = await stage.startRouter(cxone.options);
    await Promise.all(Array.from({ length: 20 }, () => stage.route(url)));
    assert.equal(cxone.tokens.length, 1);
    const [token] = cxone.tokens;
    assert.equal(token.headers.authorization, undefined);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(token.body)),
      { grant_type: 'client_credentials', client_id: 'sandbox-cxone-client', client_secret: 'sandbox-cxone-client-secret' });
    assert.equal(cxone.calls.length, 20);
    for (const { method, url: path, headers } of cxone.calls) {
      assert.equal(`${method} ${path}`, `POST /api/v2/interactions/interactions/${CONVERSATION}/context`);
      assert.deepEqual([headers.authorization, headers['content-type']], ['Bearer very-secret-token', 'application/json']);
    }
  });

  /** @type {Array<[any, string[]]>} */
  const spellings = [
    [{ attributeNames: 'routedAt' }, ['cognigyDetectedIntent', 'cognigyConfidence', 'routedAt']],
    [{ attributeNames: 'lastUpdated' }, ['cognigyDetectedIntent', 'cognigyIntentConfidence', 'lastUpdated']],
    [{ attributeNames: { intent: 'a', confidence: 'b', time: 'c' } }, ['a', 'b', 'c']],
    [{ env: { CXONE_ATTRIBUTE_NAMES: 'lastUpdated' } }, ['cognigyDetectedIntent', 'cognigyIntentConfidence', 'lastUpdated']],
    [{ env: { CXONE_ATTRIBUTE_NAMES: '{"intent":"a","confidence":"b","time":"c"}' } }, ['a', 'b', 'c']],
  ];
  for (const [options, names] of spellings) {
    it(`calls the attributes ${names.join(', ')} with ${JSON.stringify(options)}`, async () => {
      const router = stage.router({ ...options, env: { ...stage.sandbox.env, ...options.env } });
      const { data } = /** @type {any} */ (await router.route({ conversationId: '4711', intent: 'x', confidence: 0 }));
      assert.deepEqual(Object.keys(data.attributes), names);
      assert.deepEqual([data.attributes[names[0]], data.attributes[names[1]]], ['x', 0]);
    });
  }

  it('sends no confidence where there is none, and no more of the body than it needs', async () => {
    const cxone = await stage.cxone();
    const url = await stage.startRouter(cxone.options);
    for (const confidence of [undefined, null]) await stage.route(url, { confidence, timestamp: '2026-01-01T00:00:00Z', more: 'x' });
    for (const { body } of cxone.calls) {
      const { attributes } = JSON.parse(body);
      assert.deepEqual(Object.keys(attributes), ['cognigyDetectedIntent', 'routedAt']);
    }
  });

  /** @type {Array<[object | string, string]>} */
  const missing = [
    ['{}', ''], [{ conversationId: undefined }, ''], [{ intent: undefined }, ''], [{ conversationId: '', intent: '' }, ''], [{ intent: null }, ''], [{ intent: '  ' }, ''],
    [{ intent: undefined, confidence: 2 }, '; Invalid fields: confidence (expected a number from 0 to 1)'],
  ];
  for (const [body, more] of missing) {
    it(`answers 400 to ${JSON.stringify(body)}`, async () => {
      const { status, json } = await stage.route(await stage.startRouter(), body);
      assert.deepEqual([status, json], [400, { success: false, error: `Missing required fields: conversationId, intent${more}` }]);
      assert.equal(stage.calls().length, 0);
    });
  }

  const id = 'conversationId (expected a UUID or decimal digits)';
  const intent = 'intent (expected a text of at most 256 characters)';
  const confidence = 'confidence (expected a number from 0 to 1)';
  /** @type {Array<[object, string]>} */
  const invalid = [
    [{ conversationId: 'abc' }, id], [{ conversationId: '../rules' }, id], [{ conversationId: `${CONVERSATION}/x` }, id], [{ conversationId: 7 }, id],
    [{ conversationId: '1'.repeat(21) }, id], [{ conversationId: '12 ' }, id], [{ conversationId: '１２' }, id], [{ conversationId: ['1'] }, id],
    [{ intent: 7 }, intent], [{ intent: {} }, intent], [{ intent: 'x'.repeat(257) }, intent],
    [{ confidence: -0.01 }, confidence], [{ confidence: 1.01 }, confidence], [{ confidence: '0.5' }, confidence], [{ confidence: '' }, confidence], [{ confidence: true }, confidence],
    [{ conversationId: 'abc', intent: [], confidence: {} }, `${id}, ${intent}, ${confidence}`],
  ];
  for (const [body, fields] of invalid) {
    it(`answers 400 and names what is wrong of ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const { status, json } = await stage.route(await stage.startRouter(), body);
      assert.deepEqual([status, json], [400, { success: false, error: `Invalid fields: ${fields}` }]);
      assert.equal(stage.calls().length, 0);
    });
  }

  for (const conversationId of [CONVERSATION.toUpperCase(), '1', '60123456789']) {
    it(`takes the conversation ${conversationId}, and the confidences 0 and 1`, async () => {
      const url = await stage.startRouter();
      for (const value of [0, 1]) assert.equal((await stage.route(url, { conversationId, confidence: value, intent: 'constructor' })).status, 200);
    });
  }

  it('answers what is no JSON object 400, what is too large 413, and what a parser has eaten 500', async () => {
    const url = await stage.startRouter();
    for (const body of ['', 'x', '[]', 'null', '"text"']) {
      assert.deepEqual((await stage.route(url, body)).json, { success: false, error: 'Malformed payload: not a JSON object' });
    }
    assert.equal((await stage.route(url, { intent: 'x'.repeat(1 << 20) })).status, 413);
    const app = express().use(express.json()).use(stage.router().router());
    const eaten = await stage.route(await stage.serve(app));
    assert.equal(eaten.status, 500);
    assert.match(eaten.json.error, /^BODY_CONSUMED: /);
    assert.equal(stage.calls().length, 0);
  });

  it('mounts in Express, and lets other paths pass', async () => {
    const app = express().use(stage.router().router()).get('/', (_req, res) => { res.send('the app'); });
    const url = await stage.serve(app);
    assert.equal((await stage.route(url)).status, 200);
    assert.equal((await send(`${url}/`, { method: 'GET' })).text, 'the app');
    assert.deepEqual((await send(`${url}/health`, { method: 'GET' })).json, { status: 'ok' });
  });

  it('answers GET /health, 405 and 404 on a plain server', async () => {
    const url = await stage.startRouter();
    assert.deepEqual((await send(`${url}/health`, { method: 'GET' })).json, { status: 'ok' });
    const other = await send(`${url}/api/route`, { method: 'GET' });
    assert.deepEqual([other.status, other.headers.allow], [405, 'POST']);
    assert.equal((await send(`${url}/api`)).status, 404);
  });

  it('gives the data as it is: JSON, or null for nothing and for what is none', async () => {
    const cxone = await stage.cxone();
    const url = await stage.startRouter(cxone.options);
    /** @type {Array<[number, string, unknown]>} */
    const answers = [[200, '{"a":[1]}', { a: [1] }], [201, '7', 7], [204, '', null], [200, '', null], [200, '<html>', null]];
    for (const [status, body, data] of answers) {
      cxone.answer = (res) => res.writeHead(status).end(body);
      const answer = await stage.route(url);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.json.data, data);
    }
  });

  it('is the same work as a method, with the error as it was', async () => {
    const router = stage.router();
    const result = await router.route({ conversationId: CONVERSATION, intent: 'x' });
    assert.deepEqual([result.success, result.message], [true, `Context updated for conversation ${CONVERSATION}`]);
    const unknown = await router.route({ conversationId: '0', intent: 'x' }).catch((error) => error);
    assert.deepEqual([unknown.code, unknown.status, unknown.platform], ['NOT_FOUND', 404, 'CXone']);
    for (const bad of [undefined, null, 'x', {}]) {
      await assert.rejects(router.route(/** @type {any} */ (bad)), { code: 'MALFORMED_PAYLOAD', message: 'Missing required fields: conversationId, intent' });
    }
    await router.close();
    await assert.rejects(router.route({ conversationId: '1', intent: 'x' }), { code: 'CLOSED' });
  });

  it('finishes what is under way when it is closed', async () => {
    const router = stage.router();
    stage.sandbox.faults.add({ path: '/api/v2/**', status: 503 });
    const answer = router.route({ conversationId: '1', intent: 'x' });
    await router.close();
    assert.equal((await answer).success, true);
  });
});
