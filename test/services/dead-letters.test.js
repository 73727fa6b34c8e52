// deadLetters of a service: filters, show, replay of many, export and purge, from any service on the directory.
'use strict';

const assert = require('node:assert/strict');
const { setImmediate } = require('node:timers/promises');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { openStage } = require('../support/stage.js');

describe('deadLetters', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {import('../..').CognigyEvents} */
  let service;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
    service = stage.service({ apiBaseUrl: platform.url });
  });
  afterEach(() => stage.close());

  /** @param {number} status what the platform answers @param {object} [more] */
  async function bury(status, more) {
    const event = makeEvent(more);
    platform.answer = answering(status);
    assert.equal(/** @type {any} */ ((await stage.handle(service, event)).body).status, 'failed_queued_for_dlq');
    return event;
  }
  /** Times of dead letters are whole milliseconds. @param {Date} time */
  async function clockReaches(time) {
    while (Date.now() < time.getTime()) await setImmediate();
  }
  /** @param {import('../..').DeadLetterFilter} [filter] */
  const idsOf = async (filter) => (await service.deadLetters.list(filter)).map(({ eventId }) => eventId);

  it('are filtered by code, step, intent, id and time', async () => {
    const first = await bury(503, { intent: 'billing_inquiry' });
    const [{ failedAt }] = await service.deadLetters.list();
    const between = new Date(Date.parse(failedAt) + 1);
    await clockReaches(between);
    const second = await bury(400);
    const all = [first.webhookEventId, second.webhookEventId];
    assert.deepEqual(await idsOf(), all);
    assert.deepEqual(await idsOf({ code: 'BAD_REQUEST' }), [all[1]]);
    assert.deepEqual(await idsOf({ intent: 'billing_inquiry' }), [all[0]]);
    assert.deepEqual(await idsOf({ eventId: all[1] }), [all[1]]);
    assert.deepEqual(await idsOf({ step: 'request' }), all);
    assert.deepEqual(await idsOf({ step: 'publish' }), []);
    assert.deepEqual(await idsOf({ since: between }), [all[1]]);
    assert.deepEqual(await idsOf({ since: between.toISOString(), code: 'BAD_REQUEST' }), [all[1]]);
    assert.deepEqual(await idsOf({ since: '2h' }), all);
    assert.deepEqual(await idsOf({ since: new Date(Date.now() + 60_000) }), []);
  });

  /** @type {Array<[any, RegExp]>} */
  const wrong = [
    [{ since: 'yesterday' }, /^since: expected/], [{ since: 7 }, /^since/], [{ since: new Date('x') }, /^since/], [{ step: 'flight' }, /^step: expected publish/],
    [{ code: '' }, /^code/], [{ until: '2h' }, /^until: is not an option/], ['evt', /^options/],
  ];
  for (const [filter, message] of wrong) {
    it(`refuse the filter ${JSON.stringify(filter)}`, () => assert.rejects(service.deadLetters.list(filter), { code: 'CONFIG_INVALID', message }));
  }

  it('are listed in pages, none twice and none left out', async () => {
    platform.answer = answering(400);
    const events = Array.from({ length: 450 }, () => makeEvent());
    await Promise.all(events.map((event) => stage.handle(service, event)));
    const listed = await idsOf();
    assert.equal(listed.length, 450);
    assert.deepEqual(new Set(listed), new Set(events.map(({ webhookEventId }) => webhookEventId)));
  });

  it('are shown with the payload', async () => {
    const event = await bury(400, { userContext: { name: 'Zoë' } });
    const shown = await service.deadLetters.show(event.webhookEventId);
    assert.deepEqual(shown.payload, event);
    assert.equal(shown.code, 'BAD_REQUEST');
    await assert.rejects(service.deadLetters.show('nobody'), { code: 'NOT_FOUND' });
  });

  it('are exported as the events with the time of their failing', async () => {
    const event = await bury(400);
    const [letter] = await service.deadLetters.list();
    assert.deepEqual(await service.deadLetters.export(), [{ ...event, failedAt: letter.failedAt }]);
  });

  it('are counted by a dry run, and replayed where they fit', async () => {
    const first = await bury(400, { intent: 'a' });
    await bury(400, { intent: 'b' });
    platform.answer = answering(200);
    const before = platform.seen.length;
    assert.deepEqual(await service.deadLetters.replay({ intent: 'a' }, { dryRun: true }), { matched: 1, replayed: 0, accepted: 0, failed: 0 });
    assert.equal(platform.seen.length, before);
    /** @type {any[]} */
    const told = [];
    assert.deepEqual(await service.deadLetters.replay({ intent: 'a' }, { onEach: (result) => told.push(result) }), { matched: 1, replayed: 1, accepted: 0, failed: 0 });
    assert.deepEqual(told, [{ eventId: first.webhookEventId, status: 'replayed' }]);
    assert.equal((await idsOf()).length, 1);
  });

  it('that fail again are replayed once, and stay', async () => {
    for (let i = 0; i < 3; i += 1) await bury(400);
    const before = platform.seen.length;
    /** @type {any[]} */
    const told = [];
    assert.deepEqual(await service.deadLetters.replay(undefined, { onEach: (result) => told.push(result) }), { matched: 3, replayed: 0, accepted: 0, failed: 3 });
    assert.equal(platform.seen.length, before + 3);
    assert.ok(told.every(({ error }) => error.code === 'BAD_REQUEST'));
    assert.equal((await idsOf()).length, 3);
  });

  it('are replayed no faster than the service calls', async () => {
    await service.close();
    service = stage.service({ apiBaseUrl: platform.url, rateLimit: { requests: 1, perMs: 100 } });
    for (let i = 0; i < 3; i += 1) await bury(400);
    platform.answer = answering(200);
    const startMs = performance.now();
    await service.deadLetters.replay();
    assert.ok(performance.now() - startMs >= 190, 'two waits of 100 ms');
  });

  it('are purged, and their senders may not send them again', async () => {
    const event = await bury(400);
    await bury(503);
    assert.equal(await service.deadLetters.purge({ code: 'BAD_REQUEST' }), 1);
    assert.deepEqual((await service.deadLetters.list()).map(({ code }) => code), ['UPSTREAM_ERROR']);
    assert.equal(/** @type {any} */ ((await stage.handle(service, event)).body).status, 'duplicate_skipped');
    await assert.rejects(service.replay(event.webhookEventId), { code: 'NOT_FOUND' });
    assert.equal(await service.deadLetters.purge(), 1);
    assert.deepEqual(await service.deadLetters.list(), []);
  });

  it('are the same for every service on the directory', async () => {
    const event = await bury(400);
    const other = stage.service({ apiBaseUrl: platform.url });
    assert.equal((await other.deadLetters.list())[0].eventId, event.webhookEventId);
    platform.answer = answering(200);
    assert.equal((await other.deadLetters.replay()).replayed, 1);
    assert.deepEqual(await service.deadLetters.list(), []);
  });
});
