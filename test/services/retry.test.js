// retry() and parseRetryAfter(): attempts, what is tried again, waits, the signal, and errors as they were thrown.
'use strict';

const assert = require('node:assert/strict');
const { retry, parseRetryAfter, SignatureVerifier } = require('../../lib/index.js');
const { failure, FAST_RETRY } = require('../support/client-stage.js');

/** @param {object} more @returns {any} */
const retryable = (more = {}) => Object.assign(new Error('for a moment'), { retryable: true }, more);

describe('retry', () => {
  /** Fails with each error in turn, then succeeds. @param {unknown[]} errors */
  function failing(errors) {
    /** @type {number[]} */
    const attempts = [];
    /** @param {{ attempt: number }} o */
    const fn = async ({ attempt }) => {
      attempts.push(attempt);
      if (attempt <= errors.length) throw errors[attempt - 1];
      return `attempt ${attempt}`;
    };
    return { fn, attempts };
  }

  it('returns what the function returns, synchronous or not', async () => {
    assert.equal(await retry(async ({ attempt }) => attempt, FAST_RETRY), 1);
    assert.equal(await retry(() => 'at once', FAST_RETRY), 'at once');
    assert.equal(await retry(() => undefined, FAST_RETRY), undefined);
  });

  it('counts attempts from 1, and stops at the first success', async () => {
    const { fn, attempts } = failing([retryable(), retryable()]);
    assert.equal(await retry(fn, FAST_RETRY), 'attempt 3');
    assert.deepEqual(attempts, [1, 2, 3]);
  });

  it('makes as many attempts as the policy says, and throws the last error as it was', async () => {
    const errors = Array.from({ length: 5 }, () => retryable());
    const { fn, attempts } = failing(errors);
    await assert.rejects(retry(fn, FAST_RETRY), (error) => error === errors[3]);
    assert.deepEqual(attempts, [1, 2, 3, 4]);
    const once = failing(errors);
    await assert.rejects(retry(once.fn, { ...FAST_RETRY, attempts: 1 }), (error) => error === errors[0]);
  });

  it('throws what is not retryable at once, whatever it is', async () => {
    for (const thrown of [new Error('for good'), Object.assign(new Error('no'), { retryable: 'yes' }), 'a text', null, undefined, 0]) {
      const { fn, attempts } = failing([thrown]);
      await assert.rejects(async () => { await retry(fn, FAST_RETRY); }, (error) => error === thrown);
      assert.deepEqual(attempts, [1]);
    }
  });

  it('tries again after a synchronous throw too', async () => {
    let calls = 0;
    assert.equal(await retry(() => {
      calls += 1;
      if (calls < 3) throw retryable();
      return calls;
    }, FAST_RETRY), 3);
  });

  /** @type {Array<[string, any, any[], boolean]>} */
  const named = [
    ['a status of this package', { status: 409 }, [409], true],
    ['a statusCode', { statusCode: 409 }, [409], true],
    ['the status of a response', { response: { status: 409 } }, [409], true],
    ['another status', { status: 404 }, [409], false],
    ['a lost connection', { code: 'ECONNRESET' }, ['network'], true],
    ['a failed connection of this package', { code: 'CONNECTION_FAILED' }, ['network'], true],
    ['a lost connection that is not named', { code: 'ECONNRESET' }, ['timeout'], false],
    ['a time-out', { code: 'ETIMEDOUT' }, ['timeout'], true],
    ['a time-out of AbortSignal.timeout', { name: 'TimeoutError' }, ['timeout'], true],
    ['a time-out that is not named', { code: 'ETIMEDOUT' }, [503, 'network'], false],
    ['nothing named', { status: 503 }, [], false],
    ['what is retryable anyway', { retryable: true, status: 418 }, [409], true],
  ];
  for (const [what, fields, on, again] of named) {
    it(`policy.on: ${what} is ${again ? '' : 'not '}tried again`, async () => {
      const { fn, attempts } = failing([Object.assign(new Error('x'), fields)]);
      await retry(fn, { ...FAST_RETRY, on }).catch(() => {});
      assert.equal(attempts.length, again ? 2 : 1);
    });
  }

  it('asks the caller\'s own retryable alone, where there is one', async () => {
    const error = retryable();
    /** @type {unknown[]} */
    const asked = [];
    const never = failing([error]);
    await assert.rejects(retry(never.fn, FAST_RETRY, { retryable: (one) => { asked.push(one); return false; } }), (one) => one === error);
    assert.deepEqual([asked, never.attempts], [[error], [1]]);
    assert.equal(await retry(failing([new Error('x')]).fn, FAST_RETRY, { retryable: () => true }), 'attempt 2');
  });

  it('waits as the policy says, and longer where the error asks for it', async () => {
    /** @param {any} error @param {any} policy */
    const elapsed = async (error, policy) => {
      const startMs = performance.now();
      await retry(failing([error]).fn, { ...FAST_RETRY, ...policy });
      return performance.now() - startMs;
    };
    assert.ok(await elapsed(retryable(), { baseMs: 80, maxMs: 80 }) >= 78);
    assert.ok(await elapsed(retryable({ retryAfterMs: 120 }), {}) >= 118);
    assert.ok(await elapsed(retryable({ retryAfterMs: NaN }), {}) < 5000);
  });

  it('ends at once where the wait would be too long', async () => {
    for (const [fields, policy] of [[{ retryAfterMs: 60_001 }, {}], [{ retryAfterMs: 200 }, { maxRetryAfterMs: 199 }],
      [{ retryAfterMs: 5000 }, { maxElapsedMs: 4000 }], [{}, { baseMs: 5000, maxMs: 5000, maxElapsedMs: 4000 }]]) {
      const error = retryable(fields);
      const { fn, attempts } = failing([error]);
      await assert.rejects(retry(fn, { ...FAST_RETRY, ...policy }), (one) => one === error);
      assert.deepEqual(attempts, [1]);
    }
  });

  describe('signal', () => {
    it('aborted before: the function is not called', async () => {
      const reason = new Error('why');
      const { fn, attempts } = failing([]);
      assert.equal((await failure(retry(fn, FAST_RETRY, { signal: AbortSignal.abort(reason) }), 'ABORTED')).cause, reason);
      assert.deepEqual(attempts, []);
    });

    it('is handed to the function; one that is never aborted where the caller has none', async () => {
      const { signal } = new AbortController();
      assert.equal(await retry((o) => o.signal, FAST_RETRY, { signal }), signal);
      assert.equal((await retry((o) => o.signal, FAST_RETRY)).aborted, false);
    });

    it('aborted during an attempt: ABORTED, no further one', async () => {
      const controller = new AbortController();
      let calls = 0;
      const error = await failure(retry(() => {
        calls += 1;
        controller.abort('enough');
        throw retryable();
      }, FAST_RETRY, { signal: controller.signal }), 'ABORTED');
      assert.deepEqual([error.cause, calls], ['enough', 1]);
    });

    it('aborted while it waits: at once', async () => {
      const controller = new AbortController();
      const waiting = failure(retry(() => {
        setImmediate(() => controller.abort());
        throw retryable();
      }, { ...FAST_RETRY, baseMs: 3_600_000, maxMs: 3_600_000 }, { signal: controller.signal }), 'ABORTED');
      assert.equal((await waiting).cause, controller.signal.reason);
    });
  });

  it('refuses wrong arguments, naming them', async () => {
    /** @type {Array<[any, any, any, RegExp]>} */
    const table = [
      ['x', FAST_RETRY, undefined, /^fn: expected a function, got a string$/],
      [() => {}, { attempts: 0 }, undefined, /^retry\.attempts: expected an integer from 1 to 1000, got 0$/],
      [() => {}, { attempt: 3 }, undefined, /^retry\.attempt: expected one of attempts/],
      [() => {}, { jitter: 'some' }, undefined, /^retry\.jitter: expected/],
      [() => {}, { jitter: { addUpToMs: 1e12 } }, undefined, /^retry\.jitter: expected/],
      [() => {}, null, undefined, /^retry: expected an object, got null$/],
      [() => {}, FAST_RETRY, { signal: 'now' }, /^signal: expected an AbortSignal, got a string$/],
      [() => {}, FAST_RETRY, { retryable: true }, /^retryable: expected a function, got true$/],
      [() => {}, FAST_RETRY, null, /^the third argument: expected an object, got null$/],
    ];
    for (const [fn, policy, o, message] of table) assert.match((await failure(retry(fn, policy, o), 'CONFIG_INVALID')).message, message);
  });

  it('tells errors of this package by what they say of themselves', async () => {
    let calls = 0;
    await failure(retry(() => {
      calls += 1;
      return new SignatureVerifier({ secrets: '' });
    }, FAST_RETRY), 'CONFIG_INVALID');
    assert.equal(calls, 1);
  });
});

describe('parseRetryAfter', () => {
  const NOW = Date.UTC(1994, 10, 6, 8, 49, 7); // half a minute before RFC 9110's own example
  /** @type {Array<[any, number | undefined]>} */
  const table = [
    ['0', 0], ['1', 1000], ['120', 120_000], ['007', 7000], ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000], ['Sun Nov  6 08:49:37 1994', 30_000],
    ['Sun, 06 Nov 1994 08:49:06 GMT', 0], ['Sat, 01 Jan 1994 00:00:00 GMT', 0],
    ['', undefined], ['-1', undefined], ['1.5', undefined], ['1e3', undefined], ['soon', undefined], ['1 second', undefined], ['0x10', undefined],
    ['1994-11-06T08:49:37Z', undefined], ['Sun, 06 Nov 1994 08:49:37 CET', undefined], ['Sun, 32 Nov 1994 08:49:37 GMT', undefined],
    [undefined, undefined], [null, undefined], [120, undefined], [['1'], undefined],
  ];
  for (const [value, expected] of table) {
    it(`${JSON.stringify(value)} is ${expected}`, () => assert.equal(parseRetryAfter(value, NOW), expected));
  }

  it('counts dates from now where no time is given', () => {
    const wait = parseRetryAfter(new Date(Date.now() + 60_000).toUTCString());
    assert.ok(wait !== undefined && wait > 50_000 && wait <= 60_000, String(wait));
    assert.equal(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT'), 0);
  });

  it('of a number too large to hold is the longest wait', () => {
    const wait = parseRetryAfter('9'.repeat(40));
    assert.ok(wait !== undefined && wait > 1e15, String(wait));
  });
});
