// One id, one delivery: however many posts of it come, at once, one after the other, and for how long.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { makeEvent } = require('../support/events.js');
const { openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

describe('cognigyEvents duplicates', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  it('makes one state update of 200 posts of one id at once', async () => {
    const { service, url } = await stage.start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
    const event = makeEvent();
    const answers = await Promise.all(Array.from({ length: 200 }, () => stage.post(url, event, { agent })));
    agent.destroy();
    const told = answers.map(({ status, json }) => `${status} ${json.status}`);
    assert.deepEqual([told.filter((one) => one === '200 processed').length, told.filter((one) => one === '200 duplicate_skipped').length], [1, 199]);
    assert.equal(stage.posts().length, 1);
    const { accepted, duplicates, processed } = service.stats();
    assert.deepEqual({ accepted, duplicates, processed }, { accepted: 1, duplicates: 199, processed: 1 });
  });

  it('does so for calls of handle() in one turn, too', async () => {
    const service = stage.service();
    const event = makeEvent();
    const answers = await Promise.all(Array.from({ length: 200 }, () => stage.handle(service, event)));
    assert.equal(answers.filter(({ body }) => /** @type {any} */ (body).status === 'processed').length, 1);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(stage.posts().length, 1);
  });

  it('makes one state update for each of 200 ids at once', async () => {
    const { service, url } = await stage.start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
    const events = Array.from({ length: 200 }, () => makeEvent());
    for (const { json } of await Promise.all(events.map((event) => stage.post(url, event, { agent })))) assert.equal(json.status, 'processed');
    agent.destroy();
    assert.equal(stage.posts().length, 200);
    assert.equal(new Set(stage.posts().map(({ idempotencyKey }) => idempotencyKey)).size, 200);
    assert.equal(service.stats().pending, 0);
  });

  it('answers a duplicate at once while the first is still being worked on', async () => {
    const platform = await stage.platform();
    const { url } = await stage.start({ apiBaseUrl: platform.url });
    /** @type {http.ServerResponse[]} */
    const held = [];
    platform.answer = (res) => held.push(res);
    const event = makeEvent();
    const first = stage.post(url, event);
    await platform.requests(1);
    assert.deepEqual((await stage.post(url, event)).json, { status: 'duplicate_skipped', eventId: event.webhookEventId });
    held[0].end('{}');
    assert.equal((await first).json.status, 'processed');
  });

  it('tells a duplicate of what could not be stored 503 too', async () => {
    const service = stage.service({ dataDir: __filename });
    const event = makeEvent();
    const answers = await Promise.all([1, 2, 3].map(() => stage.handle(service, event)));
    assert.deepEqual(answers.map(({ status }) => status), [503, 503, 503]);
  });

  it('asks for the signature of a duplicate as well', async () => {
    const { url } = await stage.start();
    const event = makeEvent();
    await stage.post(url, event);
    assert.equal((await stage.post(url, event, { headers: { 'x-cognigy-signature': '00' } })).status, 403);
  });

  it('takes an id anew at the end of its lifetime', async () => {
    const service = stage.service({ idempotency: { capacity: 16, ttlMs: 1 } });
    const event = makeEvent();
    assert.equal(/** @type {any} */ ((await stage.handle(service, event)).body).status, 'processed');
    await until(async () => /** @type {any} */ ((await stage.handle(service, event)).body).status === 'processed', 'the id to be forgotten');
    assert.ok(stage.posts().length >= 2);
  });

  it('forgets the id that was done first when there is room for no more, and counts it', async () => {
    const service = stage.service({ idempotency: { capacity: 2 } });
    const [a, b, c] = [makeEvent(), makeEvent(), makeEvent()];
    for (const event of [a, b, c]) await stage.handle(service, event);
    const { size, capacity, evicted, memoryBytes } = service.stats().ring;
    assert.deepEqual({ size, capacity, evicted }, { size: 2, capacity: 2, evicted: 1 });
    assert.ok(memoryBytes > 0 && memoryBytes <= 8192);
    assert.equal(/** @type {any} */ ((await stage.handle(service, c)).body).status, 'duplicate_skipped');
    assert.equal(/** @type {any} */ ((await stage.handle(service, a)).body).status, 'processed');
  });
});
