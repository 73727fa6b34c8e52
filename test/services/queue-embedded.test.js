// embeddedQueue() as a queue like any other, and what it alone has: events of a service, depths, dead letters that a service replays.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { embeddedQueue } = require('../../lib/index.js');
const { DeadLetters } = require('../../lib/store/dead-letters.js');
const { collector } = require('../queues/handlers.js');
const { conforms } = require('../queues/conformance.js');
const { makeEvent } = require('../support/events.js');
const { openStage } = require('../support/stage.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { until } = require('../support/until.js');

describe('embedded queue', () => {
  describe('conforms', () => conforms(async () => {
    const folder = makeTempDir();
    const dataDir = path.join(folder, 'data');
    return {
      queue: (o) => embeddedQueue({ dataDir, logger: false, ...o }),
      source: `trunkline.embeddedQueue({ dataDir: ${JSON.stringify(dataDir)}, logger: false })`,
      deadLetters: async (queue, count) => {
        const letters = new DeadLetters(dataDir);
        const inQueue = async () => {
          const all = await letters.list({ step: 'consume' });
          return all.filter(({ error }) => error.includes(` of ${queue} `));
        };
        try {
          return (await until(async () => {
            const found = await inQueue();
            return found.length >= count ? found : undefined;
          }, `${count} dead letters`)).map(({ eventId }) => eventId);
        } finally {
          await letters.close();
        }
      },
      close: async () => removeTempDir(folder),
    };
  }));

  describe('of a service', () => {
    /** @type {import('../support/stage.js').Stage} */
    let stage;
    /** @type {import('../..').EmbeddedQueue} */
    let queue;
    beforeEach(async () => {
      stage = await openStage();
      queue = embeddedQueue({ dataDir: stage.dataDir, logger: false });
    });
    afterEach(async () => {
      await queue.close();
      await stage.close();
    });

    it('gives the events of its intents to consumers, as they came', async () => {
      const service = stage.service();
      const [order, billing] = [makeEvent(), makeEvent({ intent: 'billing_inquiry' })];
      const seen = collector();
      await queue.consume('billing-queue', seen.handler);
      for (const event of [order, billing]) await stage.handle(service, event);
      const [message] = await seen.messages(1);
      assert.deepEqual([message.eventId, message.intent, message.json()], [billing.webhookEventId, 'billing_inquiry', billing]);
      const depths = await queue.depths();
      assert.deepEqual(depths.map(({ queue: name, ready, read }) => [name, ready, read]), [['billing-queue', 0, true], ['orders-queue', 1, false]]);
      assert.ok(depths[1].oldestAgeMs >= 0 && depths[1].oldestAgeMs < 60_000);
    });

    it('gives them later too, and in order', async () => {
      const service = stage.service();
      const events = Array.from({ length: 20 }, () => makeEvent());
      for (const event of events) await stage.handle(service, event);
      await service.close();
      const seen = collector();
      await queue.consume('orders-queue', seen.handler);
      assert.deepEqual((await seen.messages(20)).map(({ eventId }) => eventId), events.map(({ webhookEventId }) => webhookEventId));
    });

    it('what a consumer gave up is a dead letter of the service, and comes again by a replay', async () => {
      const service = stage.service();
      let broken = true;
      const seen = collector(() => {
        if (broken) throw new Error('no database at postgres://user:password@db/x');
      });
      await queue.consume('orders-queue', seen.handler, { maxDeliveries: 2, backoff: { baseMs: 1 } });
      const event = makeEvent();
      await stage.handle(service, event);
      const [letter] = await until(async () => {
        const letters = await service.deadLetters.list();
        return letters.length > 0 ? letters : undefined;
      }, 'the dead letter');
      assert.deepEqual([letter.step, letter.eventId, letter.attempts, letter.code], ['consume', event.webhookEventId, 2, 'UPSTREAM_ERROR']);
      assert.equal(letter.error, 'the handler of orders-queue failed: no database at postgres://***@db/x');
      broken = false;
      assert.equal((await service.deadLetters.replay()).replayed, 1);
      const [, , again] = await seen.messages(3);
      assert.deepEqual([again.eventId, again.deliveries], [event.webhookEventId, 1]);
      assert.equal(stage.posts().length, 1, 'the delivery to the platform was none of its business');
    });
  });

  for (const [given, message] of /** @type {Array<[any, RegExp]>} */ ([
    [{ dataDir: 7 }, /dataDir/], [{ visibleMs: 1 }, /visibleMs/], [{ closeTimeoutMs: 0 }, /closeTimeoutMs/], [{ folder: 'x' }, /folder/],
  ])) {
    it(`refuses ${JSON.stringify(given)}`, () => assert.throws(() => embeddedQueue(given), { code: 'CONFIG_INVALID', message }));
  }
});
