// What the platform gets of an event: path, headers and body of the state update, as it arrives there.
'use strict';

const assert = require('node:assert/strict');
const { makeEvent, statePath } = require('../support/events.js');
const { openStage } = require('../support/stage.js');

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const API_TOKEN = 'token-of-the-api';

describe('cognigyEvents state update', () => {
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
  const start = (options) => stage.service({ apiBaseUrl: platform.url, apiToken: API_TOKEN, ...options });

  for (const [intent, queue] of [['order_management', 'orders-queue'], ['account_support', 'accounts-queue'], ['billing_inquiry', 'billing-queue'], ['small_talk', 'general-queue']]) {
    it(`reports ${queue} for ${intent}, in exactly the documented form`, async () => {
      const beforeMs = Date.now();
      assert.equal((await stage.handle(start(), makeEvent({ intent }))).status, 200);
      const { method, url, headers, body } = platform.seen[0];
      assert.deepEqual([method, url], ['POST', '/api/v1/dialogs/dlg_abc123/sessions/sess_xyz789/state']);
      assert.match(headers['content-type'] ?? '', /^application\/json/);
      const { processedAt, processingLatencyMs, ...rest } = JSON.parse(body);
      assert.deepEqual(rest, { externalProcessingCompleted: true, queueRoutingStatus: queue, metadata: { routedQueue: queue, processedBy: 'node-webhook-service' } });
      assert.match(processedAt, ISO);
      assert.ok(Date.parse(processedAt) >= beforeMs - 1 && Date.parse(processedAt) <= Date.now() + 1, processedAt);
      assert.equal(typeof processingLatencyMs, 'number');
      assert.ok(processingLatencyMs >= 0 && processingLatencyMs < 60_000, String(processingLatencyMs));
    });
  }

  it('sends the bearer token, a key of its own for each event, and nothing of the sender\'s headers', async () => {
    const service = start();
    await stage.handle(service, makeEvent());
    await stage.handle(service, makeEvent());
    const keys = platform.seen.map(({ headers }) => {
      assert.equal(headers.authorization, `Bearer ${API_TOKEN}`);
      assert.match(String(headers['idempotency-key']), UUID);
      assert.equal(headers['x-cognigy-signature'], undefined);
      assert.equal(headers['accept-encoding'], undefined);
      assert.equal(headers.host, new URL(platform.url).host);
      return headers['idempotency-key'];
    });
    assert.equal(new Set(keys).size, 2);
  });

  for (const id of ['a/b', '../..', '..', '.', '?x=1#y', 'a b', 'ü%20', '%2F', '\u{1F600}', 'a\r\nX-Injected: 1', 'a\0b', '{queue}', '"', "!'()*", ';,:@&=+$', '\\']) {
    it(`percent-encodes the id ${JSON.stringify(id)} in the path`, async () => {
      const event = makeEvent({ dialogId: id, sessionId: `${id}2` });
      assert.equal((await stage.handle(start(), event)).status, 200);
      const { url, headers } = platform.seen[0];
      const parts = url.split('/');
      assert.equal(parts.length, 8, url);
      assert.match(url, /^[\x21-\x7e]+$/);
      assert.deepEqual([decodeURIComponent(parts[4]), decodeURIComponent(parts[6])], [id, `${id}2`]);
      assert.doesNotMatch(url, /[?#]/);
      assert.equal(headers['x-injected'], undefined);
      if (!/^\.|[!'()*]/.test(id)) assert.equal(url, statePath(event));
    });
  }

  it('reaches the right session of the sandbox with odd ids', async () => {
    const event = makeEvent({ dialogId: 'a/b c', sessionId: '\u{1F600}?' });
    assert.equal((await stage.handle(stage.service(), event)).status, 200);
    assert.equal((await stage.stateAt(statePath(event))).externalProcessingCompleted, true);
  });

  it('keeps the path of the base URL as a prefix', async () => {
    await stage.handle(start({ apiBaseUrl: `${platform.url}/tenant/a/` }), makeEvent());
    assert.equal(platform.seen[0].url, '/tenant/a/api/v1/dialogs/dlg_abc123/sessions/sess_xyz789/state');
  });

  it('takes routes and a default queue of one\'s own, own properties only', async () => {
    const routes = Object.assign(Object.create({ inherited: 'wrong-queue' }), { refund: 'refunds-queue' });
    const service = start({ routes, defaultQueue: 'other-queue' });
    for (const [intent, queue] of [['refund', 'refunds-queue'], ['order_management', 'other-queue'], ['inherited', 'other-queue']]) {
      await stage.handle(service, makeEvent({ intent }));
      assert.equal(JSON.parse(platform.seen.at(-1)?.body ?? '').queueRoutingStatus, queue);
    }
  });

  it('makes a call of one\'s own, with placeholders in path and body', async () => {
    const service = start({
      resource: { method: 'PUT', path: '/t/{dialogId}', body: { q: '{queue}', text: 'event "{eventId}" of {intent}', ms: '{latencyMs}', at: '{processedAt}', s: '{sessionId}', fixed: [1, null, '{'] } },
    });
    const event = makeEvent({ dialogId: 'd/1', intent: 'quote " \\ \n' });
    assert.equal((await stage.handle(service, event)).status, 200);
    const { method, url, body } = platform.seen[0];
    assert.deepEqual([method, url], ['PUT', '/t/d%2F1']);
    const { ms, at, ...rest } = JSON.parse(body);
    assert.deepEqual(rest, { q: 'general-queue', text: `event "${event.webhookEventId}" of ${event.intent}`, s: event.sessionId, fixed: [1, null, '{'] });
    assert.equal(typeof ms, 'number');
    assert.match(at, ISO);
  });

  it('makes a call without a body where none is given', async () => {
    await stage.handle(start({ resource: { method: 'DELETE', path: '/t/{eventId}' } }), makeEvent());
    const { method, headers, body } = platform.seen[0];
    assert.deepEqual([method, body, headers['content-type']], ['DELETE', '', undefined]);
  });

  it('sends requests over kept connections', async () => {
    const service = start({ maxConnections: 2 });
    const sockets = new Set();
    platform.answer = (res) => {
      sockets.add(res.socket);
      res.end('{}');
    };
    for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 20 }, () => stage.handle(service, makeEvent())));
    assert.equal(platform.seen.length, 100);
    assert.ok(sockets.size <= 2, `${sockets.size} connections`);
  });
});
