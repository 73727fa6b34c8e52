// The event service with RabbitMQ as its queue: from the sender's bytes to the broker's, also when the broker is away.
'use strict';

const assert = require('node:assert/strict');
const { makeEvent, signatureOf } = require('../support/events.js');
const { describeWithRabbitMQ, SOON } = require('../support/rabbitmq-stage.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

describeWithRabbitMQ('cognigyEvents with RabbitMQ', (rabbit) => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
  });
  afterEach(() => stage.close());

  /** A service that publishes over a relay, to queues of its own. @param {import('../..').CognigyEventsOptions} [options] */
  async function start(options) {
    const prefix = `${rabbit.unique()}.`;
    const { relay, url } = await rabbit.relay();
    const queue = rabbit.open({ url, prefix });
    const service = stage.service({ apiBaseUrl: platform.url, queue, publishRetry: SOON, ...options });
    return { service, relay, name: `${prefix}orders-queue` };
  }

  /** An event whose text no parser would bring back as it came: odd spaces, a number of many digits, needless escapes. */
  function makeBody() {
    const event = makeEvent({ note: 'ü 😀 \u2028' });
    return { event, body: `${JSON.stringify(event).replace('{', ' { "amount": 10.000000000000000000001, "n\\u00f6te": "\\/",\n')}\r\n` };
  }

  /** The queue's next message of an event: where the broker was slow, one before it may lie there twice. @param {string} name @param {string} eventId */
  async function take(name, eventId) {
    for (;;) {
      const message = await rabbit.take(name);
      if (message.properties.messageId === eventId) return message;
    }
  }
  /** @param {import('amqplib').GetMessage} message */
  const idsOf = ({ properties }) => ({ messageId: properties.messageId, eventId: properties.headers?.eventId, key: properties.headers?.idempotencyKey });

  it('puts the bytes as they came into the queue, under the id and the key of the state call', async () => {
    const { service, name } = await start();
    const { event, body } = makeBody();
    const answer = await service.handle(body, signatureOf(body, stage.secret));
    assert.deepEqual(answer, { status: 200, body: { status: 'processed', eventId: event.webhookEventId } });
    const message = await take(name, event.webhookEventId);
    assert.ok(message.content.equals(Buffer.from(body)), message.content.toString());
    assert.deepEqual(idsOf(message), { messageId: event.webhookEventId, eventId: event.webhookEventId, key: platform.seen[0].headers['idempotency-key'] });
    assert.equal(message.properties.headers?.intent, event.intent);
    assert.equal(platform.seen.length, 1);
  });

  it('answers 202 when the connection is cut before the broker confirms, and publishes again, under the same key, once it is back', async () => {
    const { service, relay, name } = await start({ respondWithinMs: 50 });
    const first = makeEvent();
    await stage.handle(service, first);
    await stage.logger.latencyOf(first.webhookEventId); // connected, and the queue declared
    relay.pauseAnswers();
    const { event, body } = makeBody();
    const answer = await service.handle(body, signatureOf(body, stage.secret));
    assert.deepEqual(answer, { status: 202, body: { status: 'accepted', eventId: event.webhookEventId } });
    const unconfirmed = await take(name, event.webhookEventId); // the broker has it, and nobody knows
    const retried = service.stats().retried;
    await relay.close();
    await until(() => service.stats().retried > retried, 'a try while the broker is away');
    assert.equal(platform.seen.length, 1, 'no state is posted before the queue has the event');

    await relay.open();
    const confirmed = await take(name, event.webhookEventId);
    assert.ok(confirmed.content.equals(Buffer.from(body)));
    assert.deepEqual(idsOf(confirmed), idsOf(unconfirmed));
    assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.status, 'SUCCESS');
    assert.equal(platform.seen.length, 2);
    assert.equal(platform.seen[1].headers['idempotency-key'], idsOf(confirmed).key);
  });

  it('buries at publish while the broker is gone, and a replay goes on there once it is back', async () => {
    const { service, relay, name } = await start({ publishRetry: FAST_RETRY });
    await relay.close();
    const { event, body } = makeBody();
    const answer = await service.handle(body, signatureOf(body, stage.secret));
    assert.deepEqual([answer.status, /** @type {any} */ (answer.body).status], [200, 'failed_queued_for_dlq']);
    assert.match(/** @type {any} */ (answer.body).error, /^CONNECTION_FAILED: /);
    const [letter] = await service.deadLetters.list();
    assert.deepEqual([letter.eventId, letter.step, letter.code, letter.attempts], [event.webhookEventId, 'publish', 'CONNECTION_FAILED', FAST_RETRY.attempts]);
    assert.deepEqual(await service.deadLetters.replay(), { matched: 1, replayed: 0, accepted: 0, failed: 1 });
    assert.equal(platform.seen.length, 0);

    await relay.open();
    assert.deepEqual(await service.deadLetters.replay(), { matched: 1, replayed: 1, accepted: 0, failed: 0 });
    const message = await take(name, event.webhookEventId);
    assert.ok(message.content.equals(Buffer.from(body)));
    assert.deepEqual(idsOf(message), { messageId: event.webhookEventId, eventId: event.webhookEventId, key: platform.seen[0].headers['idempotency-key'] });
    assert.equal(platform.seen.length, 1);
    assert.deepEqual(await service.deadLetters.list(), []);
  });
});
