// Forwards that fail: tried again, kept, replayed; and what Genesys is answered meanwhile.
'use strict';

const assert = require('node:assert/strict');
const { answering } = require('../support/platform.js');
const { openSyncStage, SESSION, update } = require('../support/sync-stage.js');
const { until } = require('../support/until.js');

const AT = '2026-05-20T14:35:00.000Z';

describe('profileSync, failures of forwards', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  beforeEach(async () => { stage = await openSyncStage(); });
  afterEach(() => stage.close());

  it('tries four times under one key, then keeps it as a dead letter, and replays it', async () => {
    const { cognigy, service, url } = await stage.open();
    cognigy.answer = answering(503);
    const { status, json } = await stage.postEvents(url, update({ a: 1 }, { timestamp: AT }));
    assert.equal(status, 200);
    assert.deepEqual([json.received, json.forwarded], [true, false]);
    assert.match(json.error, /^UPSTREAM_ERROR/);
    assert.equal(cognigy.seen.length, 4);
    assert.equal(new Set(cognigy.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
    const [letter] = await service.deadLetters.list();
    assert.deepEqual([letter.service, letter.step, letter.code, letter.status, letter.attempts, letter.tries.length], ['sync', 'request', 'UPSTREAM_ERROR', 503, 4, 4]);
    const shown = /** @type {any} */ (await service.deadLetters.show(letter.eventId));
    assert.deepEqual(shown.payload.event.attributes, { cognigySessionId: SESSION.sessionId, a: 1 });

    cognigy.answer = answering(200);
    const summary = await service.deadLetters.replay();
    assert.deepEqual([summary.matched, summary.replayed], [1, 1]);
    assert.equal(new Set(cognigy.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
    assert.deepEqual(await service.deadLetters.list(), []);
  });

  it('does not try again what was refused for good', async () => {
    const { cognigy, service, url } = await stage.open();
    cognigy.answer = answering(404);
    assert.match((await stage.postEvents(url, update({ a: 1 }))).json.error, /^NOT_FOUND/);
    assert.equal(cognigy.seen.length, 1);
    assert.equal((await service.deadLetters.list()).length, 1);
  });

  it('answers in time that it is queued, and goes on', async () => {
    const { cognigy, service, url } = await stage.open({ respondWithinMs: 20 });
    let release = () => {};
    const held = new Promise((resolve) => { release = () => resolve(undefined); });
    cognigy.answer = async (res) => {
      await held;
      res.end('{}');
    };
    const { status, json } = await stage.postEvents(url, update({ a: 1 }));
    assert.deepEqual([status, json], [200, { received: true, forwarded: false, queued: true }]);
    release();
    while (service.stats().processed < 1) await new Promise(setImmediate);
  });

  it('goes on after a restart with what was stored, under the same key', async () => {
    const { genesys, cognigy, service, url } = await stage.open({ respondWithinMs: 0, forwardRetry: { attempts: 10, baseMs: 60_000, maxMs: 60_000, jitter: 'none' } });
    cognigy.answer = answering(503);
    assert.equal((await stage.postEvents(url, update({ a: 1 }))).json.queued, true);
    await cognigy.requests(1);
    await service.close();
    cognigy.answer = answering(200);
    const again = stage.sync({ domain: genesys.url, webhookUrl: `${cognigy.url}/hook` });
    await cognigy.requests(2);
    const [first, second] = cognigy.seen;
    assert.deepEqual([second.body, second.headers['idempotency-key']], [first.body, first.headers['idempotency-key']]);
    while (again.stats().processed < 1) await new Promise(setImmediate);
    await stage.logger.waitFor(/going on with profile updates of an earlier run/);
  });

  it('forwards no faster than forwardRateLimit, and leaves to the next start what still waits for its turn', async () => {
    const HOURLY = { requests: 1, perMs: 3_600_000 };
    const { genesys, cognigy, service } = await stage.open({ respondWithinMs: 0, forwardRateLimit: HOURLY });
    for (const id of ['a', 'b']) await service.receive(update({ a: 1 }, { externalId: id, id: `profile-${id}`, sessionId: `session-${id}` }));
    await until(() => service.stats().forwards === 2, 'two forwards at work');
    for (const id of ['c', 'd']) await service.sync({ ...SESSION, externalCustomerId: id }); // Genesys' rate is another
    await service.close();
    assert.equal(cognigy.seen.length, 1);

    const again = stage.sync({ domain: genesys.url, webhookUrl: `${cognigy.url}/hook`, rateLimit: HOURLY });
    await cognigy.requests(2);
    for (const id of ['c', 'd']) await again.receive(update({ a: 1 }, { externalId: id, id: `profile-${id}`, sessionId: `session-${id}` }));
    await cognigy.requests(4);
    assert.deepEqual(cognigy.seen.map(({ body }) => JSON.parse(body).sessionId).sort(), ['session-a', 'session-b', 'session-c', 'session-d']);
    assert.deepEqual(await again.deadLetters.list(), []);
  });

  it('uses one key for an event that Genesys delivers twice', async () => {
    const { cognigy, service } = await stage.open();
    for (let i = 0; i < 2; i += 1) await service.receive(update({ a: 1 }, { timestamp: AT }));
    assert.equal(new Set(cognigy.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
    await service.receive(update({ a: 1 }, { timestamp: '2026-05-20T14:35:01.000Z' }));
    assert.equal(new Set(cognigy.seen.map(({ headers }) => headers['idempotency-key'])).size, 2);
  });

  it('keeps as a dead letter what a map of the user fails with', async () => {
    const { service } = await stage.open({ mapToSession: () => { throw new Error('no such field'); } });
    const answer = /** @type {any} */ (await service.receive(update({ a: 1 })));
    assert.equal(answer.error, 'BAD_REQUEST: the update could not be made into a request: no such field');
    assert.equal((await service.deadLetters.list()).length, 1);
  });

  it('answers 503 where nothing can be stored', async () => {
    const { genesys, cognigy, url } = await stage.open();
    const closed = stage.sync({ domain: genesys.url, webhookUrl: `${cognigy.url}/hook`, dataDir: '/proc/no/such/place' });
    const closedUrl = await stage.serve(closed.router());
    for (const answer of [await stage.postEvents(closedUrl, update({ a: 1 })), await stage.postSession(closedUrl)]) {
      assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
      assert.match(answer.json.error, /^STORE_UNAVAILABLE/);
    }
    assert.equal((await stage.postEvents(url, update({ a: 1 }))).status, 200);
  });

  it('takes nothing after close, and finishes what is under way', async () => {
    const { genesys, service, url } = await stage.open();
    let release = () => {};
    const held = new Promise((resolve) => { release = () => resolve(undefined); });
    genesys.answer = async (res) => {
      await held;
      res.end('{}');
    };
    const under = service.sync(SESSION);
    while (genesys.calls.length === 0) await new Promise(setImmediate);
    const closing = service.close();
    assert.equal((await stage.postSession(url)).status, 503);
    assert.equal((await stage.postEvents(url, update({ a: 1 }))).status, 503);
    release();
    assert.deepEqual(await under, { success: true, profileId: undefined });
    await closing;
  });
});
