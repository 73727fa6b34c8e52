// POST /webhook/genesys-to-cognigy: what of a profile's change goes to its session, and what Genesys is answered.
'use strict';

const assert = require('node:assert/strict');
const { answering } = require('../support/platform.js');
const { openSyncStage, SESSION, PROFILE_ID, update } = require('../support/sync-stage.js');

const AT = '2026-05-20T14:35:00.000Z';
const FORWARDED = { received: true, forwarded: true };
const SUPPRESSED = { received: true, action: 'echo_suppressed' };

describe('profileSync, forwards', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  beforeEach(async () => { stage = await openSyncStage(); });
  afterEach(() => stage.close());

  /** @param {import('../support/platform.js').Platform} cognigy @returns {any[]} */
  const told = (cognigy) => cognigy.seen.map(({ body }) => JSON.parse(body));
  /** The profile as our last write left it. @param {any} genesys @param {object} [more] */
  const asWritten = (genesys, more) => ({ ...genesys.profiles.at(-1).attributes, ...more });

  it('forwards a change as the seed does, under a key', async () => {
    const { cognigy, url } = await stage.open();
    const { status, json } = await stage.postEvents(url, update({ intent: 'billing_inquiry', agentOverride: 'priority_routing', lastUpdated: AT }, { timestamp: AT }));
    assert.deepEqual([status, json], [200, FORWARDED]);
    const [{ method, url: path, headers }] = cognigy.seen;
    assert.equal(`${method} ${path}`, 'POST /hook');
    assert.match(String(headers['idempotency-key']), /^[0-9a-f-]{36}$/);
    const attributes = { cognigySessionId: 'sess-abc-123', intent: 'billing_inquiry', agentOverride: 'priority_routing', lastUpdated: AT };
    assert.deepEqual(told(cognigy), [{ sessionId: 'sess-abc-123', updatedAttributes: attributes, profileId: PROFILE_ID }]);
  });

  it('forwards every event of a delivery', async () => {
    const { cognigy, url } = await stage.open();
    const events = ['a', 'b', 'c'].map((one) => update({ agent: one }, { externalId: one, id: `profile-${one}`, sessionId: `session-${one}` }).events[0]);
    assert.deepEqual((await stage.postEvents(url, { events: [{ eventType: 'else' }, ...events] })).json, FORWARDED);
    assert.deepEqual(told(cognigy).map(({ sessionId }) => sessionId).sort(), ['session-a', 'session-b', 'session-c']);
  });

  /** @type {Array<[string, any, number, object]>} */
  const answers = [
    ['no events', {}, 400, { error: 'Invalid webhook payload structure' }],
    ['events that are no array', { events: 'x' }, 400, { error: 'Invalid webhook payload structure' }],
    ['no object', '[]', 400, { error: 'Invalid webhook payload structure' }],
    ['no JSON', '{"events":', 400, { error: 'Invalid webhook payload structure' }],
    ['an empty array', { events: [] }, 200, { received: true, action: 'ignored' }],
    ['events of other kinds', { events: [{ eventType: 'customer.profile.delete' }, null, 7] }, 200, { received: true, action: 'ignored' }],
    ['a profile without a session', { events: [{ eventType: 'customer.profile.update', profile: { id: 'p', attributes: { a: 1 } } }] }, 200, { received: true, action: 'ignored' }],
  ];
  for (const [what, payload, status, body] of answers) {
    it(`answers ${status} to ${what}`, async () => {
      const { cognigy, url } = await stage.open();
      const answer = await stage.postEvents(url, payload);
      assert.deepEqual([answer.status, answer.json], [status, body]);
      assert.equal(cognigy.seen.length, 0);
    });
  }

  it('wants to be told that it is Genesys who calls', async () => {
    const { cognigy, url } = await stage.open();
    for (const source of ['', 'elsewhere']) {
      const { status, json } = await stage.postEvents(url, update({ a: 1 }), { 'x-webhook-source': source });
      assert.deepEqual([status, json], [403, { error: 'X-Webhook-Source: expected genesys-cloud' }]);
    }
    assert.equal(cognigy.seen.length, 0);
  });

  it('suppresses what is only our own write coming back, however often', async () => {
    const { genesys, cognigy, url } = await stage.open();
    await stage.postSession(url);
    for (let i = 0; i < 2; i += 1) assert.deepEqual((await stage.postEvents(url, update(asWritten(genesys), { timestamp: AT }))).json, SUPPRESSED);
    // Genesys may keep a time of its own there.
    assert.deepEqual((await stage.postEvents(url, update(asWritten(genesys, { lastUpdated: AT })))).json, SUPPRESSED);
    assert.equal(cognigy.seen.length, 0);
  });

  it('forwards the rest of a mixed change', async () => {
    const { genesys, cognigy, url } = await stage.open();
    await stage.postSession(url);
    assert.deepEqual((await stage.postEvents(url, update(asWritten(genesys, { agentOverride: 'vip', nested: { b: [1], a: null } })))).json, FORWARDED);
    assert.deepEqual(told(cognigy), [{ sessionId: 'sess-abc-123', updatedAttributes: { agentOverride: 'vip', nested: { b: [1], a: null } }, profileId: PROFILE_ID }]);
  });

  it('remembers what it wrote across a restart, and no longer than it is told to', async () => {
    const { genesys, cognigy, service, url } = await stage.open();
    await stage.postSession(url);
    await service.close();
    const options = { domain: genesys.url, webhookUrl: `${cognigy.url}/hook` };
    const again = stage.sync(options);
    assert.deepEqual(await again.receive(update(asWritten(genesys))), SUPPRESSED);
    await again.close();
    const brief = stage.sync({ ...options, ledgerMs: 1 });
    await brief.sync({ ...SESSION, externalCustomerId: 'other' });
    const writtenAt = Date.now();
    while (Date.now() <= writtenAt + 1) await new Promise(setImmediate);
    assert.deepEqual(await brief.receive(update(asWritten(genesys), { externalId: 'other' })), FORWARDED);
  });

  it('does not send back to Genesys what a session only has from there', async () => {
    const { genesys, cognigy, service } = await stage.open();
    await service.sync(SESSION);
    await service.receive(update(asWritten(genesys, { intent: 'complaint' })));
    assert.deepEqual(told(cognigy)[0].updatedAttributes, { intent: 'complaint' });
    assert.deepEqual(await service.sync({ ...SESSION, currentIntent: 'complaint' }), { success: true, profileId: PROFILE_ID });
    assert.equal(genesys.calls.length, 1);
    await service.sync({ ...SESSION, currentIntent: 'complaint', sentiment: 0.1 });
    assert.deepEqual(Object.keys(genesys.profiles[1].attributes), ['cognigySessionId', 'sentimentScore', 'lastUpdated']);
    // What that write brings back holds nothing that the session does not know.
    assert.deepEqual(await service.receive(update(asWritten(genesys, { intent: 'complaint' }))), SUPPRESSED);
  });

  it('takes a value that somebody has set again for news', async () => {
    const { genesys, cognigy, service } = await stage.open();
    await service.sync(SESSION);
    await service.receive(update(asWritten(genesys, { intent: 'complaint' }), { timestamp: '2126-01-01T00:00:00.000Z' }));
    assert.deepEqual(await service.receive(update(asWritten(genesys), { timestamp: '2126-01-01T00:00:01.000Z' })), FORWARDED);
    assert.deepEqual(told(cognigy).map(({ updatedAttributes }) => updatedAttributes), [{ intent: 'complaint' }, { intent: 'billing_inquiry' }]);
  });

  it('does not let an older change overwrite a newer one', async () => {
    const { cognigy, service } = await stage.open();
    await service.receive(update({ intent: 'newer' }, { timestamp: '2026-05-20T14:36:00.000Z' }));
    assert.deepEqual(await service.receive(update({ intent: 'older', mood: 'fine' }, { timestamp: AT })), FORWARDED);
    assert.deepEqual(told(cognigy)[1].updatedAttributes, { cognigySessionId: 'sess-abc-123', mood: 'fine' });
  });

  it('hears an agent also where our own write has failed, by whatever clock he is told', async () => {
    const { genesys, cognigy, service } = await stage.open();
    genesys.answer = answering(400);
    await assert.rejects(service.sync(SESSION), { code: 'BAD_REQUEST' });
    assert.deepEqual(await service.receive(update({ intent: 'complaint' }, { timestamp: '2024-01-15T10:30:00.000Z' })), FORWARDED);
    assert.equal(told(cognigy)[0].updatedAttributes.intent, 'complaint');
  });

  it('does not let an event without a time overwrite one that came after it', async () => {
    const { cognigy, service } = await stage.open({ forwardRetry: { attempts: 1 } });
    cognigy.answer = answering(503);
    await service.receive(update({ intent: 'older' }));
    const receivedBy = Date.now();
    while (Date.now() <= receivedBy) await new Promise(setImmediate);
    cognigy.answer = answering(200);
    await service.receive(update({ intent: 'newer' }));
    assert.equal((await service.deadLetters.replay()).replayed, 1);
    assert.deepEqual(told(cognigy).map(({ updatedAttributes }) => updatedAttributes.intent), ['older', 'newer', undefined]);
  });

  it('puts together what waits for a customer, and nothing is dropped', async () => {
    const { cognigy, service } = await stage.open();
    let release = () => {};
    const held = new Promise((resolve) => { release = () => resolve(undefined); });
    cognigy.answer = async (res, seen, number) => {
      if (number === 1) await held;
      res.end('{}');
    };
    const first = service.receive(update({ a: 0 }));
    await cognigy.requests(1);
    const others = Array.from({ length: 20 }, (_, i) => service.receive(update({ a: i + 1, ...(i === 3 ? { once: 'only' } : {}) })));
    while (service.stats().accepted < 21) await new Promise(setImmediate);
    release();
    await Promise.all([first, ...others]);
    const session = Object.assign({}, ...told(cognigy).map(({ updatedAttributes }) => updatedAttributes));
    assert.deepEqual(session, { cognigySessionId: 'sess-abc-123', a: 20, once: 'only' });
    assert.ok(cognigy.seen.length <= 4, `${cognigy.seen.length} calls`);
  });

  it('drops what a session that has ended can no longer be told, and says so', async () => {
    const { cognigy, service, url } = await stage.open();
    cognigy.answer = answering(410);
    assert.deepEqual((await stage.postEvents(url, update({ a: 1 }))).json, { received: true, forwarded: false, action: 'session_ended' });
    await stage.logger.waitFor(/its session has ended/);
    assert.deepEqual(await service.deadLetters.list(), []);
    assert.equal(service.stats().ended, 1);
  });

  it('lets the user map profiles', async () => {
    const { cognigy, service } = await stage.open({
      mapToSession: async ({ sessionId, userId, externalId, profileId, attributes }) => ({ sessionId, profileId, updatedAttributes: { all: [userId, externalId, attributes.a] } }),
    });
    await service.receive(update({ a: 1 }));
    assert.deepEqual(told(cognigy)[0].updatedAttributes, { all: ['CUST-998877', 'CUST-998877', 1] });
  });

  it('knows the customer of a profile without an external id that it has written', async () => {
    const { genesys, cognigy, service } = await stage.open();
    await service.sync(SESSION);
    const { events: [event] } = update(asWritten(genesys));
    assert.deepEqual(await service.receive({ events: [{ ...event, profile: { ...event.profile, externalId: undefined } }] }), SUPPRESSED);
    assert.equal(cognigy.seen.length, 0);
  });
});
