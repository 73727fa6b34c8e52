// The simulated CXone: tokens, discovery, context, rules, signal, Digital, and its limit of requests.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { send } = require('../support/send.js');

const CONTEXT = '/api/v2/interactions/interactions/4711/context';
const RULES = '/api/v2/routing/rules';
const SIGNAL = '/inContactAPI/services/v30.0/interactions/4711/signal';
const CONTACT = '/dfo/3.0/contacts/4711';

describe('sandbox CXone', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {string} */
  let token;
  beforeEach(async () => {
    sandbox = await createSandbox();
    token = (await login()).json.access_token;
  });
  afterEach(() => sandbox.close());

  /** @param {Record<string, string>} [more] @param {string} [path] */
  function login(more = {}, path = '/oauth/token') {
    const { CXONE_CLIENT_ID: client_id, CXONE_CLIENT_SECRET: client_secret } = sandbox.env;
    return send(sandbox.url + path, { body: new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret, ...more }).toString() });
  }

  /** @param {string} method @param {string} path @param {unknown} [json] @param {string} [bearer] */
  const call = (method, path, json, bearer = token) => send(sandbox.url + path, { method, headers: { authorization: `Bearer ${bearer}` }, body: json === undefined ? undefined : JSON.stringify(json) });

  it('gives tokens to its client and to its access key, and to nobody else', async () => {
    const { CXONE_ACCESS_KEY_ID: username, CXONE_ACCESS_KEY_SECRET: password } = sandbox.env;
    assert.equal((await login({ grant_type: 'password', username, password }, '/auth/token')).status, 200);
    assert.equal((await login({ grant_type: 'password', username, password: 'wrong' }, '/auth/token')).json.error, 'invalid_grant');
    assert.equal((await login({ client_secret: 'wrong' })).status, 401);
    assert.equal((await call('GET', CONTEXT, undefined, 'wrong')).status, 401);
    const reader = (await login({ client_id: 'sandbox-cxone-reader', client_secret: 'sandbox-cxone-reader-secret' })).json.access_token;
    assert.equal((await call('GET', CONTEXT, undefined, reader)).status, 200);
    const refused = await call('POST', CONTEXT, { attributes: {} }, reader);
    assert.deepEqual([refused.status, refused.json], [403, { errors: [{ message: 'the token lacks the scope interaction:write' }] }]);
  });

  it('says where its token endpoint and its APIs are', async () => {
    const openid = await send(`${sandbox.url}/.well-known/openid-configuration`, { method: 'GET' });
    assert.deepEqual(openid.json, { issuer: sandbox.url, token_endpoint: `${sandbox.url}/auth/token` });
    const configuration = await send(`${sandbox.url}/.well-known/cxone-configuration?tenantId=t1`, { method: 'GET' });
    assert.deepEqual([configuration.json.api_endpoint, configuration.json.area, configuration.json.tenantId], [sandbox.url, 'na1', 't1']);
    assert.equal((await send(`${sandbox.url}/.well-known/cxone-configuration`, { method: 'GET' })).status, 400);
  });

  it('merges the attributes of a conversation, and knows none of two ids', async () => {
    await call('POST', CONTEXT, { attributes: { a: 1, b: 2 } });
    assert.deepEqual((await call('POST', CONTEXT, { attributes: { b: 3 } })).json, { id: '4711', attributes: { a: 1, b: 3 } });
    assert.deepEqual((await call('GET', CONTEXT)).json.attributes, { a: 1, b: 3 });
    for (const id of ['0', '00000000-0000-0000-0000-000000000000']) {
      const answer = await call('POST', CONTEXT.replace('4711', id), { attributes: {} });
      assert.deepEqual([answer.status, answer.json], [404, { errors: [{ message: `Interaction ${id} not found` }] }]);
    }
    for (const body of [{}, { attributes: [] }, { attributes: null }, []]) assert.equal((await call('POST', CONTEXT, body)).status, 400);
    sandbox.reset();
    token = (await login()).json.access_token;
    assert.deepEqual((await call('GET', CONTEXT)).json.attributes, {});
  });

  it('holds rules by their names', async () => {
    const first = await call('POST', RULES, { name: 'A', priority: 1 });
    assert.deepEqual([first.status, first.json.name], [201, 'A']);
    assert.equal((await call('POST', RULES, { name: 'A' })).status, 409);
    assert.equal((await call('POST', RULES, {})).status, 400);
    assert.deepEqual((await call('GET', RULES)).json, { rules: [first.json] });
  });

  it('takes signals, custom fields and queues', async () => {
    assert.equal((await call('POST', `${SIGNAL}?p1=x`)).status, 204);
    assert.equal((await call('POST', SIGNAL)).status, 400);
    assert.equal((await call('PUT', `${CONTACT}/custom-fields`, [{ ident: 'a', value: '1' }])).status, 204);
    assert.equal((await call('PUT', `${CONTACT}/custom-fields`, [{ ident: 'b', value: '2' }])).status, 204);
    assert.equal((await call('PUT', `${CONTACT}/routing-queue`, { skillId: 7 })).status, 204);
    assert.deepEqual((await call('GET', CONTACT)).json, { id: '4711', customFields: [{ ident: 'a', value: '1' }, { ident: 'b', value: '2' }], skillId: 7 });
    for (const body of [{}, [{ ident: 'a' }], [{ ident: '', value: 'x' }], [{ ident: 'a', value: 1 }], null]) assert.equal((await call('PUT', `${CONTACT}/custom-fields`, body)).status, 400);
    for (const body of [{}, { skillId: '7' }, { skillId: 1.5 }]) assert.equal((await call('PUT', `${CONTACT}/routing-queue`, body)).status, 400);
  });

  it('takes a hundred requests at once and answers others 429 with Retry-After', async () => {
    const atMs = performance.now();
    Reflect.set(performance, 'now', () => atMs); // it counts by this clock: all of them come at once, however busy the machine is
    try {
      const answers = await Promise.all(Array.from({ length: 150 }, () => call('GET', CONTEXT)));
      const limited = answers.filter(({ status }) => status === 429);
      assert.deepEqual([limited.length, answers.filter(({ status }) => status === 200).length], [50, 100]);
      assert.deepEqual([limited[0].headers['retry-after'], limited[0].json], ['1', { errors: [{ message: 'Rate limit of 100 requests a second exceeded' }] }]);
    } finally {
      Reflect.deleteProperty(performance, 'now');
    }
  });

  it('answers programmed faults in its own manner', async () => {
    sandbox.faults.add({ platform: 'cxone', status: 503 });
    assert.deepEqual((await call('GET', CONTEXT)).json, { errors: [{ message: 'programmed answer 503' }] });
  });
});
