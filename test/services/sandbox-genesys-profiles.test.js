// The simulated Genesys Cloud's customers: profiles with merges and keys, external contacts, its limit of requests and its errors.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { genesysCaller } = require('../support/sandbox-caller.js');
const { send } = require('../support/send.js');

const PROFILES = '/api/v2/customer-profiles/profiles';
const ENRICH = '/api/v2/externalcontacts/contacts/enrich';
const IDENTITY = { type: 'email', value: 'customer@example.com', primary: true };

/** @param {Record<string, unknown>} attributes @param {object} [more] */
const profile = (attributes, more) => ({ profile: { externalId: 'CUST-998877', attributes, identities: [IDENTITY], ...more } });

describe('sandbox: Genesys Cloud, its customers', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {Awaited<ReturnType<typeof genesysCaller>>} */
  let call;
  before(async () => { sandbox = await createSandbox(); });
  beforeEach(async () => {
    sandbox.reset();
    call = await genesysCaller(sandbox);
  });
  after(() => sandbox.close());

  describe('customer profiles', () => {
    it('are created, and then merged by key, under one id', async () => {
      const first = await call('POST', PROFILES, profile({ intent: 'a', kept: 1 }));
      const second = await call('POST', PROFILES, profile({ intent: 'b', ['__proto__']: 'x' }));
      assert.deepEqual([first.status, second.status], [200, 200]);
      const { id, updatedTimestamp, ...rest } = first.json.profile;
      assert.deepEqual(rest, { externalId: 'CUST-998877', attributes: { intent: 'a', kept: 1 }, identities: [IDENTITY] });
      assert.equal(new Date(updatedTimestamp).toISOString(), updatedTimestamp);
      assert.equal(second.json.profile.id, id);
      assert.deepEqual(Object.entries(second.json.profile.attributes), [['intent', 'b'], ['kept', 1], ['__proto__', 'x']]);
      assert.deepEqual((await call('GET', `${PROFILES}/CUST-998877`)).json, second.json);
    });

    it('have their identities replaced where some are given', async () => {
      const phone = { type: 'phone', value: '+4930123', primary: false };
      await call('POST', PROFILES, profile({}));
      assert.deepEqual((await call('POST', PROFILES, profile({}, { identities: undefined }))).json.profile.identities, [IDENTITY]);
      assert.deepEqual((await call('POST', PROFILES, profile({}, { identities: [phone] }))).json.profile.identities, [phone]);
    });

    it('answer a key that is known as they did first, and change nothing', async () => {
      const first = await call('POST', PROFILES, profile({ intent: 'a' }), { 'idempotency-key': 'k-1' });
      await call('POST', PROFILES, profile({ intent: 'b' }), { 'idempotency-key': 'k-2' });
      const again = await call('POST', PROFILES, profile({ intent: 'c' }), { 'idempotency-key': 'k-1' });
      assert.deepEqual([again.json, again.headers['idempotency-replayed']], [first.json, 'true']);
      assert.equal((await call('GET', `${PROFILES}/CUST-998877`)).json.profile.attributes.intent, 'b');
    });

    it('are changed by agents', async () => {
      assert.equal((await call('PATCH', `${PROFILES}/CUST-998877`, { attributes: { agentOverride: 'x' } })).status, 404);
      await call('POST', PROFILES, profile({ intent: 'a' }));
      const changed = await call('PATCH', `${PROFILES}/CUST-998877`, { attributes: { agentOverride: 'priority_routing' } });
      assert.deepEqual(changed.json.profile.attributes, { intent: 'a', agentOverride: 'priority_routing' });
    });

    it('ask for the scopes of the seed', async () => {
      const reader = await genesysCaller(sandbox, 'customer:profile:read');
      assert.match((await reader('POST', PROFILES, profile({}))).json.message, /customer:profile:write/);
      assert.equal((await reader('GET', `${PROFILES}/nobody`)).status, 404);
      const writer = await genesysCaller(sandbox, 'customer:profile:write');
      assert.equal((await writer('GET', `${PROFILES}/nobody`)).status, 403);
      assert.equal((await writer('PATCH', `${PROFILES}/nobody`, { attributes: {} })).status, 404);
    });

    for (const [what, body] of /** @type {Array<[string, unknown]>} */ ([
      ['no profile', {}],
      ['no external id', profile({}, { externalId: '' })],
      ['an external id that was not sanitised', profile({}, { externalId: 'a b' })],
      ['attributes that are an array', profile(/** @type {any} */ ([]))],
      ['identities that are none', profile({}, { identities: [{ type: 'email' }] })],
      ['too many attributes', profile(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, i])))],
    ])) {
      it(`refuse ${what}`, async () => {
        const { status, json } = await call('POST', PROFILES, body);
        assert.deepEqual([status, json.status, json.code], [400, 400, 'bad.request']);
        assert.match(json.message, /expected/);
      });
    }
  });

  describe('external contacts', () => {
    const externalSource = { id: '9c7a3b1e-0000-4000-8000-000000000001' };
    /** @param {Record<string, unknown>} contact @param {object} [more] */
    const upsert = (contact, more) => ({ matchingIdentifiers: [{ type: 'ExternalId', value: 'c-1', externalSource }], action: 'Upsert', contact, ...more });

    it('are created with 201, then merged with 200; what is null or left out stays', async () => {
      const first = await call('POST', ENRICH, upsert({ firstName: 'A', personalEmail: 'a@example.com', customFields: { one_text: '1', two_text: '2' } }));
      const second = await call('POST', ENRICH, upsert({ firstName: null, personalEmail: 'b@example.com', customFields: { one_text: null, two_text: '3' } }));
      assert.deepEqual([first.status, second.status], [201, 200]);
      const { id, firstName, personalEmail, customFields, modifyDate } = second.json;
      assert.deepEqual([id, firstName, personalEmail, customFields], [first.json.id, 'A', 'b@example.com', { one_text: '1', two_text: '3' }]);
      assert.equal(new Date(modifyDate).toISOString(), modifyDate);
      assert.deepEqual((await call('GET', `/api/v2/externalcontacts/contacts/${id}`)).json, second.json);
    });

    it('are other ones in another external source', async () => {
      const first = await call('POST', ENRICH, upsert({}));
      const other = await call('POST', ENRICH, upsert({}, { matchingIdentifiers: [{ type: 'ExternalId', value: 'c-1', externalSource: { id: 'another' } }] }));
      assert.equal(other.status, 201);
      assert.notEqual(other.json.id, first.json.id);
    });

    it('are not written with dryRun', async () => {
      assert.equal((await call('POST', `${ENRICH}?dryRun=true`, upsert({}))).status, 201);
      assert.equal((await call('POST', ENRICH, upsert({}))).status, 201);
    });

    it('ask for their scope, and refuse what they do not know', async () => {
      const other = await genesysCaller(sandbox, 'conversations');
      assert.equal((await other('POST', ENRICH, upsert({}))).status, 403);
      assert.equal((await call('GET', '/api/v2/externalcontacts/contacts/nobody')).status, 404);
      for (const more of [{ matchingIdentifiers: [] }, { matchingIdentifiers: [{ type: 'ExternalId', value: 'c-1' }] }, { matchingIdentifiers: [{ type: 'Email', value: 'x' }] },
        { action: 'Insert' }, { fieldRules: { defaultAction: 'PreferExisting' } }, { contact: { customFields: [] } }]) {
        assert.equal((await call('POST', ENRICH, upsert({}, more))).status, 400, JSON.stringify(more));
      }
    });
  });

  it('a token may make so many requests a minute; further ones are told how long to wait', async () => {
    assert.equal(sandbox.settings.genesys.requestsPerMinute, Infinity);
    sandbox.settings.genesys.requestsPerMinute = 2;
    for (let i = 0; i < 2; i += 1) assert.equal((await call('GET', `${PROFILES}/nobody`)).status, 404);
    const { status, json, headers } = await call('GET', `${PROFILES}/nobody`);
    assert.deepEqual([status, json.code, json.status], [429, 'too.many.requests.retry.after', 429]);
    const seconds = Number(headers['retry-after']);
    assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    assert.deepEqual(['count', 'allowed', 'reset'].map((name) => headers[`inin-ratelimit-${name}`]), ['3', '2', String(seconds)]);
    assert.equal((await (await genesysCaller(sandbox))('GET', `${PROFILES}/nobody`)).status, 404, 'another token has its own');
    sandbox.reset();
    assert.equal(sandbox.settings.genesys.requestsPerMinute, Infinity);
  });

  it('forgets all on reset, and tells its errors in one manner', async () => {
    const { json: { id } } = await call('POST', ENRICH, { matchingIdentifiers: [{ type: 'ExternalId', value: 'c', externalSource: { id: 's' } }], action: 'Upsert' });
    await call('POST', PROFILES, profile({}));
    sandbox.reset();
    call = await genesysCaller(sandbox);
    for (const path of [`${PROFILES}/CUST-998877`, `/api/v2/externalcontacts/contacts/${id}`]) assert.equal((await call('GET', path)).json.code, 'not.found');
    assert.deepEqual((await send(sandbox.url + PROFILES)).json, {
      message: 'Authorization: expected Bearer and a token', code: 'bad.credentials', status: 401, details: [], errors: [],
    });
    sandbox.faults.add({ platform: 'genesys', status: 503 });
    assert.deepEqual((await call('GET', `${PROFILES}/nobody`)).json.code, 'internal.server.error');
  });

  it('knows a client that may only read', async () => {
    const env = { GENESYS_CLIENT_ID: 'sandbox-genesys-reader', GENESYS_CLIENT_SECRET: 'sandbox-genesys-reader-secret' };
    const reader = await genesysCaller({ url: sandbox.url, env });
    assert.equal((await reader('POST', PROFILES, profile({}))).status, 403);
  });
});
