// rabbitMQ().consume: lost connections, what waits and what is dead, and the messages of others.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { retry } = require('../../lib/index.js');
const { collector } = require('../queues/handlers.js');
const { failure } = require('../support/client-stage.js');
const { runQueueChild } = require('../support/queue-child.js');
const { describeWithRabbitMQ, message, SOON } = require('../support/rabbitmq-stage.js');
const { RecordingLogger } = require('../support/recording-logger.js');

const QUICK = { baseMs: 10, factor: 1, maxMs: 10 };
const AT_ONCE = { baseMs: 0 };

describeWithRabbitMQ('RabbitMQ, consuming', (stage) => {
  /** Messages that lie ready in a queue, once it is as many: the broker counts a moment later. @param {string} name @param {number} count */
  const holds = async (name, count) => {
    const operator = await stage.operator();
    await retry(async () => assert.equal((await operator.checkQueue(name)).messageCount, count, name), SOON, { retryable: () => true });
  };

  it('after a lost connection it consumes again, and what was not acknowledged comes again', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const logger = new RecordingLogger();
    const queue = stage.open({ url, logger });
    /** @type {AbortSignal[]} */
    const signals = [];
    const seen = collector(async ({ deliveries }, { signal }) => {
      signals.push(signal);
      if (deliveries < 3) await once(signal, 'abort'); // and returns: too late for an acknowledgement
    });
    await queue.consume(name, seen.handler);
    await queue.publish(message(name));
    for (const times of [1, 2]) {
      await seen.messages(times);
      assert.equal(signals[times - 1].aborted, false);
      relay.cut();
    }
    assert.deepEqual((await seen.messages(3)).map(({ eventId, deliveries }) => [eventId, deliveries]), [['evt_1', 1], ['evt_1', 2], ['evt_1', 3]]);
    assert.deepEqual(signals.slice(0, 2).map(({ reason }) => reason.code), ['CONNECTION_FAILED', 'CONNECTION_FAILED']);
    await queue.close();
    await holds(name, 0);
    assert.equal((await logger.waitFor(/subscribing again/, 2)).length, 2);
    assert.equal((await logger.waitFor(/consuming .* again/, 2)).length, 2);
  });

  it('while the broker is away it tries again, until it is back', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const logger = new RecordingLogger();
    const queue = stage.open({ url, logger });
    const seen = collector();
    await queue.consume(name, seen.handler);
    await relay.close();
    await logger.waitFor(/CONNECTION_FAILED: cannot connect/, 2);
    await stage.open().publish(message(name));
    await relay.open();
    await seen.messages(1);
  });

  it('close() ends the tries', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const logger = new RecordingLogger();
    const queue = stage.open({ url, logger });
    await queue.consume(name, () => {});
    await relay.close();
    await logger.waitFor(/cannot connect/);
    await queue.close();
    await relay.open();
    const { consumerCount } = await (await stage.operator()).checkQueue(name);
    assert.equal(consumerCount, 0);
  });

  it('a connection on which nothing comes any more is lost', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const logger = new RecordingLogger();
    const queue = stage.open({ url, logger, heartbeatSeconds: 1 });
    const seen = collector();
    await queue.consume(name, seen.handler);
    relay.pause();
    await logger.waitFor(/Heartbeat timeout.*subscribing again/);
    relay.resume();
    await stage.open().publish(message(name));
    await seen.messages(1);
  });

  it('a queue that was deleted is declared again', async () => {
    const name = stage.unique();
    const logger = new RecordingLogger();
    const queue = stage.open({ logger });
    const seen = collector();
    await queue.consume(name, seen.handler);
    await (await stage.operator()).deleteQueue(name);
    await logger.waitFor(/consuming .* again/);
    await retry(() => queue.publish(message(name)), SOON);
    await seen.messages(1);
  });

  it('a broker that cannot be reached at the beginning is CONNECTION_FAILED', async () => {
    const { relay, url } = await stage.relay();
    await relay.close();
    const error = await failure(stage.open({ url }).consume('q', () => {}), 'CONNECTION_FAILED');
    assert.deepEqual([error.platform, error.retryable], ['RabbitMQ', true]);
  });

  it('close() while it subscribes is CLOSED', async () => {
    const { relay, url } = await stage.relay();
    await relay.close();
    const queue = stage.open({ url });
    const consuming = queue.consume('q', () => {});
    await queue.close();
    await failure(consuming, 'CLOSED');
  });

  it('a handler that never ends does not keep the process', async () => {
    const source = `trunkline.rabbitMQ({ url: ${JSON.stringify(stage.broker.url)}, closeTimeoutMs: 50 })`;
    const name = JSON.stringify(stage.unique());
    const child = runQueueChild(source, `
      await queue.consume(${name}, () => { queue.close().then(() => say('closed')); return new Promise(() => {}); });
      await queue.publish(message(${name}, 'evt_1'));`);
    await child.ended();
    assert.deepEqual(await child.kill(), ['closed']);
  });

  describe('what fails', () => {
    it('waits in a queue beside, and is nowhere when it is done', async () => {
      const name = stage.unique();
      const queue = stage.open();
      const seen = collector(({ deliveries }) => {
        if (deliveries < 3) throw new Error('not now');
      });
      await queue.publish(message(name));
      const consumer = await queue.consume(name, seen.handler, { backoff: { baseMs: 10, factor: 5, maxMs: 1000 } });
      await seen.messages(3);
      await consumer.close();
      for (const one of [name, `${name}.wait.10`, `${name}.wait.50`, `${name}.dead`]) await holds(one, 0);
    });

    it('is dead with its reason, in the queue beside and in the log', async () => {
      const name = stage.unique();
      const logger = new RecordingLogger();
      const queue = stage.open({ logger });
      await queue.consume(name, () => { throw Object.assign(new Error(`no such order ${'x'.repeat(1000)}`), { code: 'E_ORDER' }); }, { maxDeliveries: 2, backoff: AT_ONCE });
      await queue.publish(message(name));
      const { content, properties } = await stage.take(`${name}.dead`);
      assert.equal(content.toString(), '{"a":1}');
      const { failedAt, error, ...headers } = properties.headers ?? {};
      assert.deepEqual([headers.eventId, headers.failedQueue, headers.failedDeliveries], ['evt_1', name, 2]);
      assert.equal(new Date(failedAt).toISOString(), failedAt);
      assert.match(error, /^E_ORDER: no such order x+$/);
      assert.equal(error.length, 500);
      const [line] = await logger.waitFor(/dead letters: E_ORDER/);
      assert.deepEqual([line.level, line.fields], ['error', { queue: name, eventId: 'evt_1', deliveries: 2 }]);
    });

    it('can be consumed from the dead letters, where its deliveries begin anew', async () => {
      const name = stage.unique();
      const queue = stage.open();
      await queue.consume(name, () => { throw new Error('no'); }, { maxDeliveries: 2, backoff: QUICK });
      await queue.publish(message(name));
      const seen = collector(({ deliveries }) => {
        if (deliveries < 2) throw new Error('not yet');
      });
      await queue.consume(`${name}.dead`, seen.handler, { backoff: QUICK });
      const found = await seen.messages(2);
      assert.deepEqual(found.map(({ queue: from, eventId, deliveries }) => [from, eventId, deliveries]), [[`${name}.dead`, 'evt_1', 1], [`${name}.dead`, 'evt_1', 2]]);
    });

    it('is not lost where it cannot be put aside', async () => {
      const name = stage.unique();
      const operator = await stage.operator();
      await operator.assertQueue(`${name}.wait.10`, { durable: false }); // of another kind: it cannot be declared
      const queue = stage.open({ closeTimeoutMs: 300 });
      const seen = collector(() => { throw new Error('no'); });
      await queue.publish(message(name));
      await queue.consume(name, seen.handler, { backoff: QUICK });
      await seen.messages(1);
      await queue.close();
      await holds(name, 1);
      await operator.deleteQueue(`${name}.wait.10`);
    });
  });

  it('messages of others are delivered with what they have', async () => {
    const name = stage.unique();
    const queue = stage.open();
    const operator = await stage.operator();
    const seen = collector();
    await queue.consume(name, seen.handler);
    operator.sendToQueue(name, Buffer.from('bare'));
    operator.sendToQueue(name, Buffer.from('{}'), { messageId: 'm-1', timestamp: 1_700_000_000, headers: { intent: 7, deliveries: 'many' } });
    const [bare, typed] = await seen.messages(2);
    assert.deepEqual({ ...bare }, { queue: name, eventId: '', intent: '', idempotencyKey: '', payload: Buffer.from('bare'), publishedAt: '', deliveries: 1 });
    assert.deepEqual({ ...typed }, { ...bare, eventId: 'm-1', payload: Buffer.from('{}'), publishedAt: '2023-11-14T22:13:20.000Z' });
  });

  it('messages of others keep their properties when they wait', async () => {
    const name = stage.unique();
    const queue = stage.open();
    const operator = await stage.operator();
    const { queue: copies } = await operator.assertQueue('', { exclusive: true });
    await queue.consume(name, () => { throw new Error('no'); }, { maxDeliveries: 2, backoff: QUICK });
    operator.sendToQueue(name, Buffer.from('x'), { contentType: 'text/plain', correlationId: 'c-1', type: 't', CC: copies, headers: { trace: 'abc' } });
    const { properties } = await stage.take(`${name}.dead`);
    assert.deepEqual([properties.contentType, properties.correlationId, properties.type, properties.headers?.trace], ['text/plain', 'c-1', 't', 'abc']);
    await holds(copies, 1);
  });
});
