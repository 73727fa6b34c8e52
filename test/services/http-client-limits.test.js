// HttpClient: rate limit, circuit breaker, close.
'use strict';

const assert = require('node:assert/strict');
const { retry } = require('../../lib/index.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { answering } = require('../support/platform.js');

describe('HttpClient limits', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** Before the first request. Waits are counted from here: a busy machine may see a request late, and the next one in time. */
  let startMs = 0;
  beforeEach(async () => {
    stage = await openClientStage();
    startMs = performance.now();
  });
  afterEach(() => stage.close());

  describe('rateLimit', () => {
    it('spaces requests out, first come first served', async () => {
      const client = stage.client({ rateLimit: { requests: 2, perMs: 100 }, maxConnections: 1 });
      await Promise.all(Array.from({ length: 8 }, (_, number) => client.request({ path: `/${number}` })));
      assert.deepEqual(stage.platform.seen.map(({ url }) => url), Array.from({ length: 8 }, (_, number) => `/${number}`));
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 298, `two at once, then one every 50 ms: ${tookMs}`);
    });

    it('counts every try', async () => {
      stage.platform.answer = (res, _seen, number) => res.writeHead(number < 4 ? 503 : 200).end();
      const client = stage.client({ rateLimit: { requests: 1, perMs: 60 } });
      assert.equal((await client.request({ path: '/' })).attempts, 4);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 178, String(tookMs));
    });

    it('a 429 pauses everyone', async () => {
      stage.platform.answer = (res, _seen, number) => res.writeHead(number === 1 ? 429 : 200, { 'retry-after': '1' }).end();
      const client = stage.client({ rateLimit: { requests: 1000, perMs: 1000 } });
      await failure(client.request({ path: '/', retry: false }), 'RATE_LIMITED');
      await Promise.all(Array.from({ length: 5 }, () => client.request({ path: '/' })));
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 998, String(tookMs));
      assert.equal(stage.platform.seen.length, 6);
    });
  });

  describe('breaker', () => {
    /** Open for longer than any test lasts. */
    const breaker = { failures: 3, windowMs: 60_000, openMs: 600_000 };

    it('opens after so many failures, and says until when', async () => {
      stage.platform.answer = answering(500);
      const client = stage.client({ breaker, retry: { attempts: 1 } });
      for (let i = 0; i < 3; i += 1) await failure(client.request({ path: '/' }), 'UPSTREAM_ERROR');
      const refused = await failure(client.request({ path: '/' }), 'CIRCUIT_OPEN');
      assert.ok(refused.retryAfterMs > 500_000 && refused.retryAfterMs <= 600_000, String(refused.retryAfterMs));
      assert.equal(refused.retryable, true);
      assert.equal(stage.platform.seen.length, 3);
    });

    it('lets one call through after its time, and closes when that succeeds', async () => {
      stage.platform.answer = answering(500);
      const client = stage.client({ breaker: { ...breaker, openMs: 100 }, retry: { attempts: 1 } });
      for (let i = 0; i < 3; i += 1) await failure(client.request({ path: '/' }), 'UPSTREAM_ERROR');
      const again = () => retry(() => client.request({ path: '/' }), { attempts: 3, baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' },
        { retryable: (error) => error.code === 'CIRCUIT_OPEN' });
      await failure(again(), 'UPSTREAM_ERROR'); // the probe fails: open again
      assert.equal(stage.platform.seen.length, 4);
      assert.ok(performance.now() - startMs >= 98);
      stage.platform.answer = answering(200);
      assert.equal((await again()).status, 200);
      await Promise.all(Array.from({ length: 20 }, () => client.request({ path: '/' })));
      assert.equal(stage.platform.seen.length, 25);
    });

    it('counts the tries of one call, and ends them when it opens', async () => {
      stage.platform.answer = answering(503);
      const error = await failure(stage.client({ breaker }).request({ path: '/' }), 'CIRCUIT_OPEN');
      assert.equal(error.attempts, 3);
      assert.equal(stage.platform.seen.length, 3);
    });

    it('does not take the caller\'s own mistakes for failures', async () => {
      const client = stage.client({ breaker: { ...breaker, failures: 1 }, retry: { attempts: 1 } });
      for (const status of [400, 401, 404, 409, 429]) {
        stage.platform.answer = answering(status);
        await client.request({ path: '/' }).catch((error) => assert.equal(error.status, status));
      }
      await failure(client.request({ path: '/a b' }), 'CONFIG_INVALID');
      assert.equal(stage.platform.seen.length, 5);
    });

    it('counts answers that outlast the deadline', async () => {
      stage.platform.answer = () => {};
      const client = stage.client({ breaker });
      // One that has not even been sent by then, on a busy machine, is nobody's failure.
      const codes = [];
      while (codes.at(-1) !== 'CIRCUIT_OPEN') codes.push((await client.request({ path: '/', deadlineMs: 20 }).catch((error) => error)).code);
      assert.deepEqual([...new Set(codes)], ['TIMEOUT', 'CIRCUIT_OPEN']);
      assert.ok(codes.length >= 4, String(codes));
    });

    it('counts time-outs and lost connections', async () => {
      const authority = await stage.tcp((socket, number) => {
        if (number === 1) socket.once('data', () => socket.destroy());
      });
      const client = stage.client({ baseUrl: `http://${authority}`, breaker: { ...breaker, failures: 2 }, retry: { attempts: 1 } });
      await failure(client.request({ path: '/' }), 'CONNECTION_FAILED');
      await failure(client.request({ path: '/', timeoutMs: 20 }), 'TIMEOUT');
      await failure(client.request({ path: '/' }), 'CIRCUIT_OPEN');
    });
  });

  describe('close', () => {
    it('waits for what is under way, retries included, and takes nothing more', async () => {
      /** @type {import('node:http').ServerResponse[]} */
      const held = [];
      stage.platform.answer = (res, { url }, number) => {
        if (url === '/held') held.push(res);
        else res.writeHead(number < 4 ? 503 : 200).end();
      };
      const client = stage.client();
      let closed = false;
      const answers = Promise.all([client.request({ path: '/held' }), client.request({ path: '/again' })]);
      const closing = client.close().then(() => { closed = true; });
      await failure(client.request({ path: '/' }), 'CLOSED');
      await stage.platform.requests(3);
      assert.equal(closed, false);
      held[0].end('{}');
      const [one, two] = await answers;
      assert.deepEqual([one.attempts, two.status], [1, 200]);
      await closing;
      await failure(client.request({ path: '/' }), 'CLOSED');
    });

    it('does not wait out what has to wait for longer than graceMs', async () => {
      /** @type {import('node:http').ServerResponse[]} */
      const held = [];
      stage.platform.answer = (res, { url }) => {
        if (url === '/held') held.push(res);
        else res.writeHead(503, { 'retry-after': '50' }).end();
      };
      const client = stage.client({ rateLimit: { requests: 2, perMs: 3_600_000 } });
      const calls = ['/held', '/unavailable', '/behind'].map((path) => client.request({ path }));
      const [answered, ...ended] = [calls[0], failure(calls[1], 'CLOSED'), failure(calls[2], 'CLOSED')];
      await stage.platform.requests(2);
      const closing = client.close();
      const [waiting, behind] = await Promise.all(ended);
      assert.deepEqual([waiting.attempts, behind.attempts], [1, undefined]);
      held[0].end('{}');
      assert.equal((await answered).status, 200);
      await closing;
    });

    it('with graceMs: 0 ends everything that is not on its way', async () => {
      stage.platform.answer = (res) => { res.writeHead(503).end(); };
      const client = stage.client({ retry: { attempts: 2, baseMs: 5000, factor: 1, maxMs: 5000, jitter: 'none' } });
      const ended = failure(client.request({ path: '/' }), 'CLOSED');
      await stage.platform.requests(1);
      await client.close({ graceMs: 0 });
      await ended;
      assert.equal(stage.platform.seen.length, 1);
    });

    it('refuses options that cannot work, and then goes on', async () => {
      const client = stage.client();
      /** @type {any[]} */
      const wrong = [null, 7, { graceMs: -1 }, { graceMs: 1.5 }, { graceMs: 600_001 }, { graceMs: 'soon' }, { grace: 5 }];
      for (const one of wrong) await failure(client.close(one), 'CONFIG_INVALID');
      assert.equal((await client.request({ path: '/' })).status, 200);
    });

    it('closes its connections', async () => {
      /** @type {Promise<unknown>[]} */
      const ends = [];
      const authority = await stage.tcp((socket) => {
        ends.push(new Promise((resolve) => { socket.once('close', resolve); }));
        socket.on('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
      });
      const client = stage.client({ baseUrl: `http://${authority}` });
      await Promise.all([client.request({ path: '/' }), client.request({ path: '/' })]);
      await client.close();
      await Promise.all(ends);
    });

    it('may be called twice, and at once', async () => {
      const client = stage.client();
      await Promise.all([client.close(), client.close()]);
      await client.close();
    });

    it('of one client leaves another alone', async () => {
      const other = stage.client();
      await stage.client().close();
      assert.equal((await other.request({ path: '/' })).status, 200);
    });

    it('a thousand clients leave nothing behind that fails', async () => {
      for (let round = 0; round < 20; round += 1) {
        const clients = Array.from({ length: 50 }, () => stage.client());
        await Promise.all(clients.map((client) => client.request({ path: '/' })));
        await Promise.all(clients.map((client) => client.close()));
      }
      assert.equal(stage.platform.seen.length, 1000);
    });
  });
});
