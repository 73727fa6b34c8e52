// POST /webhook/sync: what of a session goes to Genesys, and what its sender is answered.
'use strict';

const assert = require('node:assert/strict');
const { answering } = require('../support/platform.js');
const { openSyncStage, SESSION, PROFILE_ID, TOKEN, update } = require('../support/sync-stage.js');

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('profileSync, sessions', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  beforeEach(async () => { stage = await openSyncStage(); });
  afterEach(() => stage.close());

  it('writes the profile of the seed and answers with its id', async () => {
    const { genesys, url } = await stage.open();
    const { status, json } = await stage.postSession(url);
    assert.deepEqual([status, json], [200, { success: true, profileId: PROFILE_ID }]);
    const [{ method, url: path, headers, body }] = genesys.calls;
    assert.equal(`${method} ${path}`, 'POST /api/v2/customer-profiles/profiles');
    assert.match(String(headers['idempotency-key']), UUID);
    assert.equal(headers.authorization, `Bearer ${TOKEN}`);
    const { profile } = JSON.parse(body);
    assert.match(profile.attributes.lastUpdated, ISO);
    assert.deepEqual(profile, {
      externalId: 'CUST-998877',
      attributes: { cognigySessionId: 'sess-abc-123', intent: 'billing_inquiry', sentimentScore: 0.82, lastUpdated: profile.attributes.lastUpdated },
      identities: [{ type: 'email', value: 'customer@example.com', primary: true }],
    });
  });

  it('asks once for a token, with the scopes of the seed, by Basic', async () => {
    const { genesys, url } = await stage.open();
    await Promise.all(['a', 'b', 'c'].map((externalCustomerId) => stage.postSession(url, { externalCustomerId })));
    assert.equal(genesys.tokens.length, 1);
    const [{ headers, body }] = genesys.tokens;
    assert.match(String(headers.authorization), /^Basic /);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(body)),
      { grant_type: 'client_credentials', scope: 'customer:profile:write customer:profile:read customer:profile:webhook webhook:write' });
  });

  it('makes up an address for who has none', async () => {
    const { genesys, url } = await stage.open({ profilePrefix: 'cog-' });
    await stage.postSession(url, { customerEmail: undefined });
    assert.deepEqual(genesys.profiles[0].identities, [{ type: 'email', value: 'anon-cog-CUST-998877@temp.local', primary: true }]);
  });

  it('keeps customers apart whose ids have to be made fit', async () => {
    const { genesys, service } = await stage.open();
    for (const externalCustomerId of ['a b', 'a_b', 'a/b', 'Zoë@example.com', 4711]) await service.sync({ ...SESSION, externalCustomerId });
    const ids = genesys.profiles.map(({ externalId }) => externalId);
    assert.equal(new Set(ids).size, 5);
    for (const id of ids) assert.match(id, /^[a-zA-Z0-9_-]+$/);
    assert.deepEqual([ids[1], ids[4]], ['a_b', '4711']);
    await service.sync({ ...SESSION, externalCustomerId: 'a b' });
    assert.equal(genesys.profiles[5].externalId, ids[0]);
  });

  /** @type {Array<[string, any, string]>} */
  const refused = [
    ['no customer', { externalCustomerId: undefined }, 'externalCustomerId is required'],
    ['an empty one', { externalCustomerId: '' }, 'externalCustomerId is required'],
    ['an object as customer', { externalCustomerId: {} }, 'Invalid fields: externalCustomerId (expected a text of at most 256 characters)'],
    ['an endless one', { externalCustomerId: 'x'.repeat(257) }, 'Invalid fields: externalCustomerId (expected a text of at most 256 characters)'],
    ['an address that is none', { customerEmail: 7 }, 'Invalid fields: customerEmail (expected a text)'],
    ['a time that is none', { timestamp: 'yesterday' }, 'Invalid fields: timestamp (expected ISO 8601, or ms since 1970)'],
    ['no JSON', 'hello', 'Malformed payload: not a JSON object'],
    ['an array', '[]', 'Malformed payload: not a JSON object'],
  ];
  for (const [what, session, error] of refused) {
    it(`refuses ${what}`, async () => {
      const { genesys, url } = await stage.open();
      const { status, json } = await stage.postSession(url, session);
      assert.deepEqual([status, json], [400, { error }]);
      assert.equal(genesys.calls.length, 0);
    });
  }

  /** @type {Array<[number, number, RegExp]>} */
  const failures = [[404, 404, /^NOT_FOUND/], [400, 400, /^BAD_REQUEST/], [409, 409, /^CONFLICT/], [503, 503, /^UPSTREAM_ERROR/], [401, 502, /^AUTHENTICATION_FAILED/], [403, 502, /^AUTHORIZATION_FAILED/]];
  for (const [said, told, error] of failures) {
    it(`answers ${told} where Genesys says ${said}`, async () => {
      const { genesys, url } = await stage.open();
      genesys.answer = answering(said);
      const { status, json } = await stage.postSession(url);
      assert.equal(status, told);
      assert.match(json.error, error);
      assert.equal(json.code, told === 502 ? json.error.split(':')[0] : undefined);
      assert.ok(!JSON.stringify(json).includes(TOKEN));
    });
  }

  it('answers 429 with Retry-After once the tries are used up', async () => {
    const { genesys, url } = await stage.open({ retry: { attempts: 1 } });
    genesys.answer = answering(429, { 'retry-after': '7' });
    const { status, headers } = await stage.postSession(url);
    assert.deepEqual([status, headers['retry-after']], [429, '7']);
  });

  it('answers 500 where Genesys hangs up', async () => {
    const { genesys, url } = await stage.open();
    genesys.answer = (res) => res.destroy();
    const { status, json } = await stage.postSession(url);
    assert.equal(status, 500);
    assert.match(json.error, /^CONNECTION_FAILED/);
  });

  it('tries again under the same key', async () => {
    const { genesys, url } = await stage.open();
    genesys.answer = (res, seen, number) => (number < 4 ? answering(number === 2 ? 429 : 503, { 'retry-after': '0' })(res, seen, number) : answering(200)(res, seen, number));
    assert.deepEqual((await stage.postSession(url)).json, { success: true });
    const keys = genesys.calls.map(({ headers }) => headers['idempotency-key']);
    assert.ok(keys.length > 1);
    assert.equal(new Set(keys).size, 1);
  });

  it('lets the user map sessions', async () => {
    const { genesys, service } = await stage.open({
      mapToProfile: async ({ mood }, { externalId }) => ({ attributes: { mood }, identities: [{ type: 'phone', value: externalId }] }),
    });
    await service.sync({ externalCustomerId: '49', mood: 'fine' });
    assert.deepEqual(genesys.profiles, [{ externalId: '49', attributes: { mood: 'fine' }, identities: [{ type: 'phone', value: '49' }] }]);
  });

  it('puts together what comes while a write is on its way, the newest value of each attribute', async () => {
    const { genesys, service } = await stage.open({ mapToProfile: (session) => ({ attributes: /** @type {any} */ (session.values) }) });
    let release = () => {};
    const held = new Promise((resolve) => { release = () => resolve(undefined); });
    genesys.answer = async (res, seen, number) => {
      if (number === 2) await held;
      answering(200)(res, seen, number);
    };
    const first = service.sync({ externalCustomerId: 'c', values: { a: 0 } });
    while (genesys.calls.length === 0) await new Promise(setImmediate);
    const others = Array.from({ length: 50 }, (_, i) => service.sync({ externalCustomerId: 'c', values: { a: i + 1, [`b${i % 10}`]: i } }));
    const other = service.sync({ externalCustomerId: 'd', values: { a: 7 } });
    await other; // does not wait for c
    release();
    await Promise.all([first, ...others]);
    const written = genesys.profiles.filter(({ externalId }) => externalId === 'c').map(({ attributes }) => attributes);
    assert.deepEqual(written, [{ a: 0 }, { a: 50, ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`b${i}`, 40 + i])) }]);
    const stats = service.stats();
    assert.deepEqual([stats.syncs, stats.calls, stats.coalesced], [52, 3, 49]);
  });

  it('does not write what is older than what Genesys has told', async () => {
    const { genesys, service } = await stage.open();
    await service.receive(update({ intent: 'complaint' }, { timestamp: '2026-05-20T14:35:00.000Z' }));
    await service.sync({ ...SESSION, timestamp: '2026-05-20T14:34:00.000Z' });
    assert.deepEqual(Object.keys(genesys.profiles[0].attributes), ['sentimentScore', 'lastUpdated']);
    await service.sync({ ...SESSION, timestamp: '2026-05-20T14:36:00.000Z' });
    assert.equal(genesys.profiles[1].attributes.intent, 'billing_inquiry');
  });

  it('of two changes that wait the newer one counts, however they came', async () => {
    const { genesys, service } = await stage.open({ coalesceMs: 50 });
    const changes = [['newer', '2026-05-20T14:36:00.000Z'], ['older', '2026-05-20T14:35:00.000Z']];
    await Promise.all(changes.map(([word, timestamp]) => service.sync({ ...SESSION, currentIntent: word, customerEmail: `${word}@example.com`, timestamp })));
    assert.deepEqual(genesys.profiles.map(({ attributes, identities }) => [attributes.intent, identities[0].value]), [['newer', 'newer@example.com']]);
  });
});
