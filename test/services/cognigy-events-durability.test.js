// What survives: a store that is not there, a restart, a close in the middle of work; and what the data directory allows.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { within } = require('../support/until.js');

const HOUR_WAIT = { ...FAST_RETRY, baseMs: 3_600_000, maxMs: 3_600_000 };

describe('cognigyEvents durability', () => {
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

  const keys = () => new Set(platform.seen.map(({ headers }) => headers['idempotency-key']));

  /** Holds every answer back. @returns {import('node:http').ServerResponse[]} */
  function hold() {
    /** @type {import('node:http').ServerResponse[]} */
    const held = [];
    platform.answer = (res) => held.push(res);
    return held;
  }

  /** @param {unknown} answer @returns {any} */
  const bodyOf = (answer) => /** @type {any} */ (answer).body;

  it('makes the data directory, for its owner alone', async () => {
    const dataDir = path.join(stage.folder, 'a', 'b');
    await start({ dataDir }).ready();
    assert.equal(fs.statSync(dataDir).mode & 0o777, 0o700);
    assert.ok(fs.existsSync(path.join(dataDir, 'events.db')));
  });

  it('answers 503 with Retry-After while the store cannot be opened, and recovers once it can be', async () => {
    const dataDir = path.join(stage.folder, 'in-the-way');
    fs.writeFileSync(dataDir, 'a file');
    const service = start({ dataDir });
    await assert.rejects(service.ready(), { code: 'STORE_UNAVAILABLE', retryable: true });
    const event = makeEvent();
    for (let i = 0; i < 2; i += 1) {
      const { status, headers, body } = await stage.handle(service, event);
      assert.equal(status, 503);
      assert.match(String(headers?.['Retry-After']), /^[1-9]\d*$/);
      assert.match(/** @type {any} */ (body).error, /^STORE_UNAVAILABLE: /);
    }
    assert.equal(platform.seen.length, 0);
    await assert.rejects(service.deadLetters.list(), { code: 'STORE_UNAVAILABLE' });
    await assert.rejects(service.replay('x'), { code: 'STORE_UNAVAILABLE' });
    fs.rmSync(dataDir);
    assert.deepEqual(bodyOf(await stage.handle(service, event)), { status: 'processed', eventId: event.webhookEventId });
  });

  it('leaves a damaged database as it is and answers 503', async () => {
    fs.mkdirSync(stage.dataDir);
    const file = path.join(stage.dataDir, 'events.db');
    const damaged = Buffer.alloc(8192, 'not a database');
    fs.writeFileSync(file, damaged);
    const service = start();
    assert.equal((await stage.handle(service, makeEvent())).status, 503);
    await service.close();
    assert.ok(fs.readFileSync(file).equals(damaged));
  });

  it('lets several services use a directory, and an id be one of theirs alone', async () => {
    const services = [start(), start(), start()];
    const event = makeEvent();
    const answers = await Promise.all(services.map((service) => stage.handle(service, event)));
    assert.deepEqual(answers.map((answer) => bodyOf(answer).status).sort(), ['duplicate_skipped', 'duplicate_skipped', 'processed']);
    assert.equal(platform.seen.length, 1);
    await services[0].close();
    assert.equal(bodyOf(await stage.handle(services[1], event)).status, 'duplicate_skipped');
    assert.equal(bodyOf(await stage.handle(services[2], makeEvent())).status, 'processed');
  });

  it('refuses a service that would remember another number of ids than those at work', async () => {
    await start().ready();
    const other = start({ idempotency: { capacity: 1000 } });
    await assert.rejects(other.ready(), { code: 'CONFIG_INVALID', message: /capacity/ });
  });

  it('remembers over a restart what is done', async () => {
    const event = makeEvent();
    const first = start();
    await stage.handle(first, event);
    await first.close();
    const second = start();
    assert.deepEqual(bodyOf(await stage.handle(second, event)), { status: 'duplicate_skipped', eventId: event.webhookEventId });
    assert.equal(platform.seen.length, 1);
    assert.equal(second.stats().ring.size, 1);
  });

  /** @type {Array<[string, (bytes: Buffer) => Buffer]>} */
  const damages = [
    ['cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['all zeros', (bytes) => bytes.fill(0)],
    ['another version', (bytes) => bytes.fill(0x7f, 8, 9)],
    ['one bit of an id', (bytes) => { bytes[4096 + 64] ^= 1; return bytes; }], // behind the file's first page and the ring's header
    ['one bit of the key', (bytes) => { bytes[40] ^= 1; return bytes; }],
    ['gone', () => Buffer.alloc(0)],
  ];
  for (const [what, damage] of damages) {
    it(`remembers what is stored although the ring of ids was damaged: ${what}`, async () => {
      const event = makeEvent();
      const first = start();
      await stage.handle(first, event);
      await first.close();
      const ring = path.join(stage.dataDir, 'events.ring');
      const damaged = damage(fs.readFileSync(ring));
      fs.rmSync(ring); // another file in its place: whoever had the old one mapped has it still
      fs.writeFileSync(ring, damaged);
      const second = start();
      assert.equal(bodyOf(await stage.handle(second, event)).status, 'duplicate_skipped');
      assert.equal(bodyOf(await stage.handle(second, makeEvent())).status, 'processed');
      assert.equal(platform.seen.length, 2);
    });
  }

  it('parks a waiting retry at close, and the next start goes on with it under the same key', async () => {
    platform.answer = answering(503);
    const event = makeEvent();
    const first = start({ retry: HOUR_WAIT });
    const answered = stage.handle(first, event);
    await platform.requests(1);
    await within(first.close(), 'close() not to wait for the retry');
    assert.deepEqual(await answered, { status: 202, body: { status: 'accepted', eventId: event.webhookEventId } });
    assert.equal(first.stats().pending, 0);
    assert.equal(platform.seen.length, 1);

    platform.answer = answering(200);
    const second = start();
    await second.ready();
    assert.equal((await stage.logger.latencyOf(event.webhookEventId)).fields.status, 'SUCCESS');
    assert.deepEqual(stage.logger.lines.find(({ fields }) => fields.unfinished !== undefined)?.fields, { unfinished: 1 });
    assert.equal(keys().size, 1);
    assert.equal(new Set(platform.seen.map(({ body }) => body)).size, 1, 'the same bytes');
    assert.equal(bodyOf(await stage.handle(second, event)).status, 'duplicate_skipped');
  });

  it('makes a re-post of an event of an earlier run a duplicate while that is under way', async () => {
    platform.answer = answering(503);
    const event = makeEvent();
    const first = start({ retry: HOUR_WAIT });
    const answered = stage.handle(first, event);
    await platform.requests(1);
    await first.close();
    await answered;
    const held = hold();
    const second = start();
    await second.ready();
    await platform.requests(2);
    assert.equal(bodyOf(await stage.handle(second, event)).status, 'duplicate_skipped');
    assert.equal(second.stats().pending, 1);
    held[0].end('{}');
    await stage.logger.latencyOf(event.webhookEventId);
    assert.equal(platform.seen.length, 2);
  });

  it('drains at close: what is in flight is finished and answered, then everything is refused', async () => {
    const held = hold();
    const service = start();
    const event = makeEvent();
    const answered = stage.handle(service, event);
    await platform.requests(1);
    const closed = service.close();
    const refused = await stage.handle(service, makeEvent());
    assert.deepEqual([refused.status, refused.body, refused.headers], [503, { error: 'CLOSED: the service is shutting down' }, { 'Retry-After': '1' }]);
    held[0].end('{}');
    assert.equal(bodyOf(await answered).status, 'processed');
    await closed;
    await service.close();
    assert.equal(service.close(), service.close(), 'once is enough');
    assert.equal((await stage.handle(service, event)).status, 503);
    for (const call of [() => service.ready(), () => service.replay('x'), () => service.deadLetters.list()]) await assert.rejects(call(), { code: 'CLOSED' });
    assert.deepEqual([service.stats().processed, service.stats().pending], [1, 0]);
    assert.equal(platform.seen.length, 1);
  });

  it('closes over HTTP as well: 503 CLOSED with Retry-After', async () => {
    const { service, url } = await stage.start();
    await service.close();
    const { status, headers, json } = await stage.post(url, makeEvent());
    assert.deepEqual([status, json], [503, { error: 'CLOSED: the service is shutting down' }]);
    assert.match(headers['retry-after'] ?? '', /^\d+$/);
  });

  it('settles everything that is asked of it when it is closed before it is open', async () => {
    for (let round = 0; round < 10; round += 1) {
      const service = start();
      const asked = [service.ready(), stage.handle(service, makeEvent()), service.deadLetters.list(), service.replay('x')];
      const settled = Promise.allSettled(asked);
      await within(service.close(), 'close() to end');
      const [ready, handled] = await within(settled, 'every promise to be settled');
      assert.ok(ready.status === 'fulfilled' || ready.reason.code === 'CLOSED', JSON.stringify(ready));
      assert.ok(handled.status === 'fulfilled' && [200, 202, 503].includes(/** @type {any} */ (handled.value).status), JSON.stringify(handled));
    }
  });

  it('settles reads and replays that are under way when it is closed', async () => {
    for (let round = 0; round < 20; round += 1) {
      const service = start();
      await service.ready();
      const asked = [...Array.from({ length: 5 }, () => service.deadLetters.list()), ...Array.from({ length: 5 }, () => service.replay('unknown')), service.replay(makeEvent())];
      const settled = Promise.allSettled(asked);
      await within(service.close(), 'close() to end');
      for (const one of await within(settled, 'every promise to be settled')) {
        if (one.status === 'rejected') assert.ok(['CLOSED', 'NOT_FOUND'].includes(one.reason.code), one.reason.stack);
      }
    }
  });

  it('loses no event of a close under load: each is processed, accepted for the next start, or refused', async () => {
    const service = start();
    await service.ready();
    const events = Array.from({ length: 300 }, () => makeEvent());
    const answers = events.map((event) => stage.handle(service, event));
    await platform.requests(20);
    await service.close();
    const refused = new Set();
    for (const [index, answer] of (await Promise.all(answers)).entries()) {
      assert.ok([200, 202, 503].includes(answer.status));
      if (answer.status === 503) refused.add(events[index].webhookEventId);
    }
    const next = start();
    await next.ready();
    for (const event of events) {
      const status = bodyOf(await stage.handle(next, event)).status;
      assert.equal(status, refused.has(event.webhookEventId) ? 'processed' : 'duplicate_skipped');
    }
    await stage.logger.waitFor(/Status: SUCCESS/, events.length);
    assert.equal(next.stats().pending, 0, 'nothing is left over');
    assert.equal(keys().size, 300);
  });

  it('takes events while others are stored, sent and finished, thousands of them', async () => {
    const service = start({ idempotency: { capacity: 65_536 } });
    const lines = Array.from({ length: 64 }, async () => {
      for (let i = 0; i < 64; i += 1) assert.equal(bodyOf(await stage.handle(service, makeEvent())).status, 'processed');
    });
    await Promise.all(lines);
    const { accepted, processed, pending } = service.stats();
    assert.deepEqual([accepted, processed, pending, keys().size], [4096, 4096, 0, 4096]);
  });

  it('answers 503 QUEUE_FULL above maxPending, and takes events again below it', async () => {
    const held = hold();
    const service = start({ maxPending: 2, maxConnections: 4 });
    const first = [stage.handle(service, makeEvent()), stage.handle(service, makeEvent())];
    await platform.requests(2);
    const event = makeEvent();
    const { status, headers, body } = await stage.handle(service, event);
    assert.equal(status, 503);
    assert.match(/** @type {any} */ (body).error, /^QUEUE_FULL: /);
    assert.ok(headers?.['Retry-After']);
    for (const res of held) res.end('{}');
    await Promise.all(first);
    platform.answer = answering(200);
    assert.equal(bodyOf(await stage.handle(service, event)).status, 'processed', 'the id was not used up');
  });

  it('answers 503 QUEUE_FULL when every id that can be remembered is in flight', async () => {
    const held = hold();
    const service = start({ idempotency: { capacity: 1 } });
    const first = stage.handle(service, makeEvent());
    await platform.requests(1);
    const event = makeEvent();
    const { status, body } = await stage.handle(service, event);
    assert.deepEqual([status, /** @type {any} */ (body).error.split(':')[0]], [503, 'QUEUE_FULL']);
    held[0].end('{}');
    await first;
    platform.answer = answering(200);
    assert.equal((await stage.handle(service, event)).status, 200);
    assert.deepEqual([service.stats().ring.evicted, service.stats().ring.size], [1, 1]);
  });
});
