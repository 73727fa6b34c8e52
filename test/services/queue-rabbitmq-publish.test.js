// rabbitMQ().publish: what lies at the broker, where it goes, and every way in which it can fail.
'use strict';

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const { retry } = require('../../lib/index.js');
const { collector } = require('../queues/handlers.js');
const { failure } = require('../support/client-stage.js');
const { describeWithRabbitMQ, message, SOON } = require('../support/rabbitmq-stage.js');
const { USERS } = require('../support/rabbitmq.js');

describeWithRabbitMQ('RabbitMQ, publishing', (stage) => {
  /** A queue that the broker has had for a while: RabbitMQ 3.10 writes a new one down within a second, and is killed below. */
  const lasting = { name: 'lasting', sinceMs: 0 };
  before(async () => {
    await (await stage.open().consume(lasting.name, () => {})).close();
    lasting.sinceMs = performance.now();
  });

  /** Of the first message in it. @param {string} name */
  const idOf = async (name) => (await stage.take(name)).properties.messageId;

  it('a message is persistent, typed and carries its ids', async () => {
    const name = stage.unique();
    await stage.open().publish(message(name));
    const { content, properties, fields } = await stage.take(name);
    assert.equal(content.toString(), '{"a":1}');
    assert.deepEqual([fields.exchange, properties.deliveryMode, properties.contentType, properties.messageId], ['', 2, 'application/json', 'evt_1']);
    const { publishedAt, ...headers } = properties.headers ?? {};
    delete headers['x-delivery-count']; // the broker's
    assert.deepEqual(headers, { eventId: 'evt_1', intent: 'refund', idempotencyKey: 'key of evt_1' });
    assert.equal(properties.timestamp, Math.floor(Date.parse(publishedAt) / 1000));
  });

  it('queues are durable quorum queues, with their prefix', async () => {
    const name = stage.unique();
    await stage.open({ prefix: 'bot.' }).publish(message(name));
    assert.equal((await stage.take(`bot.${name}`)).content.toString(), '{"a":1}');
    const operator = await stage.operator();
    for (const queue of [`bot.${name}`, `bot.${name}.dead`]) {
      await operator.assertQueue(queue, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `${queue}.dead` },
      });
    }
  });

  it('a name is prefix and queue, and too long is CONFIG_INVALID', async () => {
    const queue = stage.open({ prefix: 'p'.repeat(30) });
    await queue.publish(message('q'.repeat(200)));
    await failure(queue.publish(message('q'.repeat(201))), 'CONFIG_INVALID');
  });

  it('an exchange of its own is declared; what others have bound to it gets a copy', async () => {
    const name = stage.unique();
    const queue = stage.open({ exchange: `exchange of ${name}` });
    await queue.publish(message(name, 'evt_1'));
    const operator = await stage.operator();
    const { queue: audit } = await operator.assertQueue('', { exclusive: true });
    await operator.bindQueue(audit, `exchange of ${name}`, name);
    await queue.publish(message(name, 'evt_2'));
    assert.deepEqual([await idOf(name), await idOf(name)], ['evt_1', 'evt_2']);
    assert.equal(await idOf(audit), 'evt_2');
  });

  describe('declare: false', () => {
    it('publishes to what is there, of any kind', async () => {
      const name = stage.unique();
      const operator = await stage.operator();
      await operator.assertExchange(`${name} topics`, 'topic', { durable: false, autoDelete: true });
      const { queue: classic } = await operator.assertQueue('', { exclusive: true });
      await operator.bindQueue(classic, `${name} topics`, '#');
      await stage.open({ exchange: `${name} topics`, declare: false }).publish(message(name));
      assert.equal(await idOf(classic), 'evt_1');
      await assert.rejects(operator.checkQueue(name), /NOT_FOUND|NOT-FOUND/);
    });

    it('a message that no queue takes is NOT_FOUND, and others are not concerned', async () => {
      const operator = await stage.operator();
      const { queue: there } = await operator.assertQueue('', { exclusive: true });
      const queue = stage.open({ declare: false });
      const [lost, found] = await Promise.allSettled([queue.publish(message(stage.unique())), queue.publish(message(there))]);
      assert.equal(found.status, 'fulfilled');
      const error = await failure(Promise.reject(/** @type {PromiseRejectedResult} */ (lost).reason), 'NOT_FOUND');
      assert.deepEqual([error.platform, error.retryable], ['RabbitMQ', false]);
    });

    it('an exchange that does not exist is NOT_FOUND', async () => {
      await failure(stage.open({ exchange: stage.unique(), declare: false }).publish(message('q')), 'NOT_FOUND');
    });

    it('a queue that refuses the message is QUEUE_FULL', async () => {
      const operator = await stage.operator();
      const { queue: full } = await operator.assertQueue('', { exclusive: true, maxLength: 1, overflow: 'reject-publish' });
      const queue = stage.open({ declare: false });
      await queue.publish(message(full));
      assert.equal((await failure(queue.publish(message(full)), 'QUEUE_FULL')).retryable, true);
    });

    it('consume() is refused', async () => {
      await failure(stage.open({ declare: false }).consume('q', () => {}), 'CONFIG_INVALID');
    });
  });

  it('a queue that was deleted since is declared again', async () => {
    const name = stage.unique();
    const operator = await stage.operator();
    const queue = stage.open();
    await queue.publish(message(name, 'evt_1'));
    await operator.deleteQueue(name);
    // One that the broker refuses, since the queue is about to go, may be tried again.
    await Promise.all(['evt_2', 'evt_3'].map((id) => retry(() => queue.publish(message(name, id)), SOON)));
    assert.deepEqual([await idOf(name), await idOf(name)].sort(), ['evt_2', 'evt_3']);
  });

  it('a queue of that name and another kind is CONFLICT, and the other messages on their way arrive', async () => {
    const name = stage.unique();
    const operator = await stage.operator();
    await operator.assertQueue(name, { durable: false });
    const queue = stage.open();
    const good = Array.from({ length: 20 }, (_, number) => queue.publish(message(`${name} good`, `evt_${number}`)));
    const error = await failure(queue.publish(message(name)), 'CONFLICT');
    assert.match(error.message, new RegExp(`inequivalent arg .* for queue '${name}'`));
    assert.match(error.hint ?? '', /prefix.*declare/);
    await Promise.all(good);
    await failure(queue.publish(message(name)), 'CONFLICT');
  });

  it('a user without permissions is AUTHORIZATION_FAILED', async () => {
    const { name, password } = USERS.reader;
    const url = stage.broker.url.replace('//', `//${name}:${password}@`);
    for (const o of [{}, { declare: false }]) {
      const error = await failure(stage.open({ url, ...o }).publish(message(stage.unique())), 'AUTHORIZATION_FAILED');
      assert.match(error.hint ?? '', /permissions/);
    }
  });

  it('more than may be on their way are QUEUE_FULL, at once', async () => {
    const name = stage.unique();
    const queue = stage.open({ maxUnconfirmed: 2 });
    const results = await Promise.allSettled(['evt_1', 'evt_2', 'evt_3'].map((id) => queue.publish(message(name, id))));
    assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected']);
    assert.equal((await failure(Promise.reject(/** @type {PromiseRejectedResult} */ (results[2]).reason), 'QUEUE_FULL')).retryable, true);
    await queue.publish(message(name, 'evt_4'));
  });

  it('a lost connection rejects what is unconfirmed with CONNECTION_FAILED, and the next message goes over a new one', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const queue = stage.open({ url });
    await queue.publish(message(name, 'evt_1'));
    relay.pause();
    const unconfirmed = ['evt_2', 'evt_3'].map((id) => queue.publish(message(name, id)));
    relay.cut();
    for (const one of unconfirmed) {
      const error = await failure(one, 'CONNECTION_FAILED');
      assert.deepEqual([error.platform, error.retryable], ['RabbitMQ', true]);
    }
    relay.resume();
    await queue.publish(message(name, 'evt_4'));
    assert.deepEqual([await idOf(name), await idOf(name)], ['evt_1', 'evt_4']);
  });

  it('a broker that does not confirm in time is TIMEOUT, and the message counts as on its way', async () => {
    const name = stage.unique();
    const { relay, url } = await stage.relay();
    const queue = stage.open({ url, timeoutMs: 300, maxUnconfirmed: 1, closeTimeoutMs: 100 });
    await retry(() => queue.publish(message(name)), SOON); // a slow machine may need longer for the first one
    relay.pause();
    assert.equal((await failure(queue.publish(message(name)), 'TIMEOUT')).retryable, true);
    await failure(queue.publish(message(name)), 'QUEUE_FULL');
  });

  it('while the broker is short of disk, messages are QUEUE_FULL; then it goes on', async function () {
    this.timeout(300_000);
    const name = stage.unique();
    const queue = stage.open({ timeoutMs: 200 });
    await retry(() => queue.publish(message(name)), SOON);
    await stage.broker.control('set_disk_free_limit', '9000000000000000');
    // The first ones reach it before it tells; they are confirmed, or not in time.
    const refusal = await retry(() => queue.publish(message(name)).then(() => Promise.reject(new Error('taken'))), SOON, { retryable: ({ code }) => code !== 'QUEUE_FULL' })
      .catch((error) => error);
    assert.match(refusal.message, /low on disk/);
    await stage.broker.control('set_disk_free_limit', '50MB');
    await retry(() => queue.publish(message(name, 'last')), SOON);
  });

  it('what was confirmed outlives a broker that is killed', async function () {
    this.timeout(400_000);
    const { name, sinceMs } = lasting;
    const queue = stage.open();
    await sleep(2000 - (performance.now() - sinceMs));
    const seen = collector();
    const ids = Array.from({ length: 100 }, (_, number) => `evt_${number}`);
    await Promise.all(ids.map((id) => queue.publish(message(name, id))));
    await stage.broker.kill();
    assert.equal((await failure(queue.publish(message(name, 'late')), 'CONNECTION_FAILED')).retryable, true);
    await stage.broker.start();
    await retry(() => queue.consume(name, seen.handler, { concurrency: 10 }), SOON);
    await seen.messages(100);
    assert.deepEqual(seen.all().map(({ eventId }) => eventId).sort(), ids.sort());
    await retry(() => queue.publish(message(name, 'after')), SOON);
    await seen.messages(101);
  });
});
