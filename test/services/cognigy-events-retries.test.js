// A call that fails: what is tried again, how long it waits, that every try is the same, and what ends the tries.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');

describe('cognigyEvents retries', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
  });
  afterEach(() => stage.close());

  /** @param {import('../..').CognigyEventsOptions} [options] */
  const start = (options) => stage.service({ apiBaseUrl: platform.url, ...options });

  /** Every try sent the same. */
  function assertSameTries() {
    const tries = platform.seen.map(({ method, url, headers, body }) => ({ method, url, body, key: headers['idempotency-key'], authorization: headers.authorization }));
    for (const one of tries) assert.deepEqual(one, tries[0]);
  }

  it('gets through after three times 503, with the same key and bytes at every try', async () => {
    platform.answer = (res, _seen, number) => res.writeHead(number <= 3 ? 503 : 200).end('{}');
    const service = start();
    assert.equal((await stage.handle(service, makeEvent())).status, 200);
    assert.equal(platform.seen.length, 4);
    assertSameTries();
    const { accepted, processed, retried, dead } = service.stats();
    assert.deepEqual({ accepted, processed, retried, dead }, { accepted: 1, processed: 1, retried: 3, dead: 0 });
  });

  for (const status of [408, 429, 500, 502, 503, 504, 599]) {
    it(`tries again after ${status}`, async () => {
      platform.answer = (res, _seen, number) => res.writeHead(number === 1 ? status : 204).end();
      assert.equal(/** @type {any} */ ((await stage.handle(start(), makeEvent())).body).status, 'processed');
      assert.equal(platform.seen.length, 2);
      assertSameTries();
    });
  }

  for (const [status, code] of /** @type {Array<[number, string]>} */ ([[400, 'BAD_REQUEST'], [401, 'AUTHENTICATION_FAILED'], [403, 'AUTHORIZATION_FAILED'], [404, 'NOT_FOUND'],
    [409, 'CONFLICT'], [422, 'BAD_REQUEST'], [501, 'UPSTREAM_ERROR'], [301, 'UNEXPECTED_STATUS'], [304, 'UNEXPECTED_STATUS']])) {
    it(`does not try again after ${status}: ${code}`, async () => {
      platform.answer = answering(status, { location: platform.url });
      const event = makeEvent();
      const { status: told, body } = await stage.handle(start(), event);
      assert.deepEqual([told, body], [200, { status: 'failed_queued_for_dlq', eventId: event.webhookEventId, error: `${code}: Cognigy answered ${status}` }]);
      assert.equal(platform.seen.length, 1);
    });
  }

  it('takes any 2xx for a success', async () => {
    const service = start();
    for (const status of [200, 201, 202, 204, 299]) {
      platform.answer = answering(status);
      assert.equal(/** @type {any} */ ((await stage.handle(service, makeEvent())).body).status, 'processed', String(status));
    }
    assert.equal(platform.seen.length, 5);
  });

  it('waits out a Retry-After in seconds', async () => {
    /** @type {number[]} */
    const times = [];
    platform.answer = (res, _seen, number) => {
      times.push(performance.now());
      res.writeHead(number === 1 ? 429 : 200, { 'retry-after': '1' }).end('{}');
    };
    assert.equal((await stage.handle(start(), makeEvent())).status, 200);
    assert.ok(times[1] - times[0] >= 990, `${times[1] - times[0]} ms`);
  });

  it('waits out a Retry-After that is a date', async () => {
    const date = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
    platform.answer = (res, _seen, number) => {
      if (number > 1) assert.ok(Date.now() >= date.getTime() - 5, `tried ${date.getTime() - Date.now()} ms too early`);
      res.writeHead(number === 1 ? 503 : 200, { 'retry-after': date.toUTCString() }).end('{}');
    };
    assert.equal(/** @type {any} */ ((await stage.handle(start(), makeEvent())).body).status, 'processed');
    assert.equal(platform.seen.length, 2);
  });

  it('ends the tries at a Retry-After beyond maxRetryAfterMs', async () => {
    platform.answer = answering(429, { 'retry-after': '61' });
    const { body } = await stage.handle(start(), makeEvent());
    assert.equal(/** @type {any} */ (body).error, 'RATE_LIMITED: Cognigy answered 429');
    assert.equal(platform.seen.length, 1);
  });

  it('takes an odd Retry-After for none, and one in the past for now', async () => {
    const odd = ['soon', '-5', '1e9', '', 'Wed, 21 Oct 2015 07:28:00 GMT'];
    platform.answer = (res, _seen, number) => res.writeHead(number <= odd.length ? 503 : 200, { 'retry-after': odd[number - 1] ?? '' }).end('{}');
    assert.equal(/** @type {any} */ ((await stage.handle(start({ retry: { ...FAST_RETRY, attempts: 6 } }), makeEvent())).body).status, 'processed');
    assert.equal(platform.seen.length, 6);
  });

  /** @type {Array<[any, boolean]>} */
  const faults = [[{ drop: 'before' }, false], [{ drop: 'after' }, true], [{ drop: 'mid-body' }, true], [{ garbage: true }, true]];
  for (const [fault, handled] of faults) {
    it(`tries again after ${JSON.stringify(fault)}, and the platform ${handled ? 'knows the key already' : 'has not seen it'}`, async () => {
      stage.sandbox.faults.add({ ...fault, times: 2 });
      assert.equal(/** @type {any} */ ((await stage.handle(stage.service(), makeEvent())).body).status, 'processed');
      const posts = stage.posts();
      assert.ok(posts.length >= 3, `${posts.length} requests`);
      assert.equal(new Set(posts.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
      assert.deepEqual(posts.at(-1)?.status, 200);
      assert.equal(posts.at(-1)?.replayed, handled);
    });
  }

  it('tries again when no answer comes within timeoutMs', async () => {
    platform.answer = (res, _seen, number) => number > 1 && res.end('{}');
    assert.equal(/** @type {any} */ ((await stage.handle(start({ timeoutMs: 30, retry: { ...FAST_RETRY, attempts: 1000 } }), makeEvent())).body).status, 'processed');
    assertSameTries();
  });

  it('takes an answer that stops in the middle for one that does not come', async () => {
    platform.answer = (res) => res.writeHead(200, { 'content-length': '10' }).write('{');
    const service = start({ timeoutMs: 20, retry: { ...FAST_RETRY, attempts: 2 } });
    const { body } = await stage.handle(service, makeEvent());
    assert.match(/** @type {any} */ (body).error, /^TIMEOUT: /);
    assert.equal((await service.deadLetters.list())[0].attempts, 2);
  });

  it('replaces a kept connection that the platform closed, without counting a try', async () => {
    platform.answer = (res) => res.end('{}', () => res.socket?.destroy());
    const service = start({ retry: { ...FAST_RETRY, attempts: 1 } });
    for (let i = 0; i < 10; i += 1) assert.equal(/** @type {any} */ ((await stage.handle(service, makeEvent())).body).status, 'processed');
    assert.equal(service.stats().retried, 0);
  });

  it('gives up on an answer larger than 1 MiB at once', async () => {
    platform.answer = (res) => res.end('x'.repeat(2 ** 20 + 1));
    const { body } = await stage.handle(start(), makeEvent());
    assert.match(/** @type {any} */ (body).error, /^RESPONSE_TOO_LARGE: /);
    assert.equal(platform.seen.length, 1);
  });

  it('tells CONNECTION_FAILED when nobody listens, after all its tries', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (server.address());
    server.close();
    await once(server, 'close');
    const service = start({ apiBaseUrl: `http://127.0.0.1:${port}` });
    assert.match(/** @type {any} */ ((await stage.handle(service, makeEvent())).body).error, /^CONNECTION_FAILED: /);
    assert.equal((await service.deadLetters.list())[0].attempts, 4);
  });

  it('tells why it cannot speak TLS to a server without it, and does not hang', async () => {
    const service = start({ apiBaseUrl: platform.url.replace('http:', 'https:') });
    assert.match(/** @type {any} */ ((await stage.handle(service, makeEvent())).body).error, /^(TLS_FAILED|CONNECTION_FAILED): /);
    assert.equal(platform.seen.length, 0);
  });

  it('makes as many tries as the policy says', async () => {
    platform.answer = answering(500);
    for (const attempts of [1, 2, 7]) {
      platform.seen.length = 0;
      const service = start({ retry: { ...FAST_RETRY, attempts }, dataDir: `${stage.dataDir}-${attempts}` });
      await stage.handle(service, makeEvent());
      assert.equal(platform.seen.length, attempts);
      assert.equal((await service.deadLetters.list())[0].tries.length, attempts);
    }
  });

  it('tries again after what the policy names, and nothing else', async () => {
    for (const [on, status, tries] of /** @type {Array<[Array<number | 'network' | 'timeout'>, number, number]>} */ ([[[404], 404, 2], [[404], 503, 1], [['network'], 503, 1], [[], 500, 1], [[503, 'timeout'], 503, 2]])) {
      platform.seen.length = 0;
      platform.answer = answering(status);
      await stage.handle(start({ retry: { ...FAST_RETRY, attempts: 2, on }, dataDir: `${stage.dataDir}-${on}-${status}` }), makeEvent());
      assert.equal(platform.seen.length, tries, `${on} and ${status}`);
    }
  });

  it('begins no try after maxElapsedMs', async () => {
    platform.answer = answering(500);
    await stage.handle(start({ retry: { ...FAST_RETRY, attempts: 1000, baseMs: 50, maxMs: 50, maxElapsedMs: 20 } }), makeEvent());
    assert.equal(platform.seen.length, 1);
  });

  it('ends with AUTHENTICATION_FAILED for a wrong token and AUTHORIZATION_FAILED for one without the scope, after one try', async () => {
    for (const [apiToken, code, status] of /** @type {Array<[string, string, number]>} */ ([['wrong', 'AUTHENTICATION_FAILED', 401], ['sandbox-cognigy-token-read-only', 'AUTHORIZATION_FAILED', 403]])) {
      stage.sandbox.reset();
      const service = stage.service({ apiToken, dataDir: `${stage.dataDir}-${status}` });
      const { body } = await stage.handle(service, makeEvent());
      assert.equal(/** @type {any} */ (body).error, `${code}: Cognigy answered ${status}`);
      assert.deepEqual(stage.posts().map((post) => post.status), [status]);
      const [letter] = await service.deadLetters.list();
      assert.deepEqual([letter.code, letter.status, letter.attempts], [code, status, 1]);
    }
  });
});
