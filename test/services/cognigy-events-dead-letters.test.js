// Dead letters and replay: what is kept of a failure, and how it is run again, by HTTP and by method.
'use strict';

const assert = require('node:assert/strict');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { send } = require('../support/send.js');

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ADMIN = 'admin-token-1';

describe('cognigyEvents dead letters', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {import('../..').CognigyEvents} */
  let service;
  /** @type {string} */
  let url;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
    ({ service, url } = await stage.start({ apiBaseUrl: platform.url, adminToken: ADMIN }));
    platform.answer = answering(503);
  });
  afterEach(() => stage.close());

  const recover = () => { platform.answer = answering(200); };
  const keys = () => platform.seen.map(({ headers }) => headers['idempotency-key']);

  /** @param {unknown} body @param {Record<string, string>} [headers] */
  function replay(body, headers = { authorization: `Bearer ${ADMIN}` }) {
    return send(`${url}/debug/replay`, { body: typeof body === 'string' ? body : JSON.stringify(body), headers });
  }

  it('keep every try of what failed, in the documented shape', async () => {
    const beforeMs = Date.now();
    const event = makeEvent();
    assert.equal((await stage.post(url, event)).json.status, 'failed_queued_for_dlq');
    const letters = await service.deadLetters.list();
    assert.equal(letters.length, 1);
    const { tries, failedAt, ...rest } = letters[0];
    assert.deepEqual(rest, {
      eventId: event.webhookEventId, service: 'events', step: 'request', code: 'UPSTREAM_ERROR', status: 503, error: 'Cognigy answered 503', attempts: 4,
    });
    assert.match(failedAt, ISO);
    assert.equal(tries.length, 4);
    let last = beforeMs;
    for (const { at, durationMs, ...one } of tries) {
      assert.deepEqual(one, { code: 'UPSTREAM_ERROR', status: 503 });
      assert.match(at, ISO);
      assert.ok(Date.parse(at) >= last - 2 && Date.parse(at) <= Date.parse(failedAt) + 2, `${at} after ${last}, until ${failedAt}`);
      last = Date.parse(at);
      assert.ok(Number.isInteger(durationMs) && durationMs >= 0);
    }
  });

  it('tell each try apart, and 0 where no answer came', async () => {
    platform.answer = (res, _seen, number) => (number === 1 ? res.socket?.destroy() : res.writeHead(number === 2 ? 429 : 500).end());
    await stage.post(url, makeEvent());
    const [{ tries, code, status }] = await service.deadLetters.list();
    assert.deepEqual(tries.map((one) => [one.code, one.status]), [['CONNECTION_FAILED', 0], ['RATE_LIMITED', 429], ['UPSTREAM_ERROR', 500], ['UPSTREAM_ERROR', 500]]);
    assert.deepEqual([code, status], ['UPSTREAM_ERROR', 500]);
  });

  it('come in the order in which they failed', async () => {
    const events = [makeEvent(), makeEvent(), makeEvent()];
    for (const event of events) await stage.post(url, event);
    assert.deepEqual((await service.deadLetters.list()).map(({ eventId }) => eventId), events.map(({ webhookEventId }) => webhookEventId));
  });

  it('make a re-post of the event a duplicate, before and after a restart', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    recover();
    assert.deepEqual((await stage.post(url, event)).json, { status: 'duplicate_skipped', eventId: event.webhookEventId });
    await service.close();
    const next = stage.service({ apiBaseUrl: platform.url });
    assert.equal(/** @type {any} */ ((await stage.handle(next, event)).body).status, 'duplicate_skipped');
    assert.equal(platform.seen.length, 4);
    assert.equal((await next.deadLetters.list()).length, 1);
  });

  it('are gone once a replay by id has succeeded, under the key of the first tries', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    recover();
    const { status, text } = await replay({ eventId: event.webhookEventId });
    assert.deepEqual([status, text], [200, JSON.stringify({ status: 'replayed', eventId: event.webhookEventId })]);
    assert.deepEqual(await service.deadLetters.list(), []);
    assert.equal(platform.seen.length, 5);
    assert.equal(new Set(keys()).size, 1);
    assert.deepEqual(new Set(platform.seen.map(({ body }) => body)).size, 1, 'the same bytes too');
    assert.equal((await stage.post(url, event)).json.status, 'duplicate_skipped');
  });

  it('are replayed by a full body, and after a restart, under the old key', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    await service.close();
    recover();
    const next = stage.service({ apiBaseUrl: platform.url, adminToken: ADMIN });
    url = await stage.serve(next.router());
    assert.deepEqual((await replay(event)).json, { status: 'replayed', eventId: event.webhookEventId });
    assert.equal(new Set(keys()).size, 1);
    assert.deepEqual(await next.deadLetters.list(), []);
  });

  it('stay one, with its earlier and its new tries, when a replay fails again', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    platform.answer = answering(401);
    const { status, text } = await replay({ eventId: event.webhookEventId });
    assert.deepEqual([status, text], [500, '{"error":"AUTHENTICATION_FAILED: Cognigy answered 401"}']);
    const letters = await service.deadLetters.list();
    assert.deepEqual(letters.map(({ code, attempts, tries }) => [code, attempts, tries.length]), [['AUTHENTICATION_FAILED', 5, 5]]);
    recover();
    assert.equal((await replay({ eventId: event.webhookEventId })).status, 200);
    assert.equal(new Set(keys()).size, 1);
  });

  it('are replayed once by several replays at once', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    /** @type {import('node:http').ServerResponse[]} */
    const held = [];
    platform.answer = (res) => held.push(res);
    const replays = [1, 2, 3].map(() => service.replay(event.webhookEventId));
    await platform.requests(5);
    await service.deadLetters.list(); // reads are answered in order: by now all three have found the event
    for (const res of held) res.end('{}');
    for (const { status } of await Promise.all(replays)) assert.equal(status, 'replayed');
    assert.equal(platform.seen.length, 5);
  });
});

describe('cognigyEvents replay', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {import('../..').CognigyEvents} */
  let service;
  /** @type {string} */
  let url;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
    ({ service, url } = await stage.start({ apiBaseUrl: platform.url, adminToken: ADMIN }));
  });
  afterEach(() => stage.close());

  /** @param {unknown} body @param {Record<string, string>} [headers] */
  function replay(body, headers = { authorization: `Bearer ${ADMIN}` }) {
    return send(`${url}/debug/replay`, { body: typeof body === 'string' ? body : JSON.stringify(body), headers });
  }

  it('runs an event that is done again, under its old key', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    assert.equal((await replay({ eventId: event.webhookEventId })).json.status, 'replayed');
    assert.equal((await replay(event)).json.status, 'replayed');
    assert.equal(platform.seen.length, 3);
    assert.equal(new Set(platform.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
  });

  it('takes a full event that is new, which is then known', async () => {
    const event = makeEvent();
    assert.deepEqual((await replay(event)).json, { status: 'replayed', eventId: event.webhookEventId });
    assert.equal((await stage.post(url, event)).json.status, 'duplicate_skipped');
    assert.equal(platform.seen.length, 1);
  });

  it('takes a full event that is new once, however many replays of it come at once', async () => {
    const event = makeEvent();
    const answers = await Promise.all(Array.from({ length: 10 }, () => replay(event)));
    for (const { status } of answers) assert.equal(status, 200);
    assert.equal(new Set(platform.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
    assert.equal(service.stats().accepted, 1);
  });

  it('does so where the replays are calls in one turn, too', async () => {
    const event = makeEvent();
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.replay(event)));
    for (const answer of answers) assert.deepEqual(answer, { status: 'replayed', eventId: event.webhookEventId });
    assert.equal(new Set(platform.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
    assert.equal(service.stats().accepted, 1);
    assert.equal(service.stats().pending, 0);
  });

  it('waits for an event that is under way instead of running it twice', async () => {
    /** @type {import('node:http').ServerResponse[]} */
    const held = [];
    platform.answer = (res) => held.push(res);
    const event = makeEvent();
    const posted = stage.post(url, event);
    await platform.requests(1);
    const replayed = service.replay(event.webhookEventId);
    await service.deadLetters.list(); // comes behind the replay
    for (const res of held) res.end('{}');
    assert.equal((await posted).json.status, 'processed');
    assert.equal((await replayed).status, 'replayed');
    assert.equal(platform.seen.length, 1);
  });

  it('answers 202 when it takes longer than respondWithinMs, and goes on', async () => {
    const event = makeEvent();
    await stage.post(url, event);
    await service.close();
    const next = stage.service({ apiBaseUrl: platform.url, adminToken: ADMIN, respondWithinMs: 1 });
    url = await stage.serve(next.router());
    /** @type {import('node:http').ServerResponse[]} */
    const held = [];
    platform.answer = (res) => held.push(res);
    assert.deepEqual([(await replay({ eventId: event.webhookEventId })).json], [{ status: 'accepted', eventId: event.webhookEventId }]);
    stage.logger.lines.length = 0;
    await platform.requests(2);
    held[0].end();
    assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.status, 'SUCCESS');
  });

  it('answers 404 for an id that is not stored', async () => {
    for (const eventId of ['unknown', 'x'.repeat(2000), 'a\0b', '__proto__', "'; DROP TABLE events; --", '%']) {
      const { status, json } = await replay({ eventId });
      assert.equal(status, 404, eventId);
      assert.match(json.error, /^NOT_FOUND: /);
    }
    assert.equal(platform.seen.length, 0);
  });

  for (const body of ['', 'x', 'null', '[]', '"evt"', '7', '{}', '{"eventId":""}', '{"eventId":7}', '{"eventId":null}', '{"webhookEventId":"x"}', '{"id":"x"}', '{"eventId":"x","webhookEventId":"y"}', '\ufeff{}']) {
    it(`answers 400 to ${JSON.stringify(body)}`, async () => {
      const { status, json } = await replay(body);
      assert.equal(status, 400, JSON.stringify(json));
      assert.match(json.error, /^Malformed payload/);
      assert.equal(platform.seen.length, 0);
    });
  }

  it('answers 413 to a body over 1 MiB, and 500 to one that a parser has eaten', async () => {
    assert.equal((await replay('x'.repeat(2 ** 20 + 1))).status, 413);
    const app = require('express')();
    app.use(require('express').json(), service.router());
    const eaten = await send(`${await stage.serve(app)}/debug/replay`, { body: '{"eventId":"x"}', headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' } });
    assert.equal(eaten.status, 500);
    assert.match(eaten.json.error, /^BODY_CONSUMED/);
  });

  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', 'Bearer wrong', `Bearer ${ADMIN}x`, `Bearer ${ADMIN.slice(1)}`, ADMIN, `Basic ${ADMIN}`, `Bearer ${ADMIN} ${ADMIN}`, 'Bearer ' + 'x'.repeat(8000)]) {
    it(`answers 401 to Authorization: ${String(authorization).slice(0, 40)}`, async () => {
      const event = makeEvent();
      const { status, headers, json } = await replay(event, authorization === undefined ? {} : { authorization });
      assert.equal(status, 401);
      assert.equal(headers['www-authenticate'], 'Bearer');
      assert.deepEqual(Object.keys(json), ['error']);
      assert.equal(platform.seen.length, 0);
    });
  }

  it('takes the scheme of the token in any case', async () => {
    assert.equal((await replay(makeEvent(), { authorization: `bearer ${ADMIN}` })).status, 200);
  });

  it('does not exist without an admin token', async () => {
    await service.close();
    const bare = await stage.start({ apiBaseUrl: platform.url, retry: FAST_RETRY });
    for (const headers of [{}, { authorization: 'Bearer undefined' }, { authorization: 'Bearer ' }]) {
      assert.equal((await send(`${bare.url}/debug/replay`, { body: JSON.stringify(makeEvent()), headers })).status, 404);
    }
  });

  it('is a method too: resolves, or rejects with why', async () => {
    const event = makeEvent();
    assert.deepEqual(await service.replay(event), { status: 'replayed', eventId: event.webhookEventId });
    assert.deepEqual(await service.replay(event.webhookEventId), { status: 'replayed', eventId: event.webhookEventId });
    await assert.rejects(service.replay('unknown'), { code: 'NOT_FOUND', retryable: false });
    for (const wrong of ['', {}, null, 7, [], undefined, { ...event, intent: '' }]) {
      await assert.rejects(service.replay(/** @type {any} */ (wrong)), { code: 'MALFORMED_PAYLOAD', message: /^Malformed payload/ }, JSON.stringify(wrong));
    }
    platform.answer = answering(403);
    await assert.rejects(service.replay(event.webhookEventId), { code: 'AUTHORIZATION_FAILED', status: 403, attempts: 1 });
    platform.answer = answering(429, { 'retry-after': '100' });
    await assert.rejects(service.replay(event.webhookEventId), { code: 'RATE_LIMITED', retryAfterMs: 100_000, retryable: true });
  });
});
