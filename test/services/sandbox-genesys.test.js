// The simulated Genesys Cloud and CRM as peers of tests.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { send } = require('../support/send.js');

const INTERACTION = '/api/v2/interactions/8f7e6d5c';
const CONVERSATION = '/api/v2/conversations/8f7e6d5c';

describe('sandbox: Genesys Cloud and CRM', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  before(async () => { sandbox = await createSandbox(); });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  /** @param {string} [scope] @returns {Promise<string>} */
  async function token(scope) {
    const { GENESYS_CLIENT_ID: id, GENESYS_CLIENT_SECRET: secret } = sandbox.env;
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret, ...(scope && { scope }) }).toString();
    return (await send(`${sandbox.url}/oauth/token`, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })).json.access_token;
  }

  /** @param {string} method @param {string} path @param {unknown} [json] @param {string} [bearer] */
  const call = async (method, path, json, bearer) => send(sandbox.url + path, {
    method, headers: { authorization: `Bearer ${bearer ?? (await token())}`, 'content-type': 'application/json' }, body: json === undefined ? undefined : JSON.stringify(json),
  });

  it('merges the context of an interaction by key, and answers with the whole', async () => {
    const first = await call('PATCH', INTERACTION, { context: { a: 1, kept: true } });
    assert.deepEqual([first.status, first.json], [200, { id: '8f7e6d5c', type: 'voice', direction: 'inbound', context: { a: 1, kept: true } }]);
    await call('PATCH', INTERACTION, { context: { a: 2 } });
    assert.deepEqual((await call('GET', INTERACTION)).json.context, { a: 2, kept: true });
  });

  it('honours an Idempotency-Key', async () => {
    const authorization = `Bearer ${await token()}`;
    for (const a of [1, 2]) await send(sandbox.url + INTERACTION, { method: 'PATCH', headers: { authorization, 'idempotency-key': 'k' }, body: `{"context":{"a":${a}}}` });
    assert.deepEqual((await call('GET', INTERACTION)).json.context, { a: 1 });
  });

  it('asks for the scopes of the seed, and of Genesys Cloud', async () => {
    const reading = await token('interaction:read');
    assert.equal((await call('GET', INTERACTION, undefined, reading)).status, 200);
    assert.match((await call('PATCH', INTERACTION, { context: {} }, reading)).json.message, /interaction:write/);
    assert.match((await call('GET', CONVERSATION, undefined, reading)).json.message, /conversations/);
    assert.equal((await call('GET', INTERACTION, undefined, 'wrong')).status, 401);
  });

  it('an interaction that was ended is gone, as a conversation too, until a reset', async () => {
    assert.equal((await call('DELETE', INTERACTION)).status, 204);
    for (const [method, path, json] of /** @type {Array<[string, string, unknown?]>} */ ([['GET', INTERACTION], ['PATCH', INTERACTION, { context: {} }], ['GET', CONVERSATION], ['DELETE', INTERACTION]])) {
      assert.equal((await call(method, path, json)).status, 404, `${method} ${path}`);
    }
    sandbox.reset();
    assert.equal((await call('GET', INTERACTION)).status, 200);
  });

  it('a conversation has a customer and an agent, whose attributes are strings', async () => {
    const { participants: [customer, agent] } = (await call('GET', CONVERSATION)).json;
    assert.deepEqual([customer.purpose, agent.purpose, customer.attributes], ['customer', 'agent', {}]);
    const path = `${CONVERSATION}/participants/${customer.id}/attributes`;
    assert.deepEqual([(await call('PATCH', path, { attributes: { a: '1' } })).status, (await call('PATCH', path, { attributes: { __proto__: null, b: '2' } })).status], [204, 204]);
    assert.deepEqual((await call('GET', CONVERSATION)).json.participants[0].attributes, { a: '1', b: '2' });
    assert.equal((await call('PATCH', path, { attributes: { n: 7 } })).json.message, 'attributes.n: expected a string');
    assert.equal((await call('PATCH', `${CONVERSATION}/participants/nobody/attributes`, { attributes: {} })).status, 404);
  });

  it('a conversation that a write speaks of first has that participant as its customer', async () => {
    assert.equal((await call('PATCH', '/api/v2/conversations/new/participants/p-1/attributes', { attributes: { a: '1' } })).status, 204);
    assert.equal((await call('GET', '/api/v2/conversations/new')).json.participants[0].id, 'p-1');
  });

  it('refuses bodies of another shape', async () => {
    for (const json of [{}, { context: [] }, { context: null }, { context: 'text' }]) assert.equal((await call('PATCH', INTERACTION, json)).status, 400);
    assert.equal((await call('PATCH', `${CONVERSATION}/participants/p/attributes`, { attributes: 1 })).status, 400);
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, i]));
    assert.equal((await call('PATCH', INTERACTION, { context: many })).status, 400);
  });

  it('the CRM knows some customers, learns others, and asks for its key', async () => {
    const key = sandbox.env.CRM_API_KEY;
    assert.equal((await call('GET', '/customers/CUST-1001', undefined, key)).json.crmAccountId, 'ACCT-99281');
    assert.equal((await call('GET', '/customers/a%2Fb', undefined, key)).status, 404);
    assert.equal((await call('PUT', '/customers/a%2Fb', { crmAccountId: 'A' }, key)).status, 204);
    assert.deepEqual((await call('GET', '/customers/a%2Fb', undefined, key)).json, { crmAccountId: 'A' });
    assert.deepEqual([(await call('GET', '/customers/CUST-1001')).status, (await call('PUT', '/customers/x', {})).status], [401, 401]);
    sandbox.reset();
    assert.equal((await call('GET', '/customers/a%2Fb', undefined, key)).status, 404);
  });

  it('lets an idle connection go after keepAliveMs', async () => {
    const other = await createSandbox({ keepAliveMs: 20 });
    const socket = net.connect(other.port, '127.0.0.1');
    socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    await other.close();
    for (const keepAliveMs of [0, -1, 1.5, /** @type {any} */ ('1')]) await assert.rejects(createSandbox({ keepAliveMs }), /keepAliveMs: expected/);
  });
});
