// HttpClient: what is tried again and what is not, Retry-After, time-outs, deadlines, and the AbortSignal at every stage.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { FAST_RETRY, openClientStage, failure } = require('../support/client-stage.js');
const { answering } = require('../support/platform.js');
const { until } = require('../support/until.js');

const LATER = { ...FAST_RETRY, baseMs: 3_600_000, maxMs: 3_600_000 };

describe('HttpClient retries', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** @type {import('../..').HttpClient} */
  let client;
  beforeEach(async () => {
    stage = await openClientStage();
    client = stage.client();
  });
  afterEach(() => stage.close());

  /** Answers with `status` once, then with 200. @param {number} status @param {Record<string, string>} [headers] */
  const onceWith = (status, headers) => {
    stage.platform.answer = (res, _seen, number) => res.writeHead(number === 1 ? status : 200, number === 1 ? headers : {}).end();
  };

  for (const status of [408, 429, 500, 502, 503, 504]) {
    it(`repeats a GET after ${status}`, async () => {
      onceWith(status);
      assert.equal((await client.request({ path: '/' })).attempts, 2);
      assert.equal(stage.platform.seen.length, 2);
    });
  }

  it('ends with the last error when the tries are used up', async () => {
    stage.platform.answer = answering(502);
    const error = await failure(client.request({ path: '/' }), 'UPSTREAM_ERROR');
    assert.deepEqual([error.attempts, error.status, stage.platform.seen.length], [4, 502, 4]);
  });

  it('repeats what is safe, and sends the same each time', async () => {
    /** @type {Array<[any, number, number]>} request, status, requests that the platform sees */
    const table = [
      [{ method: 'POST' }, 500, 1], [{ method: 'POST' }, 504, 1], [{ method: 'PATCH' }, 502, 1],
      [{ method: 'POST' }, 429, 2], [{ method: 'POST' }, 503, 2],
      [{ method: 'POST', idempotencyKey: 'k1' }, 500, 2], [{ method: 'POST', idempotent: true }, 500, 2],
      [{ method: 'PUT' }, 500, 2], [{ method: 'DELETE' }, 500, 2], [{ method: 'HEAD' }, 500, 2], [{ method: 'OPTIONS' }, 500, 2],
      [{ method: 'GET' }, 501, 1], [{ method: 'GET' }, 404, 1], [{ method: 'GET', retry: false }, 503, 1],
      [{ method: 'GET', retry: { attempts: 1 } }, 503, 1],
    ];
    for (const [request, status, count] of table) {
      stage.platform.seen.length = 0;
      onceWith(status);
      await client.request({ path: '/', ...request }).catch(() => {});
      const label = `${JSON.stringify(request)} ${status}`;
      assert.equal(stage.platform.seen.length, count, label);
      assert.deepEqual(stage.platform.seen[count - 1], stage.platform.seen[0], label);
    }
  });

  it('repeats what the policy names, and nothing else', async () => {
    client = stage.client({ retry: { ...FAST_RETRY, on: [404, 'timeout'] } });
    onceWith(404);
    assert.equal((await client.request({ path: '/' })).attempts, 2);
    stage.platform.seen.length = 0;
    onceWith(503);
    assert.equal((await failure(client.request({ path: '/' }), 'UPSTREAM_ERROR')).attempts, 1);
  });

  it('repeats a lost request only where that is safe', async () => {
    let connections = 0;
    const authority = await stage.tcp((socket, number) => {
      connections = number;
      socket.once('data', () => socket.destroy());
    });
    client = stage.client({ baseUrl: `http://${authority}` });
    assert.equal((await failure(client.request({ method: 'POST', path: '/' }), 'CONNECTION_FAILED')).attempts, 1);
    assert.equal(connections, 1);
    assert.equal((await failure(client.request({ method: 'POST', path: '/', idempotencyKey: 'k' }), 'CONNECTION_FAILED')).attempts, 4);
    assert.equal((await failure(client.request({ path: '/' }), 'CONNECTION_FAILED')).attempts, 4);
    assert.equal(connections, 9);
  });

  it('replaces a kept-alive connection that proves dead, at once and uncounted, a POST too', async () => {
    /** @type {Array<[number, number]>} */
    const seen = [];
    const authority = await stage.tcp((socket, connection) => {
      let requests = 0;
      socket.on('data', () => {
        seen.push([connection, (requests += 1)]);
        if (requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
      });
    });
    client = stage.client({ baseUrl: `http://${authority}`, retry: { attempts: 1 } });
    await client.request({ method: 'POST', path: '/' });
    assert.equal((await client.request({ method: 'POST', path: '/' })).attempts, 1);
    assert.deepEqual(seen, [[1, 1], [1, 2], [2, 1]]);
  });

  describe('Retry-After', () => {
    it('is waited for, and counts more than the policy\'s own wait', async () => {
      /** @type {number[]} */
      const times = [];
      stage.platform.answer = (res, _seen, number) => {
        times.push(performance.now());
        res.writeHead(number === 1 ? 429 : 200, { 'retry-after': '1' }).end();
      };
      assert.equal((await client.request({ method: 'POST', path: '/' })).attempts, 2);
      assert.ok(times[1] - times[0] >= 980, String(times[1] - times[0]));
    });

    it('of a date that has passed asks for no wait', async () => {
      onceWith(503, { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' });
      assert.equal((await client.request({ path: '/' })).attempts, 2);
    });

    for (const [what, header, request] of /** @type {Array<[string, string, any]>} */ ([
      ['longer than the default limit', '61', {}],
      ['longer than the policy\'s limit', '2', { retry: { ...FAST_RETRY, maxRetryAfterMs: 1999 } }],
      ['past the deadline', '5', { deadlineMs: 4000 }],
      ['past the elapsed time', '5', { retry: { ...FAST_RETRY, maxElapsedMs: 4000 } }],
    ])) {
      it(`${what} ends the tries at once`, async () => {
        stage.platform.answer = answering(503, { 'retry-after': header });
        const error = await failure(client.request({ path: '/', ...request }), 'UPSTREAM_ERROR');
        assert.deepEqual([error.retryAfterMs, error.attempts, error.retryable], [Number(header) * 1000, 1, true]);
        assert.equal(stage.platform.seen.length, 1);
      });
    }
  });

  describe('time-outs', () => {
    it('timeoutMs bounds each try; a GET is tried again, a POST is not', async () => {
      await client.request({ path: '/' }); // leaves a connection: the POST is on its way at once, so that no time-out comes before it
      stage.platform.answer = () => {};
      assert.equal((await failure(client.request({ method: 'POST', path: '/', timeoutMs: 20 }), 'TIMEOUT')).attempts, 1);
      assert.equal((await failure(client.request({ path: '/', timeoutMs: 20 }), 'TIMEOUT')).attempts, 4);
      client = stage.client({ timeoutMs: 20, retry: { attempts: 1 } });
      const error = await failure(client.request({ path: '/' }), 'TIMEOUT');
      assert.deepEqual([error.attempts, error.retryable, error.status], [1, true, undefined]);
    });

    it('timeoutMs counts to the last byte', async () => {
      stage.platform.answer = (res) => { res.write('the first byte, and no more'); };
      assert.equal((await failure(client.request({ path: '/', timeoutMs: 60, retry: false }), 'TIMEOUT')).attempts, 1);
    });

    it('connectTimeoutMs bounds the TLS handshake too, and a POST may be tried again', async () => {
      const authority = await stage.tcp(() => {}); // accepts, and says nothing
      client = stage.client({ baseUrl: `https://${authority}`, connectTimeoutMs: 30, retry: { ...FAST_RETRY, attempts: 2 } });
      const error = await failure(client.request({ method: 'POST', path: '/' }), 'TIMEOUT');
      assert.equal(error.attempts, 2);
      assert.match(error.message, /no connection to .* within 30 ms/);
    });

    it('waiting for a connection is part of the try', async () => {
      /** @type {import('node:http').ServerResponse | undefined} */
      let held;
      stage.platform.answer = (res) => { held = res; };
      client = stage.client({ maxConnections: 1, retry: { attempts: 1 } });
      const first = client.request({ path: '/first', timeoutMs: 600_000 });
      await stage.platform.requests(1);
      assert.match((await failure(client.request({ path: '/second', timeoutMs: 20 }), 'TIMEOUT')).message, /no connection/);
      held?.end();
      await first;
      assert.deepEqual(stage.platform.seen.map(({ url }) => url), ['/first']);
    });

    it('deadlineMs bounds everything: tries, waits and the token', async () => {
      stage.platform.answer = () => {};
      const error = await failure(client.request({ path: '/', timeoutMs: 100, deadlineMs: 1000, retry: { ...FAST_RETRY, attempts: 1000 } }), 'TIMEOUT');
      assert.ok(error.attempts > 1 && error.attempts <= 10, String(error.attempts));
      stage.platform.answer = answering(503);
      const waiting = await failure(client.request({ path: '/', deadlineMs: 60_000, retry: LATER }), 'UPSTREAM_ERROR');
      assert.equal(waiting.attempts, 1); // the wait would outlast it: told at once
      stage.platform.answer = () => {};
      const auth = /** @type {const} */ ({ type: 'oauth2', tokenUrl: `${stage.platform.url}/token`, clientId: 'deadline', clientSecret: 's' });
      const token = await failure(stage.client({ auth }).request({ path: '/', deadlineMs: 60 }), 'TIMEOUT');
      assert.match(token.message, /deadline/);
    });
  });

  describe('AbortSignal', () => {
    it('aborted before: nothing is sent', async () => {
      const reason = new Error('changed my mind');
      assert.equal((await failure(client.request({ path: '/', signal: AbortSignal.abort(reason) }), 'ABORTED')).cause, reason);
      assert.equal(stage.platform.seen.length, 0);
    });

    it('during the request: its connection is closed, and others go on', async () => {
      const controller = new AbortController();
      /** @type {Promise<unknown> | undefined} */
      let closed;
      stage.platform.answer = (res, { url }) => {
        if (url === '/slow') closed = once(res, 'close');
        else res.end('{}');
      };
      const slow = failure(client.request({ path: '/slow', signal: controller.signal }), 'ABORTED');
      await stage.platform.requests(1);
      controller.abort('no reason');
      const error = await slow;
      assert.deepEqual([error.cause, error.attempts, error.retryable], ['no reason', 1, false]);
      await closed;
      assert.equal((await client.request({ path: '/', signal: new AbortController().signal })).status, 200);
    });

    it('while it waits for its next try', async () => {
      const controller = new AbortController();
      stage.platform.answer = answering(503);
      const waiting = failure(client.request({ path: '/', retry: LATER, signal: controller.signal }), 'ABORTED');
      await stage.platform.requests(1);
      await client.request({ path: '/', retry: false }).catch(() => {}); // by now the first has its answer
      controller.abort();
      const error = await waiting;
      assert.deepEqual([error.attempts, error.cause], [1, controller.signal.reason]);
      assert.equal(stage.platform.seen.length, 2);
    });

    it('while it waits for its token or for the rate limit', async () => {
      stage.platform.answer = (res, { url }) => { if (url !== '/token') res.end(); };
      const auth = /** @type {const} */ ({ type: 'oauth2', tokenUrl: `${stage.platform.url}/token`, clientId: 'abort', clientSecret: 's' });
      const controller = new AbortController();
      const waiting = failure(stage.client({ auth }).request({ path: '/', signal: controller.signal }), 'ABORTED');
      await stage.platform.requests(1);
      const limited = stage.client({ rateLimit: { requests: 1, perMs: 3_600_000 } });
      await limited.request({ path: '/' });
      const queued = failure(limited.request({ path: '/', signal: controller.signal }), 'ABORTED');
      controller.abort();
      assert.equal((await waiting).cause, controller.signal.reason);
      assert.equal((await queued).cause, controller.signal.reason);
    });

    it('by AbortSignal.timeout, and a thousand at once by one signal', async () => {
      stage.platform.answer = () => {};
      const controller = new AbortController();
      const all = Array.from({ length: 1000 }, () => failure(client.request({ path: '/', signal: controller.signal }), 'ABORTED'));
      await stage.platform.requests(64);
      controller.abort();
      await Promise.all(all);
      const error = await failure(client.request({ path: '/', signal: AbortSignal.timeout(20) }), 'ABORTED');
      assert.equal(error.cause.name, 'TimeoutError');
    });

    it('after the answer changes nothing, and no listener stays', async () => {
      const controller = new AbortController();
      await Promise.all(Array.from({ length: 20 }, () => client.request({ path: '/', signal: controller.signal })));
      assert.equal(require('node:events').getEventListeners(controller.signal, 'abort').length, 0);
      controller.abort();
      assert.equal((await client.request({ path: '/' })).status, 200);
    });
  });

  it('goes on waiting for as long as a slow platform is within time', async () => {
    /** @type {import('node:http').ServerResponse | undefined} */
    let held;
    stage.platform.answer = (res) => { held = res; };
    const answer = client.request({ path: '/' });
    (await until(() => held, 'a request')).end('late');
    assert.equal((await answer).body.toString(), 'late');
  });
});
