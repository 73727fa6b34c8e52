// What every queue has to hold, as Mocha tests. A queue takes part with `conforms(open)` in a test file of its own.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { failure } = require('../support/client-stage.js');
const { runQueueChild } = require('../support/queue-child.js');
const { within } = require('../support/until.js');
const { collector, gate } = require('./handlers.js');

/**
 * @typedef {import('../..').EventQueue} EventQueue
 * @typedef {import('../..').PublishedMessage} PublishedMessage
 *
 * @typedef {object} QueueStage one place where queues are kept
 * @property {(o?: { closeTimeoutMs?: number }) => EventQueue} queue a client; never two at a time in one process
 * @property {string} source JavaScript for another process: an expression that makes a client of the same place, with `trunkline` in scope
 * @property {(queue: string, count: number) => Promise<string[]>} deadLetters the event ids of those of a queue, once there are so many; asked once
 * @property {() => Promise<void>} close
 */

const QUICK = { baseMs: 10, factor: 1, maxMs: 10 };
const ODD_NAMES = ['a b', "it's", '"', 'a.*.#', '../up', '%2F', 'constructor', '__proto__', 'größe/ñ', '🙂', 'x'.repeat(200), '-', 'NULL', "'; DROP TABLE events; --"];

let count = 0;
const unique = (name = 'queue') => `${name}-${(count += 1)}`;

/** @param {string} queue @param {string} eventId @param {Buffer | string} [payload] @returns {PublishedMessage} */
const message = (queue, eventId, payload = '{}') => ({ queue, eventId, intent: 'order_management', idempotencyKey: `key of ${eventId}`, payload: Buffer.from(payload) });

/** @param {number} length */
const ids = (length) => Array.from({ length }, (_, number) => `evt_${number}`);

/**
 * To be called in a `describe` of the queue's own.
 * @param {() => Promise<QueueStage>} open once for all tests; each takes queues of its own
 */
function conforms(open) {
  /** @type {QueueStage} */
  let stage;
  /** @type {EventQueue} */
  let queue;
  before(async () => { stage = await open(); });
  after(() => stage?.close());
  beforeEach(() => { queue = stage.queue(); });
  afterEach(() => queue.close());

  /** The next client, since a process has one at a time. */
  async function reopen() {
    await queue.close();
    queue = stage.queue();
  }

  describe('publish and deliver', () => {
    /** @type {Array<[string, Partial<PublishedMessage>]>} */
    const cases = [
      ['plain', { payload: Buffer.from('{"webhookEventId":"evt_1"}') }],
      ['every byte', { payload: Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte)) }],
      ['no byte', { payload: Buffer.alloc(0) }],
      ['1 MiB', { payload: randomBytes(1 << 20) }],
      ['ids in any script', { eventId: 'évt ☎ 🙂\n\t"\'', intent: '注文', idempotencyKey: 'ключ' }],
      ['ids of 1024 bytes', { eventId: 'e'.repeat(1024), intent: 'i'.repeat(1024), idempotencyKey: 'ü'.repeat(512) }],
    ];
    for (const [what, fields] of cases) {
      it(`what is delivered is what was published: ${what}`, async () => {
        const name = unique();
        const published = { ...message(name, 'evt_1'), ...fields };
        const seen = collector();
        const startMs = Date.now();
        await queue.publish(published);
        const endMs = Date.now();
        await queue.consume(name, seen.handler);
        const [{ payload, publishedAt, deliveries, ...rest }] = await seen.messages(1);
        const { payload: bytes, ...expected } = published;
        assert.deepEqual({ ...rest }, expected);
        assert.ok(Buffer.isBuffer(payload) && payload.equals(bytes));
        assert.equal(new Date(publishedAt).toISOString(), publishedAt);
        assert.ok(Date.parse(publishedAt) >= startMs && Date.parse(publishedAt) <= endMs, publishedAt);
        assert.equal(deliveries, 1);
      });
    }

    it('json() reads the payload, and says so where it is none', async () => {
      const name = unique();
      const seen = collector();
      await queue.publish(message(name, 'evt_1', '{"text":"ü"}'));
      await queue.publish(message(name, 'evt_2', '{"text":'));
      await queue.consume(name, seen.handler);
      const [good, bad] = await seen.messages(2);
      assert.deepEqual(good.json(), { text: 'ü' });
      assert.throws(() => bad.json(), { code: 'MALFORMED_PAYLOAD' });
    });

    it('everything that was published arrives, once', async () => {
      const name = unique();
      const seen = collector();
      await Promise.all(ids(500).map((id) => queue.publish(message(name, id))));
      await queue.consume(name, seen.handler, { concurrency: 16 });
      await seen.messages(500);
      await queue.publish(message(name, 'last'));
      assert.deepEqual((await seen.messages(501)).map(({ eventId }) => eventId).sort(), [...ids(500), 'last'].sort());
    });

    it('one at a time, they come in the order in which they were published', async () => {
      const name = unique();
      const seen = collector();
      await Promise.all(ids(200).map((id) => queue.publish(message(name, id))));
      await queue.consume(name, seen.handler);
      assert.deepEqual((await seen.messages(200)).map(({ eventId }) => eventId), ids(200));
    });

    it('a consumer of an empty queue gets what is published later', async () => {
      const name = unique();
      const seen = collector();
      await queue.consume(name, seen.handler);
      for (const id of ids(3)) {
        await queue.publish(message(name, id));
        await seen.messages(Number(id.slice(4)) + 1);
      }
    });

    it('queues are kept apart, whatever their names', async () => {
      const names = ODD_NAMES.map((name) => unique(name));
      const seen = names.map(() => collector());
      await Promise.all(names.map((name, index) => queue.consume(name, seen[index].handler)));
      await Promise.all(names.map((name) => queue.publish(message(name, `of ${name}`))));
      for (const [index, name] of names.entries()) {
        const got = await seen[index].messages(1);
        assert.deepEqual(got.map((one) => [one.queue, one.eventId]), [[name, `of ${name}`]]);
      }
    });

    it('what was published is there when the process is killed at once', async () => {
      const name = unique();
      const child = runQueueChild(stage.source, `for (let n = 0; ; n += 1) { await queue.publish(message(${JSON.stringify(name)}, 'evt_' + n)); say('evt_' + n); }`);
      await child.line(20);
      const told = await child.kill();
      const seen = collector();
      await queue.consume(name, seen.handler, { concurrency: 16 });
      await seen.has(told);
    });
  });

  describe('concurrency', () => {
    for (const [concurrency, o] of /** @type {const} */ ([[1, undefined], [3, { concurrency: 3 }]])) {
      it(`so many handlers run at a time, and no more: ${concurrency}`, async () => {
        const name = unique();
        const held = gate();
        await Promise.all(ids(9).map((id) => queue.publish(message(name, id))));
        await queue.consume(name, held.handler, o);
        for (let done = 0; done < 9; done += 1) {
          await held.running(Math.min(concurrency, 9 - done));
          held.release();
        }
        assert.equal(held.most(), concurrency);
      });
    }

    it('two consumers of a queue share its messages', async () => {
      const name = unique();
      const held = [gate(), gate()];
      await Promise.all(held.map(({ handler }) => queue.consume(name, handler)));
      await Promise.all(ids(20).map((id) => queue.publish(message(name, id))));
      for (let left = 20; left > 0; left -= 2) {
        for (const one of held) await one.running(1);
        for (const one of held) one.release();
      }
      assert.deepEqual(held.flatMap((one) => one.seen()).sort(), ids(20).sort());
    });
  });

  describe('failures', () => {
    it('what throws comes again, counted', async () => {
      const name = unique();
      const seen = collector(({ deliveries }) => {
        if (deliveries < 3) throw new Error('not now');
      });
      await queue.publish(message(name, 'bad'));
      await queue.consume(name, seen.handler, { backoff: QUICK });
      const [first, second, third] = await seen.messages(3);
      assert.deepEqual([first.deliveries, second.deliveries, third.deliveries], [1, 2, 3]);
      assert.deepEqual({ ...third, deliveries: 1 }, { ...first });
    });

    it('what throws holds up nothing while it waits', async () => {
      const name = unique();
      const seen = collector(({ eventId }) => {
        if (eventId === 'bad') throw new Error('not now');
      });
      for (const id of ['bad', 'good', 'better']) await queue.publish(message(name, id));
      await queue.consume(name, seen.handler, { backoff: { baseMs: 600_000, factor: 1, maxMs: 600_000 } });
      assert.deepEqual((await seen.messages(3)).map(({ eventId, deliveries }) => [eventId, deliveries]), [['bad', 1], ['good', 1], ['better', 1]]);
    });

    it('a message that fails again and again becomes a dead letter, and is delivered no more', async () => {
      const name = unique();
      const seen = collector(({ eventId }) => {
        if (eventId === 'bad') throw new Error('never');
      });
      await queue.consume(name, seen.handler, { maxDeliveries: 3, backoff: QUICK });
      await queue.publish(message(name, 'bad'));
      await seen.messages(3);
      assert.deepEqual(await stage.deadLetters(name, 1), ['bad']);
      await queue.publish(message(name, 'good'));
      assert.deepEqual((await seen.messages(4)).map(({ eventId, deliveries }) => [eventId, deliveries]), [['bad', 1], ['bad', 2], ['bad', 3], ['good', 1]]);
    });

    it('whatever a handler throws is caught', async () => {
      const name = unique();
      /** @type {unknown[]} */
      const unhandled = [];
      const listener = (/** @type {unknown} */ reason) => unhandled.push(reason);
      process.on('unhandledRejection', listener);
      const throws = [() => { throw new Error('at once'); }, () => Promise.reject(new Error('later')), () => Promise.reject(), () => { throw 'a string'; }, () => { throw Object.create(null); }]; // eslint-disable-line no-throw-literal
      const seen = collector(({ eventId }) => throws[Number(eventId.slice(4))]());
      for (const id of ids(throws.length)) await queue.publish(message(name, id));
      await queue.consume(name, seen.handler, { maxDeliveries: 1 });
      await seen.messages(throws.length);
      assert.deepEqual((await stage.deadLetters(name, throws.length)).sort(), ids(throws.length));
      process.off('unhandledRejection', listener);
      assert.deepEqual(unhandled, []);
    });

    it('the message of a process that is killed comes again', async () => {
      const name = unique();
      await queue.publish(message(name, 'evt_1'));
      await queue.close();
      const child = runQueueChild(stage.source, `await queue.consume(${JSON.stringify(name)}, ({ eventId }) => { say(eventId); return new Promise(() => {}); });`);
      await child.line(1);
      await child.kill();
      queue = stage.queue();
      const seen = collector();
      await queue.consume(name, seen.handler);
      assert.deepEqual((await seen.messages(1)).map(({ eventId, deliveries }) => [eventId, deliveries]), [['evt_1', 2]]);
    });

    it('a message that kills its consumers becomes a dead letter', async () => {
      const name = unique();
      await queue.publish(message(name, 'poison'));
      await queue.close();
      for (let deaths = 0; deaths < 2; deaths += 1) {
        const child = runQueueChild(stage.source, `await queue.consume(${JSON.stringify(name)}, () => process.kill(process.pid, 'SIGKILL'), { maxDeliveries: 2 });`);
        await child.ended();
      }
      queue = stage.queue();
      const seen = collector();
      await queue.consume(name, seen.handler, { maxDeliveries: 2 });
      assert.deepEqual(await stage.deadLetters(name, 1), ['poison']);
      assert.deepEqual(seen.all(), []);
    });
  });

  describe('close', () => {
    for (const [what, closes] of /** @type {Array<[string, (consumer: import('../..').Consumer) => Promise<void>]>} */ ([
      ['a consumer', (consumer) => consumer.close()], ['the queue', () => queue.close()],
    ])) {
      it(`of ${what} takes no more and waits for the handlers that run`, async () => {
        const name = unique();
        const held = gate();
        await Promise.all(ids(3).map((id) => queue.publish(message(name, id))));
        const consumer = await queue.consume(name, held.handler);
        await held.running(1);
        let closed = false;
        const closing = closes(consumer).then(() => { closed = true; });
        await queue.publish(message(unique(), 'elsewhere')).catch(() => {});
        assert.equal(closed, false);
        held.release();
        await within(closing, 'close()');
        await reopen();
        const seen = collector();
        await queue.consume(name, seen.handler);
        assert.deepEqual((await seen.messages(2)).map(({ eventId }) => eventId), ['evt_1', 'evt_2']);
      });
    }

    it('waits so long and no longer; what was not acknowledged comes again', async () => {
      await queue.close();
      queue = stage.queue({ closeTimeoutMs: 50 });
      const name = unique();
      /** @type {AbortSignal | undefined} */
      let given;
      const seen = collector((_, { signal }) => {
        given = signal;
        return new Promise(() => {});
      });
      await queue.publish(message(name, 'evt_1'));
      await queue.consume(name, seen.handler);
      await seen.messages(1);
      assert.equal(given?.aborted, false);
      await within(queue.close(), 'close()');
      assert.equal(given?.aborted, true);
      queue = stage.queue();
      const again = collector();
      await queue.consume(name, again.handler);
      assert.deepEqual((await again.messages(1)).map(({ eventId, deliveries }) => [eventId, deliveries]), [['evt_1', 2]]);
    });

    it('afterwards everything is CLOSED, and a second close() is none', async () => {
      const name = unique();
      await queue.publish(message(name, 'evt_1'));
      await queue.close();
      await failure(queue.publish(message(name, 'evt_2')), 'CLOSED');
      await failure(queue.consume(name, () => {}), 'CLOSED');
      await queue.close();
    });
  });

  describe('wrong arguments are CONFIG_INVALID', () => {
    const whole = message('q', 'evt_1');
    /** @type {Array<[string, any, RegExp]>} */
    const messages = [
      ['no message', undefined, /message/], ['no queue', { ...whole, queue: '' }, /queue/], ['no id', { ...whole, eventId: undefined }, /eventId/],
      ['an id that is none', { ...whole, intent: 7 }, /intent/], ['an id that is too long', { ...whole, idempotencyKey: 'k'.repeat(1025) }, /idempotencyKey/],
      ['a text as payload', { ...whole, payload: '{}' }, /payload/], ['a payload that is too large', { ...whole, payload: Buffer.alloc((16 << 20) + 1) }, /payload/],
    ];
    for (const [what, wrong, told] of messages) {
      it(`publish: ${what}`, async () => {
        assert.match((await failure(queue.publish(wrong), 'CONFIG_INVALID')).message, told);
      });
    }
    /** @type {Array<[string, any[], RegExp]>} */
    const calls = [
      ['no queue', [undefined, () => {}], /queue/], ['no handler', ['q'], /handler/], ['no concurrency', ['q', () => {}, { concurrency: 0 }], /concurrency/],
      ['deliveries that are none', ['q', () => {}, { maxDeliveries: '3 times' }], /maxDeliveries/], ['a wait that shrinks', ['q', () => {}, { backoff: { factor: 0.5 } }], /backoff\.factor/],
      ['an option that is none', ['q', () => {}, { prefetch: 7 }], /prefetch/],
    ];
    for (const [what, args, told] of calls) {
      it(`consume: ${what}`, async () => {
        assert.match((await failure(/** @type {any} */ (queue).consume(...args), 'CONFIG_INVALID')).message, told);
      });
    }
  });
}

module.exports = { conforms };
