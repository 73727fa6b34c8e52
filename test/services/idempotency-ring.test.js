// IdempotencyRing from outside: claims, completions and releases, what is refused, and its bounds. Time is tested in the core, with a clock of its own.
'use strict';

const assert = require('node:assert/strict');
const { IdempotencyRing, TrunklineError } = require('../../lib/index.js');
const { until } = require('../support/until.js');

const LONG = 'x'.repeat(10_000);

describe('IdempotencyRing', () => {
  it('claims an id once, and tells in flight from done', () => {
    const ring = new IdempotencyRing({ capacity: 4 });
    assert.equal(ring.claim('a'), 'claimed');
    assert.equal(ring.claim('a'), 'in-flight');
    assert.equal(ring.complete('a'), true);
    assert.equal(ring.claim('a'), 'done');
    assert.equal(ring.claim('a'), 'done');
    assert.equal(ring.size, 1);
  });

  it('forgets an id that is released, so that it can be claimed again', () => {
    const ring = new IdempotencyRing({ capacity: 1 });
    for (let round = 0; round < 3; round += 1) {
      assert.equal(ring.claim('a'), 'claimed');
      assert.equal(ring.release('a'), true);
      assert.equal(ring.size, 0);
    }
  });

  it('answers false to complete and release of an id that is not in flight', () => {
    const ring = new IdempotencyRing({ capacity: 4 });
    assert.equal(ring.complete('never'), false);
    assert.equal(ring.release('never'), false);
    ring.claim('done');
    ring.complete('done');
    assert.equal(ring.complete('done'), false);
    assert.equal(ring.release('done'), false);
    assert.equal(ring.claim('done'), 'done', 'a release does not undo what is done');
    ring.claim('released');
    ring.release('released');
    assert.equal(ring.complete('released'), false);
    assert.equal(ring.release('released'), false);
  });

  it('forgets a done id, and one in flight, at the end of its lifetime', async () => {
    const ring = new IdempotencyRing({ capacity: 4, ttlMs: 1 });
    ring.claim('done');
    ring.complete('done');
    ring.claim('stuck');
    await until(() => ring.claim('done') === 'claimed', 'the done id to be forgotten');
    await until(() => ring.claim('stuck') === 'claimed', 'the id in flight to be forgotten');
    assert.equal(ring.evicted, 0, 'an id that has expired was not evicted');
  });

  it('throws a TypeError for an id that is empty or no string, and is not altered by it', () => {
    const ring = new IdempotencyRing({ capacity: 4 });
    for (const id of ['', undefined, null, 42, {}, [], Symbol('a'), Buffer.from('a'), true]) {
      for (const method of /** @type {const} */ (['claim', 'complete', 'release'])) {
        assert.throws(() => ring[method](/** @type {any} */ (id)), { name: 'TypeError', message: /^id: expected a non-empty string/ });
      }
    }
    assert.throws(() => /** @type {any} */ (ring).claim(), TypeError);
    assert.equal(ring.size, 0);
  });

  it('tells ids apart that differ in anything at all', () => {
    const ids = [
      'a', 'A', 'ab', 'a ', ' a', 'a\0', 'a\0b', 'a\0c', '\0', '\0\0', '\0a', 'é', 'e\u0301', '\u{1F600}', '\u{1F601}', '__proto__', 'constructor', 'toString',
      LONG, `${LONG}y`, `y${LONG}`, LONG.slice(1), `${LONG}\0`, `${LONG.slice(1)}\u00fc`,
      // Around the length at which the binding stops using its buffer on the stack.
      ...Array.from({ length: 12 }, (_, more) => 'b'.repeat(248 + more)), ...Array.from({ length: 12 }, (_, more) => 'ü'.repeat(120 + more)),
    ];
    const ring = new IdempotencyRing({ capacity: ids.length });
    for (const id of ids) assert.equal(ring.claim(id), 'claimed', JSON.stringify(id.slice(0, 20)));
    assert.equal(ring.size, ids.length);
    for (const id of ids) assert.equal(ring.complete(id), true);
    for (const id of ids) assert.equal(ring.claim(id), 'done', JSON.stringify(id.slice(0, 20)));
  });

  it('lets the id that was done first give way at capacity, and counts it', () => {
    const ring = new IdempotencyRing({ capacity: 3 });
    for (const id of ['a', 'b', 'c']) ring.claim(id);
    for (const id of ['b', 'a']) ring.complete(id);
    assert.equal(ring.claim('d'), 'claimed');
    assert.equal(ring.evicted, 1);
    assert.equal(ring.claim('a'), 'done', 'done later than b');
    assert.equal(ring.claim('c'), 'in-flight', 'in flight never gives way');
    assert.equal(ring.claim('b'), 'claimed', 'b had given way; now a does');
    assert.equal(ring.evicted, 2);
    assert.equal(ring.size, 3);
    for (const id of ['b', 'c', 'd']) assert.equal(ring.claim(id), 'in-flight');
  });

  it('throws QUEUE_FULL when every id is in flight, and goes on when one is free', () => {
    const ring = new IdempotencyRing({ capacity: 2 });
    ring.claim('a');
    ring.claim('b');
    assert.throws(() => ring.claim('c'), (error) => error instanceof TrunklineError && error.code === 'QUEUE_FULL' && error.retryable);
    assert.equal(ring.claim('a'), 'in-flight', 'those that are known are still told');
    ring.release('a');
    assert.equal(ring.claim('c'), 'claimed');
    ring.complete('b');
    assert.equal(ring.claim('d'), 'claimed');
    assert.equal(ring.evicted, 1);
  });

  it('works at a capacity of one', () => {
    const ring = new IdempotencyRing({ capacity: 1 });
    assert.equal(ring.claim('a'), 'claimed');
    assert.throws(() => ring.claim('b'), { code: 'QUEUE_FULL' });
    ring.complete('a');
    assert.equal(ring.claim('b'), 'claimed');
    assert.equal(ring.evicted, 1);
    ring.complete('b');
    assert.equal(ring.claim('b'), 'done');
    assert.deepEqual([ring.size, ring.capacity], [1, 1]);
  });

  it('takes at most 32 bytes an id, all of it at once', () => {
    const fixed = new IdempotencyRing({ capacity: 1 }).memoryBytes;
    assert.ok(fixed <= 8192, `a ring of one takes ${fixed} bytes`);
    for (const capacity of [2, 3, 100, 1000, 4096, 5000, 100_000]) {
      const ring = new IdempotencyRing({ capacity });
      const before = ring.memoryBytes;
      assert.ok(before <= 32 * capacity + 8192, `${capacity} ids: ${before} bytes`);
      for (let i = 0; i < capacity + 100; i += 1) {
        ring.claim(`id-${i}-${LONG.slice(0, i % 50)}`);
        ring.complete(`id-${i}-${LONG.slice(0, i % 50)}`);
      }
      assert.equal(ring.memoryBytes, before);
      assert.deepEqual([ring.size, ring.capacity, ring.evicted], [capacity, capacity, 100]);
    }
  });

  it('keeps rings apart', () => {
    const [one, other] = [new IdempotencyRing({ capacity: 2 }), new IdempotencyRing({ capacity: 2 })];
    one.claim('a');
    assert.equal(other.complete('a'), false);
    assert.equal(other.claim('a'), 'claimed');
  });

  /** @type {Array<[any, RegExp]>} */
  const wrong = [
    [undefined, /^missing: capacity$/], [{}, /^missing: capacity$/], [null, /^options: expected an object, got null$/],
    [{ capacity: 0 }, /^capacity: expected an integer from 1 to \d+, got 0$/], [{ capacity: -1 }, /^capacity: .*got -1$/],
    [{ capacity: 1.5 }, /^capacity: .*got 1\.5$/], [{ capacity: NaN }, /^capacity: .*got NaN$/], [{ capacity: Infinity }, /^capacity: /],
    [{ capacity: 2 ** 40 }, /^capacity: /], [{ capacity: 'many' }, /^capacity: .*got a string$/], [{ capacity: 4, ttlMs: 0 }, /^ttlMs: expected an integer.*got 0$/],
    [{ capacity: 4, ttlMs: -5 }, /^ttlMs: /], [{ capacity: 4, ttlMs: null }, /^ttlMs: .*got null$/],
    [{ capacity: 4, size: 4 }, /^size: is not an option; known are .*capacity.*ttlMs/], [{ capacity: 0, ttlMs: 0 }, /^capacity: .*; ttlMs: /],
  ];
  for (const [options, message] of wrong) {
    it(`refuses the options ${options === undefined ? 'undefined' : JSON.stringify(options)}`, () => {
      assert.throws(() => new IdempotencyRing(options), (error) => error instanceof TrunklineError && error.code === 'CONFIG_INVALID' && message.test(error.message));
    });
  }
});
