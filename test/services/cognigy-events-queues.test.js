// Queues elsewhere: what a sink is handed, what becomes of its errors, and that nothing is published for nothing.
'use strict';

const assert = require('node:assert/strict');
const { functionQueue, TrunklineError } = require('../../lib/index.js');
const { makeEvent, signatureOf } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { until, within } = require('../support/until.js');

/** @typedef {import('../..').PublishedMessage} Message */

/** A queue that keeps what it was handed, and does with it as it is told. */
class RecordingQueue {
  /** @type {Message[]} */
  messages = [];
  /** @type {(message: Message, number: number) => unknown} `number` counts from 1 */
  answer = () => undefined;

  /** @param {Message} message */
  publish(message) {
    this.messages.push(message);
    return this.answer(message, this.messages.length);
  }
}

/** @param {unknown} answer @returns {any} */
const bodyOf = (answer) => /** @type {any} */ (answer).body;

describe('cognigyEvents with a queue elsewhere', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {RecordingQueue} */
  let queue;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
    queue = new RecordingQueue();
  });
  afterEach(() => stage.close());

  /** @param {import('../..').CognigyEventsOptions} [options] */
  const start = (options) => stage.service({ apiBaseUrl: platform.url, queue, publishRetry: FAST_RETRY, ...options });

  it('hands each event over, with the bytes as they came, before the platform is called', async () => {
    const service = start();
    let calledBefore = -1;
    queue.answer = () => { calledBefore = platform.seen.length; };
    const event = makeEvent({ note: 'ü 😀', intent: 'billing_inquiry' });
    const body = ` ${JSON.stringify(event, null, 2)}\n`;
    const answer = await service.handle(body, signatureOf(body, stage.secret));
    assert.equal(bodyOf(answer).status, 'processed');
    assert.equal(calledBefore, 0);
    assert.equal(queue.messages.length, 1);
    const { payload, idempotencyKey, ...rest } = queue.messages[0];
    assert.deepEqual(rest, { queue: 'billing-queue', eventId: event.webhookEventId, intent: 'billing_inquiry' });
    assert.ok(Buffer.isBuffer(payload));
    assert.equal(payload.toString(), body);
    assert.equal(idempotencyKey, platform.seen[0].headers['idempotency-key']);
    assert.equal(JSON.parse(platform.seen[0].body).queueRoutingStatus, 'billing-queue');
  });

  it('publishes nothing that is forged, malformed or a duplicate', async () => {
    const service = start();
    const event = makeEvent();
    await stage.handle(service, event);
    await stage.handle(service, event);
    await service.handle(JSON.stringify(event), 'f'.repeat(64));
    await service.handle('{}', signatureOf('{}', stage.secret));
    assert.equal(queue.messages.length, 1);
  });

  it('takes a sink whose publish returns, resolves, or is a function alone', async () => {
    /** @type {Array<import('../..').QueueSink>} */
    const sinks = [{ publish: () => 'done' }, { publish: async () => {} }, functionQueue(() => false), functionQueue(async () => {})];
    for (const [index, sink] of sinks.entries()) {
      const service = start({ queue: sink, dataDir: `${stage.dataDir}-${index}` });
      assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed', String(index));
    }
  });

  it('tries again under the same key after whatever a sink throws, or rejects with', async () => {
    queue.answer = (_message, number) => {
      if (number === 1) throw new Error('the channel is closed');
      if (number === 2) return Promise.reject(new TypeError('no such exchange'));
      if (number === 3) throw undefined; // eslint-disable-line no-throw-literal
      return undefined;
    };
    const service = start();
    assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed');
    assert.equal(queue.messages.length, 4);
    for (const message of queue.messages) assert.deepEqual(message, queue.messages[0]);
    assert.equal(platform.seen.length, 1);
    assert.equal(service.stats().retried, 3);
  });

  it('buries at the step publish when its tries are used up, and a replay goes on there', async () => {
    queue.answer = () => Promise.reject(new Error('cannot connect to amqp://user:hunter2@broker:5672\nand more'));
    const service = start();
    const event = makeEvent();
    const { status, body } = await stage.handle(service, event);
    assert.deepEqual([status, bodyOf({ body }).status], [200, 'failed_queued_for_dlq']);
    assert.equal(bodyOf({ body }).error, 'UPSTREAM_ERROR: the queue orders-queue did not take the event: cannot connect to amqp://***@broker:5672');
    const [letter] = await service.deadLetters.list();
    assert.deepEqual([letter.step, letter.code, letter.status, letter.attempts], ['publish', 'UPSTREAM_ERROR', 0, 4]);
    assert.doesNotMatch(JSON.stringify(letter) + stage.logger.text(), /hunter2/);
    assert.equal(platform.seen.length, 0);

    queue.answer = () => undefined;
    assert.equal((await service.replay(event.webhookEventId)).status, 'replayed');
    assert.equal(queue.messages.length, 5);
    assert.deepEqual(queue.messages[4], queue.messages[0]);
    assert.deepEqual(await service.deadLetters.list(), []);
  });

  it('never publishes a dead letter of the step request again', async () => {
    platform.answer = answering(404);
    const service = start();
    const event = makeEvent();
    await stage.handle(service, event);
    assert.deepEqual((await service.deadLetters.list()).map(({ step }) => step), ['request']);
    platform.answer = answering(200);
    await service.replay(event.webhookEventId);
    assert.equal(queue.messages.length, 1);
    await service.replay(event.webhookEventId);
    assert.equal(queue.messages.length, 2, 'a finished one runs from the start');
    assert.deepEqual(queue.messages[1], queue.messages[0]);
    assert.equal(new Set(platform.seen.map(({ body }) => body)).size, 1, 'every request is the same');
  });

  it('keeps the code of a TrunklineError, and tries again only what is retryable', async () => {
    /** @type {Array<[ConstructorParameters<typeof TrunklineError>, number]>} */
    const failures = /** @type {any} */ ([
      [['AUTHORIZATION_FAILED', 'no write permission'], 1],
      [['QUEUE_FULL', 'the broker is out of memory'], 4],
      [['RATE_LIMITED', 'slower', { retryAfterMs: 100_000 }], 1],
      [['UPSTREAM_ERROR', 'not implemented', { status: 501 }], 1],
      [['UPSTREAM_ERROR', 'broken', { status: 503, hint: 'restart it' }], 4],
    ]);
    for (const [index, [args, tries]] of failures.entries()) {
      queue.messages.length = 0;
      const service = start({ dataDir: `${stage.dataDir}-${index}` });
      queue.answer = () => { throw Reflect.construct(TrunklineError, args); };
      const { body } = await stage.handle(service, makeEvent());
      assert.equal(bodyOf({ body }).error, `${args[0]}: ${args[1]}`);
      assert.equal(queue.messages.length, tries, String(args));
      const [letter] = await service.deadLetters.list();
      assert.deepEqual([letter.step, letter.code, letter.status], ['publish', args[0], /** @type {any} */ (args[2])?.status ?? 0]);
    }
  });

  it('tries again when a sink does not answer within publishTimeoutMs, and its late answers change nothing', async () => {
    /** @type {Array<() => void>} */
    const late = [];
    queue.answer = (_message, number) => (number < 3 ? new Promise((resolve, reject) => { late.push(number === 1 ? () => resolve(undefined) : reject); }) : undefined);
    const service = start({ publishTimeoutMs: 50, publishRetry: { ...FAST_RETRY, attempts: 100 } });
    assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed');
    assert.ok(queue.messages.length >= 3);
    for (const answer of late) answer();
    assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed');
    assert.equal(platform.seen.length, 2);
    assert.equal(service.stats().dead, 0);
  });

  it('publishes side by side', async () => {
    /** @type {Array<(value?: unknown) => void>} */
    const held = [];
    queue.answer = () => new Promise((resolve) => { held.push(resolve); });
    const service = start();
    const events = Array.from({ length: 200 }, () => makeEvent());
    const answers = events.map((event) => stage.handle(service, event));
    await until(() => held.length === 200, 'all of them to be with the queue');
    for (const resolve of held) resolve();
    for (const answer of await Promise.all(answers)) assert.equal(bodyOf(answer).status, 'processed');
    assert.deepEqual(new Set(queue.messages.map(({ eventId }) => eventId)), new Set(events.map(({ webhookEventId }) => webhookEventId)));
  });

  it('waits at close for what the sink has, parks the rest, and the next start publishes it under the same key', async () => {
    queue.answer = () => new Promise(() => {});
    const first = start({ publishRetry: { ...FAST_RETRY, baseMs: 3_600_000, maxMs: 3_600_000 }, publishTimeoutMs: 50 });
    const event = makeEvent();
    const answered = stage.handle(first, event);
    await until(() => queue.messages.length === 1, 'the queue to have it');
    await within(first.close(), 'close() not to wait for the next try');
    assert.equal(bodyOf(await answered).status, 'accepted');

    queue.answer = () => undefined;
    const second = start();
    await second.ready();
    assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.status, 'SUCCESS');
    assert.equal(queue.messages.length, 2);
    assert.deepEqual(queue.messages[1], queue.messages[0]);
    assert.equal(platform.seen.length, 1);
  });

  it('ignores a sink that answers after the service has closed', async () => {
    /** @type {(value?: unknown) => void} */
    let answer = () => {};
    queue.answer = () => new Promise((resolve) => { answer = resolve; });
    const service = start({ publishTimeoutMs: 20, publishRetry: { attempts: 1 } });
    await stage.handle(service, makeEvent());
    await service.close();
    answer();
    await new Promise(setImmediate);
    assert.deepEqual([service.stats().dead, service.stats().pending, service.stats().oldestAgeMs], [1, 0, 0]);
  });

  it('buries what was meant for a queue elsewhere when there is none any more', async () => {
    queue.answer = () => new Promise(() => {});
    const first = start({ publishTimeoutMs: 50, publishRetry: { attempts: 2, baseMs: 3_600_000, maxMs: 3_600_000 } });
    const event = makeEvent();
    const answered = stage.handle(first, event);
    await until(() => queue.messages.length === 1, 'the queue to have it');
    await first.close();
    await answered;
    const second = start({ queue: undefined });
    await second.ready();
    await stage.logger.latencyOf(event.webhookEventId);
    const [letter] = await second.deadLetters.list();
    assert.deepEqual([letter.step, letter.code], ['publish', 'CONFIG_INVALID']);
    assert.match(letter.error, /orders-queue/);
    assert.equal(platform.seen.length, 0);
  });

  it('refuses what is no queue', () => {
    for (const wrong of [null, 7, 'amqp://x', {}, { publish: true }]) {
      assert.throws(() => start({ queue: /** @type {any} */ (wrong) }), { code: 'CONFIG_INVALID', message: /^queue: expected an object with a function publish/ });
    }
    for (const wrong of [undefined, null, {}]) assert.throws(() => functionQueue(/** @type {any} */ (wrong)), { code: 'CONFIG_INVALID', message: /^publish: expected a function/ });
    assert.throws(() => start({ publishRetry: { attempts: 0 } }), { message: /^publishRetry\.attempts: / });
    assert.throws(() => start({ publishRetry: /** @type {any} */ ({ tries: 1, jitter: 'x' }) }), { message: /^publishRetry\.tries: .*; publishRetry\.jitter: / });
    assert.throws(() => start({ publishTimeoutMs: 0 }), { message: /^publishTimeoutMs: / });
  });

  it('closes nothing but itself: functionQueue has a close() of its own', async () => {
    const sink = functionQueue(() => {});
    assert.equal(await sink.close(), undefined);
    await sink.publish(/** @type {any} */ ({}));
  });
});
