// The ledger's judgements, with times in the test's hand.
'use strict';

const assert = require('node:assert/strict');
const { SyncLedger } = require('../../lib/services/profile-sync/ledger.js');

const LIFETIME_MS = 600_000;
const NOW_MS = 1_700_000_000_000;

describe('the sync ledger', () => {
  /** @type {SyncLedger} */
  let ledger;
  beforeEach(() => { ledger = new SyncLedger(undefined, { nowMs: NOW_MS, lifetimeMs: LIFETIME_MS }); });

  /** As another process finds it so much later. @param {number} afterMs */
  const later = (afterMs) => new SyncLedger(ledger.toString(), { nowMs: NOW_MS + afterMs, lifetimeMs: LIFETIME_MS });
  /** @typedef {import('../../lib/services/profile-sync/ledger.js').Time} Time */
  /** @param {number} [at] @returns {Time} by Genesys' clock */
  const time = (at = NOW_MS) => ({ at, clock: 'genesys' });
  /** @param {number} at @returns {Time} of an event that says none: when it was received */
  const received = (at) => ({ at, clock: 'own' });
  /** @param {unknown} value @param {number | Time} [at] @param {string} [session] */
  const fromGenesys = (value, at, session = 's') => ledger.judgeProfile('a', value, { time: typeof at === 'object' ? at : time(at), session });
  /** @param {unknown} a @param {string} [session] */
  const write = (a, session = 's') => ledger.write({ attributes: { a }, session });
  /** @param {unknown} a @param {number | Time} [at] @param {string} [session] */
  const tell = (a, at, session = 's') => ledger.tell({ attributes: { a }, time: typeof at === 'object' ? at : time(at), session });

  it('knows nothing at first', () => {
    assert.equal(ledger.judgeSession('a', 1, undefined), 'news');
    assert.equal(fromGenesys(1, NOW_MS), 'news');
  });

  it('tells values apart by what they are, not by how they are written down', () => {
    write({ x: 1, y: [true, null] });
    assert.equal(fromGenesys({ y: [true, null], x: 1 }), 'echo');
    for (const other of [{ x: '1', y: [true, null] }, { x: 1, y: [null, true] }, null, 'x', { x: 1 }]) assert.equal(fromGenesys(other), 'news', JSON.stringify(other));
    write('1');
    assert.deepEqual([fromGenesys('1'), fromGenesys(1)], ['echo', 'news']);
  });

  it('takes the echoes of several writes, in any order', () => {
    for (const value of [1, 2, 3]) write(value);
    assert.deepEqual([2, 3, 1].map((value) => fromGenesys(value)), ['echo', 'echo', 'echo']);
  });

  it('an echo makes the writes before it old news', () => {
    for (const value of [1, 2]) write(value);
    ledger.hear('a', 2, time());
    assert.deepEqual([fromGenesys(2), fromGenesys(1)], ['echo', 'news']);
  });

  it('a value set again after our later write is news, told by its time', () => {
    write(1);
    ledger.settle(['a'], NOW_MS);
    write(2);
    ledger.settle(['a'], NOW_MS + 1000);
    assert.equal(fromGenesys(1, NOW_MS + 500), 'echo');
    assert.equal(fromGenesys(1, NOW_MS + 1001), 'news');
  });

  it('what somebody else has set since is no echo any more', () => {
    write(1);
    tell(2, NOW_MS + 10);
    assert.equal(fromGenesys(1, NOW_MS + 20), 'news');
    assert.equal(fromGenesys(1, NOW_MS), 'stale');
    assert.equal(fromGenesys(2, NOW_MS + 30), 'known');
  });

  it('a write that Genesys may not have taken makes nothing stale', () => {
    write(1);
    assert.equal(fromGenesys(2, NOW_MS - 1_000_000), 'news', 'our clock is not Genesys\', and the write may have failed');
    assert.equal(fromGenesys(2, received(NOW_MS - 1)), 'news');
    ledger.settle(['a'], NOW_MS);
    assert.equal(fromGenesys(2, NOW_MS - 1), 'stale');
    assert.equal(fromGenesys(2, received(NOW_MS - 1)), 'news', 'an event without a time is not older than what has one');
  });

  it('what is older than what Genesys told before our own write stays old', () => {
    tell(1, NOW_MS);
    write(2);
    assert.equal(fromGenesys(3, NOW_MS - 1), 'stale');
    assert.equal(fromGenesys(3, NOW_MS + 1), 'news');
  });

  it('events without a time are in the order in which they were received', () => {
    tell(2, received(NOW_MS));
    assert.equal(fromGenesys(1, received(NOW_MS - 1)), 'stale');
    assert.equal(fromGenesys(3, received(NOW_MS)), 'news');
    assert.equal(fromGenesys(3, NOW_MS - 1), 'news', 'our clock may be ahead');
    ledger = later(1);
    assert.equal(fromGenesys(1, received(NOW_MS - 1)), 'stale');
  });

  it('a session knows what it has been told itself', () => {
    tell(2, NOW_MS, 's');
    assert.deepEqual([fromGenesys(2, NOW_MS, 's'), fromGenesys(2, NOW_MS, 't')], ['known', 'news']);
  });

  it('a session that repeats what Genesys told it says nothing new', () => {
    tell(2, NOW_MS);
    assert.equal(ledger.judgeSession('a', 2, undefined), 'echo');
    assert.equal(ledger.judgeSession('a', 3, NOW_MS - 1), 'stale');
    assert.equal(ledger.judgeSession('a', 3, NOW_MS + 1), 'news');
    assert.equal(ledger.judgeSession('a', 3, undefined), 'news', 'without a time it counts as new');
    write(3);
    assert.equal(ledger.judgeSession('a', 3, NOW_MS - 1), 'repeated');
  });

  it('forgets each value when its time is over, wherever it was read', () => {
    write(1);
    assert.equal(later(LIFETIME_MS - 1).judgeProfile('a', 1, { time: time(), session: 's' }), 'echo');
    assert.equal(later(LIFETIME_MS).judgeProfile('a', 1, { time: time(), session: 's' }), 'news');
    assert.equal(later(LIFETIME_MS).toString(), '[null,[]]');
  });

  it('stays small however often an attribute is written', () => {
    for (let i = 0; i < 1000; i += 1) write(i);
    assert.ok(ledger.toString().length < 1000, ledger.toString());
    for (let i = 0; i < 1000; i += 1) write('same');
    assert.equal(fromGenesys('same'), 'echo');
  });

  it('holds no value in the clear', () => {
    write('ann@example.com');
    assert.ok(!ledger.toString().includes('ann'));
  });

  it('takes names that objects have of themselves', () => {
    const attributes = JSON.parse('{"__proto__":1,"constructor":2}');
    ledger.write({ attributes, session: 's' });
    const other = later(1);
    assert.deepEqual(Object.entries(attributes).map(([name, value]) => other.judgeProfile(name, value, { time: time(), session: 's' })), ['echo', 'echo']);
  });
});
