// Order within a key, the deadline of a delivery, and the platform's limits: rate and breaker.
'use strict';

const assert = require('node:assert/strict');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

/** @typedef {import('../..').CognigyEventsOptions} Options */

/** Shows the event in its path. @type {Options['resource']} */
const BY_ID = { method: 'PUT', path: '/{eventId}' };

/** @param {unknown} answer @returns {any} */
const bodyOf = (answer) => /** @type {any} */ (answer).body;

describe('cognigyEvents in order', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {import('node:http').ServerResponse[]} */
  let held;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
    held = [];
    platform.answer = (res) => held.push(res);
  });
  afterEach(() => stage.close());

  /** @param {Options} [options] */
  const start = (options) => stage.service({ apiBaseUrl: platform.url, resource: BY_ID, ...options });
  const ids = () => platform.seen.map(({ url }) => url.slice(1));

  /** @param {string} id @param {object} [more] */
  const event = (id, more) => makeEvent({ webhookEventId: id, sessionId: id[0], ...more });

  it('works on the events of a session one after the other, and on sessions side by side', async () => {
    const service = start({ orderBy: 'sessionId' });
    const answers = ['a1', 'a2', 'b1', 'a3', 'b2'].map((id) => stage.handle(service, event(id)));
    await platform.requests(2);
    assert.deepEqual(ids(), ['a1', 'b1']);
    held[0].end();
    await platform.requests(3);
    assert.deepEqual(ids(), ['a1', 'b1', 'a2']);
    platform.answer = answering(200);
    for (const res of held.slice(1)) res.end();
    for (const answer of await Promise.all(answers)) assert.equal(bodyOf(answer).status, 'processed');
    assert.deepEqual(ids().filter((id) => id[0] === 'a'), ['a1', 'a2', 'a3']);
    assert.deepEqual(ids().filter((id) => id[0] === 'b'), ['b1', 'b2']);
  });

  it('by dialog and by intent too, and not at all by default', async () => {
    for (const [orderBy, expected] of /** @type {Array<[Options['orderBy'], string[]]>} */ ([['dialogId', ['x', 'z']], ['intent', ['x', 'y']], [undefined, ['x', 'y', 'z']]])) {
      platform.seen.length = 0;
      const service = start({ orderBy, dataDir: `${stage.dataDir}-${orderBy}`, respondWithinMs: 1 });
      // Each answer is 202: by then the event is on disk, and at work or in line.
      await stage.handle(service, event('x', { dialogId: 'd1', intent: 'i1' }));
      await stage.handle(service, event('y', { dialogId: 'd1', intent: 'i2' }));
      await stage.handle(service, event('z', { dialogId: 'd2', intent: 'i1' }));
      await platform.requests(expected.length);
      assert.deepEqual(ids(), expected, orderBy);
      platform.answer = answering(200);
      for (const res of held.splice(0)) res.end();
      await until(() => service.stats().pending === 0, 'all to be done');
      platform.answer = (res) => held.push(res);
    }
  });

  it('lets the next go on after a dead letter, and keeps the order over retries and a restart', async () => {
    const first = start({ orderBy: 'sessionId', retry: { ...FAST_RETRY, attempts: 2 }, respondWithinMs: 1 });
    for (const id of ['a1', 'a2', 'a3', 'a4']) assert.equal(bodyOf(await stage.handle(first, event(id))).status, 'accepted');
    await platform.requests(1);
    held.shift()?.writeHead(404).end();
    await platform.requests(2);
    held.shift()?.writeHead(503).end();
    await platform.requests(3);
    assert.deepEqual(ids(), ['a1', 'a2', 'a2']);
    platform.answer = (res) => res.socket?.destroy();
    const closed = first.close();
    await new Promise(setImmediate); // by now the engine knows
    held.shift()?.writeHead(200).end();
    await closed;

    platform.seen.length = 0;
    platform.answer = answering(200);
    const second = start({ orderBy: 'sessionId' });
    await second.ready();
    await stage.handle(second, event('a5'));
    assert.deepEqual(ids(), ['a3', 'a4', 'a5']);
    await second.replay('a1');
    assert.deepEqual(ids(), ['a3', 'a4', 'a5', 'a1']);
  });

  it('refuses what events cannot be ordered by', () => {
    for (const orderBy of ['', 'session', 'eventId', null, true]) {
      assert.throws(() => start({ orderBy: /** @type {any} */ (orderBy) }), { code: 'CONFIG_INVALID', message: /^orderBy: expected sessionId or dialogId or intent, got / });
    }
  });
});

describe('cognigyEvents with a deadline', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
  });
  afterEach(() => stage.close());

  /** @param {Options} [options] */
  const start = (options) => stage.service({ apiBaseUrl: platform.url, ...options });
  const LATER = { ...FAST_RETRY, baseMs: 3_600_000, maxMs: 3_600_000 };

  it('buries with TIMEOUT what is not done when it passes', async () => {
    platform.answer = answering(503);
    const service = start({ deadlineMs: 500, retry: LATER });
    const { body } = await stage.handle(service, makeEvent());
    assert.deepEqual([bodyOf({ body }).status, bodyOf({ body }).error], ['failed_queued_for_dlq', "TIMEOUT: the delivery's deadline of 500 ms passed"]);
    assert.deepEqual((await service.deadLetters.list()).map(({ step, code }) => [step, code]), [['request', 'TIMEOUT']]);
  });

  it('holds for a sink that never answers as well', async () => {
    const service = start({ deadlineMs: 50, queue: { publish: () => new Promise(() => {}) } });
    assert.match(bodyOf(await stage.handle(service, makeEvent())).error, /^TIMEOUT: the delivery's deadline of 50 ms passed$/);
    assert.equal((await service.deadLetters.list())[0].step, 'publish');
    assert.equal(platform.seen.length, 0);
  });

  it('counts from the arrival, over a restart, without another call; a replay has one of its own', async () => {
    platform.answer = answering(503);
    const event = makeEvent();
    const first = start({ retry: LATER });
    const answered = stage.handle(first, event);
    await platform.requests(1);
    await first.close();
    await answered;
    platform.answer = answering(200);
    const second = start({ deadlineMs: 1 });
    await second.ready();
    assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.code, 'TIMEOUT');
    assert.equal(platform.seen.length, 1);
    await second.close();
    const third = start({ deadlineMs: 60_000 });
    assert.equal((await third.replay(event.webhookEventId)).status, 'replayed');
  });

  it('leaves alone what is done in time', async () => {
    const service = start({ deadlineMs: 60_000 });
    assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed');
    assert.deepEqual([service.stats().dead, service.stats().oldestAgeMs], [0, 0]);
  });

  it('tells how old the oldest event under way is', async () => {
    platform.answer = answering(503);
    const service = start({ retry: LATER, respondWithinMs: 1 });
    await stage.handle(service, makeEvent());
    await until(() => service.stats().oldestAgeMs > 0, 'an age');
    assert.equal(service.stats().pending, 1);
  });
});

describe("cognigyEvents within the platform's limits", () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
  });
  afterEach(() => stage.close());

  it('keeps to a rate', async () => {
    const service = stage.service({ apiBaseUrl: platform.url, rateLimit: { requests: 1, perMs: 80 }, respondWithinMs: 600_000 });
    const beganMs = performance.now();
    await Promise.all([1, 2, 3].map(() => stage.handle(service, makeEvent())));
    assert.equal(platform.seen.length, 3);
    assert.ok(performance.now() - beganMs >= 2 * 80 - 2, 'two had to wait');
  });

  it('holds deliveries while the breaker is open, and buries none of them', async () => {
    platform.answer = answering(503);
    const service = stage.service({ apiBaseUrl: platform.url, breaker: { failures: 2, windowMs: 60_000, openMs: 150 }, retry: { ...FAST_RETRY, attempts: 3 }, respondWithinMs: 600_000 });
    const first = stage.handle(service, makeEvent());
    await platform.requests(2);
    platform.answer = answering(200);
    const others = [1, 2, 3, 4].map(() => stage.handle(service, makeEvent()));
    for (const answer of await Promise.all([first, ...others])) assert.equal(bodyOf(answer).status, 'processed');
    assert.equal(platform.seen.length, 7, 'nothing was sent in vain');
    assert.equal(service.stats().dead, 0);
  });

  it('refuses half a limit, and has none unless asked for', () => {
    for (const [options, message] of /** @type {Array<[any, RegExp]>} */ ([
      [{ rateLimit: { requests: 1 } }, /^rateLimit\.perMs: expected an integer from 1 to 86400000, got a value of type undefined$/],
      [{ breaker: true }, /^breaker\.failures: /], [{ breaker: { failures: 1, windowMs: 1, openMs: 1, more: 1 } }, /^breaker\.more: expected one of failures, windowMs, openMs/],
      [{ deadlineMs: 0 }, /^deadlineMs: expected an integer from 1 to /],
    ])) {
      assert.throws(() => stage.service({ apiBaseUrl: platform.url, ...options }), { code: 'CONFIG_INVALID', message });
    }
    stage.service({ apiBaseUrl: platform.url, rateLimit: undefined, breaker: false });
  });
});
