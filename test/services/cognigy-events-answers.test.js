// The event service over HTTP: every row of its answer table, on a plain server and in Express, and what is not its own.
'use strict';

const assert = require('node:assert/strict');
const express = require('express');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { openStage } = require('../support/stage.js');
const { send } = require('../support/send.js');

/** @typedef {import('../support/stage.js').Stage} Stage */

/** @type {Record<string, (service: import('../..').CognigyEvents) => any>} */
const MOUNTS = {
  'http.createServer': (service) => service.router(),
  'Express 5': (service) => {
    const app = express();
    app.use(service.router());
    app.use(express.json());
    return app.use((/** @type {any} */ req, /** @type {any} */ res) => res.status(418).json({ next: req.url, body: req.body ?? null }));
  },
};

for (const [mount, handlerOf] of Object.entries(MOUNTS)) {
  describe(`cognigyEvents on ${mount}`, () => {
    /** @type {Stage} */
    let stage;

    beforeEach(async () => { stage = await openStage(); });
    afterEach(() => stage.close());

    /** @param {import('../..').CognigyEventsOptions} [options] */
    async function start(options) {
      const service = stage.service(options);
      return { service, url: await stage.serve(handlerOf(service)) };
    }

    it('answers 200 processed once routed and the dialog state updated', async () => {
      const { url } = await start();
      const event = makeEvent();
      const { status, headers, text } = await stage.post(url, event);
      assert.equal(status, 200);
      assert.equal(text, JSON.stringify({ status: 'processed', eventId: event.webhookEventId }));
      assert.match(headers['content-type'] ?? '', /^application\/json/);
      assert.equal(stage.posts().length, 1);
      assert.equal(stage.posts()[0].status, 200);
    });

    it('answers 200 duplicate_skipped for an id that was seen', async () => {
      const { url } = await start();
      const event = makeEvent();
      await stage.post(url, event);
      const { status, json } = await stage.post(url, { ...event, intent: 'other' });
      assert.deepEqual([status, json], [200, { status: 'duplicate_skipped', eventId: event.webhookEventId }]);
      assert.equal(stage.posts().length, 1);
    });

    it('answers 401 without a signature, or with an empty one', async () => {
      const { url, service } = await start();
      for (const headers of [{}, { 'x-cognigy-signature': '' }]) {
        const { status, text } = await send(`${url}/webhook/cognigy`, { body: JSON.stringify(makeEvent()), headers });
        assert.deepEqual([status, text], [401, '{"error":"Missing X-Cognigy-Signature header"}']);
      }
      assert.equal(service.stats().accepted, 0);
      assert.equal(stage.sandbox.requests.total, 0);
    });

    it('answers 403 to a wrong signature', async () => {
      const { url, service } = await start();
      const { status, text } = await stage.post(url, makeEvent(), { headers: { 'x-cognigy-signature': 'f'.repeat(64) } });
      assert.deepEqual([status, text], [403, '{"error":"Invalid webhook signature"}']);
      assert.equal(service.stats().accepted, 0);
      assert.equal(stage.sandbox.requests.total, 0);
    });

    it('answers 413 to a body over 1 MiB', async () => {
      const { url } = await start();
      assert.equal((await stage.post(url, Buffer.alloc(2 ** 20 + 1, 0x20))).status, 413);
    });

    it('answers 400 naming the fields that are missing', async () => {
      const { url } = await start();
      const { status, text } = await stage.post(url, { intent: 'x', sessionId: 'y' });
      assert.deepEqual([status, text], [400, '{"error":"Malformed payload. Missing fields: webhookEventId, dialogId"}']);
    });

    it('answers 202 accepted after respondWithinMs, and the work goes on', async () => {
      const platform = await stage.platform();
      const { url } = await start({ apiBaseUrl: platform.url, respondWithinMs: 1 });
      /** @type {import('node:http').ServerResponse[]} */
      const held = [];
      platform.answer = (res) => held.push(res);
      const event = makeEvent();
      const { status, text } = await stage.post(url, event);
      assert.deepEqual([status, text], [202, JSON.stringify({ status: 'accepted', eventId: event.webhookEventId })]);
      await platform.requests(1);
      held[0].end('{}');
      assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.status, 'SUCCESS');
      assert.equal((await stage.post(url, event)).json.status, 'duplicate_skipped');
    });

    it('answers 200 failed_queued_for_dlq when it has become a dead letter', async () => {
      const platform = await stage.platform();
      const { url, service } = await start({ apiBaseUrl: platform.url });
      platform.answer = answering(503);
      const event = makeEvent();
      const { status, text } = await stage.post(url, event);
      const expected = { status: 'failed_queued_for_dlq', eventId: event.webhookEventId, error: 'UPSTREAM_ERROR: Cognigy answered 503' };
      assert.deepEqual([status, text], [200, JSON.stringify(expected)]);
      assert.equal((await service.deadLetters.list()).length, 1);
    });

    it('answers 503 with Retry-After when it cannot be stored', async () => {
      const { url } = await start({ dataDir: __filename });
      const { status, headers, json } = await stage.post(url, makeEvent());
      assert.equal(status, 503);
      assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
      assert.match(json.error, /^STORE_UNAVAILABLE: /);
      assert.equal(stage.sandbox.requests.total, 0);
    });

    it('answers GET /health', async () => {
      const { url } = await start();
      const { status, text } = await send(`${url}/health`, { method: 'GET' });
      assert.deepEqual([status, text], [200, '{"status":"ok"}']);
    });

    it('does not mind a query', async () => {
      const { url } = await start();
      const body = JSON.stringify(makeEvent());
      const { status } = await send(`${url}/webhook/cognigy?from=cognigy&x=/y`, { body, headers: stage.headersFor(body) });
      assert.equal(status, 200);
    });

    it('takes a chunked upload', async () => {
      const { url } = await start();
      const body = JSON.stringify(makeEvent({ text: 'ü'.repeat(1000) }));
      const bytes = Buffer.from(body);
      const chunks = [bytes.subarray(0, 1), bytes.subarray(1, 501), bytes.subarray(501, 1502), bytes.subarray(1502)];
      assert.equal((await send(`${url}/webhook/cognigy`, { chunks, headers: stage.headersFor(body) })).status, 200);
    });
  });
}

describe('cognigyEvents router', () => {
  /** @type {Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  it('answers 404 and 405 where there is nobody to go on to', async () => {
    const { url } = await stage.start({ adminToken: 'admin' });
    for (const path of ['/', '/webhook', '/webhook/cognigy/', '/WEBHOOK/COGNIGY', '/webhook/cognigy/x', '//webhook/cognigy', '/__proto__', '/constructor']) {
      const { status, json } = await stage.post(`${url}${path}?`, makeEvent());
      assert.deepEqual([status, json], [404, { error: 'Not found' }], path);
    }
    for (const [method, path, allow] of [['GET', '/webhook/cognigy', 'POST'], ['PUT', '/webhook/cognigy', 'POST'], ['POST', '/health', 'GET'], ['GET', '/debug/replay', 'POST']]) {
      const { status, headers, json } = await send(url + path, { method });
      assert.deepEqual([status, headers.allow, json], [405, allow, { error: 'Method not allowed' }], `${method} ${path}`);
    }
    assert.equal(stage.sandbox.requests.total, 0);
  });

  it('goes on to next for everything else in Express, with the body untouched', async () => {
    const url = await stage.serve(MOUNTS['Express 5'](stage.service()));
    const headers = { 'content-type': 'application/json' };
    const posted = await send(`${url}/other`, { body: '{"a":1}', headers });
    assert.deepEqual([posted.status, posted.json], [418, { next: '/other', body: { a: 1 } }]);
    for (const [method, path] of [['GET', '/webhook/cognigy'], ['POST', '/debug/replay'], ['GET', '/']]) {
      assert.equal((await send(url + path, { method })).json.next, path, `${method} ${path}`);
    }
  });

  it('mounts under a prefix', async () => {
    const app = express();
    app.use('/hooks', stage.service().router());
    const url = await stage.serve(app);
    assert.equal((await stage.post(`${url}/hooks`, makeEvent())).json.status, 'processed');
    assert.equal((await stage.post(url, makeEvent())).status, 404);
  });

  /** @type {Array<[string, () => any]>} */
  const parsers = [
    ['express.json()', () => express.json()],
    ['express.text()', () => express.text({ type: '*/*' })],
    ['a middleware that has read the stream', () => (/** @type {any} */ req, /** @type {any} */ _res, /** @type {any} */ next) => req.resume().on('end', next)],
  ];
  for (const [name, makeParser] of parsers) {
    it(`answers a loud 500 that says how to mount it after ${name}, and takes nothing`, async () => {
      const app = express();
      const service = stage.service();
      await service.ready();
      app.use(makeParser(), service.router());
      const event = makeEvent();
      const { status, json } = await stage.post(await stage.serve(app), event);
      assert.equal(status, 500);
      assert.match(json.error, /^BODY_CONSUMED: .*before express\.json\(\).*express\.raw/);
      assert.equal(service.stats().accepted, 0);
      assert.equal(stage.sandbox.requests.total, 0);
      assert.match((await stage.logger.waitFor(/BODY_CONSUMED/))[0].level, /error/);
      assert.equal((await stage.handle(service, event)).status, 200, 'the id was not used up');
    });
  }

  /** @type {Array<[string, () => any]>} */
  const keepers = [
    ['express.raw()', () => express.raw({ type: '*/*', limit: '2mb' })],
    ['express.json() that keeps rawBody', () => express.json({ limit: '2mb', verify: (req, _res, bytes) => { /** @type {any} */ (req).rawBody = bytes; } })],
    ['a parser of another type', () => express.json({ type: 'application/vnd.other+json' })],
  ];
  for (const [name, makeKeeper] of keepers) {
    it(`works after ${name}`, async () => {
      const app = express();
      app.use(makeKeeper(), stage.service().router());
      const url = await stage.serve(app);
      // White space and number forms that a parser would lose.
      const event = makeEvent();
      assert.equal((await stage.post(url, `{ "n": 1.0e0, ${JSON.stringify(event).slice(1)}\n`)).json.status, 'processed');
      assert.equal((await stage.post(url, JSON.stringify({ ...makeEvent(), pad: 'x'.repeat(2 ** 20) }))).status, 413);
      assert.equal((await stage.post(url, makeEvent(), { headers: { 'x-cognigy-signature': '00' } })).status, 403);
    });
  }
});

describe('cognigyEvents handle()', () => {
  /** @type {Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  it('does the same work without HTTP: body as Buffer, Uint8Array or string; all headers in any case, or the signature alone', async () => {
    const service = stage.service();
    for (const [makeBody, makeHeaders] of /** @type {Array<[(text: string) => any, (signature: string) => any]>} */ ([
      [(text) => text, (signature) => signature],
      [(text) => Buffer.from(text), (signature) => ({ 'x-cognigy-signature': signature })],
      [(text) => new Uint8Array(Buffer.from(text)), (signature) => ({ 'X-Cognigy-Signature': signature })],
    ])) {
      const event = makeEvent({ text: 'Grüße' });
      const text = JSON.stringify(event);
      const answer = await service.handle(makeBody(text), makeHeaders(stage.headersFor(text)['x-cognigy-signature']));
      assert.deepEqual(answer, { status: 200, body: { status: 'processed', eventId: event.webhookEventId } });
    }
    const body = JSON.stringify(makeEvent());
    assert.deepEqual(await service.handle(body, {}), { status: 401, body: { error: 'Missing X-Cognigy-Signature header' } });
    assert.deepEqual(await service.handle(body, 'x'), { status: 403, body: { error: 'Invalid webhook signature' } });
    assert.equal((await service.handle('ü'.repeat(2 ** 19) + ' ', 'x')).status, 413, 'bytes count, not characters');
  });

  it('does not see what becomes of the buffer later', async () => {
    const platform = await stage.platform();
    const service = stage.service({ apiBaseUrl: platform.url });
    await service.ready();
    const event = makeEvent();
    const bytes = Buffer.from(JSON.stringify(event));
    const answered = service.handle(bytes, stage.headersFor(bytes));
    bytes.fill(0);
    assert.equal((await answered).status, 200);
    platform.answer = answering(401);
    assert.equal((await service.replay(event.webhookEventId).catch((error) => error)).code, 'AUTHENTICATION_FAILED', 'what was stored can still be read');
  });

  for (const body of [{ webhookEventId: 'x' }, null, undefined, 42, []]) {
    it(`rejects with BODY_CONSUMED for ${JSON.stringify(body)}`, async () => {
      await assert.rejects(stage.service().handle(/** @type {any} */ (body), 'x'), { code: 'BODY_CONSUMED', retryable: false });
    });
  }
});
