// The sandbox as a peer of tests: state, idempotency keys, faults in all their kinds, the log, and its own control interface.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { PATIENCE_MS } = require('../support/until.js');

const STATE_PATH = '/api/v1/dialogs/dlg_abc123/sessions/sess_xyz789/state';

describe('sandbox', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {http.Agent} */
  let agent;

  before(async () => {
    sandbox = await createSandbox();
    agent = new http.Agent({ keepAlive: true });
  });
  beforeEach(() => sandbox.reset());
  after(async () => {
    agent.destroy();
    await sandbox.close();
  });

  /**
   * @param {string} method @param {string} path
   * @param {{ json?: unknown, body?: string, headers?: Record<string, string>, token?: string | null }} [o]
   * @returns {Promise<{ status: number, headers: http.IncomingHttpHeaders, text: string, json: () => any }>}
   */
  function call(method, path, { json, body, headers = {}, token = sandbox.env.COGNIGY_API_TOKEN } = {}) {
    return new Promise((resolve, reject) => {
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
      const req = http.request(sandbox.url + path, { method, agent, headers: { ...authorization, ...headers } }, (res) => {
        let text = '';
        res.on('data', (chunk) => { text += chunk; });
        res.on('error', reject);
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) }));
      });
      req.on('error', reject);
      req.end(json === undefined ? body : JSON.stringify(json));
    });
  }

  describe('Cognigy dialog state', () => {
    it('merges by key and answers with the merged state', async () => {
      const first = await call('POST', STATE_PATH, { json: { a: 1, kept: { deep: true } } });
      assert.equal(first.status, 200);
      assert.deepEqual((await call('POST', STATE_PATH, { json: { a: 2 } })).json(), { a: 2, kept: { deep: true } });
      assert.deepEqual((await call('GET', STATE_PATH)).json(), { a: 2, kept: { deep: true } });
    });

    it('keeps sessions apart, also where an id holds a percent-encoded slash', async () => {
      await call('POST', '/api/v1/dialogs/a%2Fb/sessions/c/state', { json: { who: 'a/b' } });
      await call('POST', '/api/v1/dialogs/a/sessions/b%2Fc/state', { json: { who: 'b/c' } });
      assert.deepEqual((await call('GET', '/api/v1/dialogs/a%2fb/sessions/c/state')).json(), { who: 'a/b' });
      assert.equal((await call('GET', '/api/v1/dialogs/a/b/sessions/c/state')).status, 404);
    });

    it('takes a key called __proto__ as a key', async () => {
      await call('POST', STATE_PATH, { body: '{"__proto__":{"polluted":true}}' });
      assert.equal((await call('GET', STATE_PATH)).text, '{"__proto__":{"polluted":true}}');
    });

    it('answers 401 without a valid token and 403 without the scope', async () => {
      for (const token of [null, 'wrong']) {
        const answer = await call('POST', STATE_PATH, { json: {}, token });
        assert.equal(answer.status, 401);
        assert.match(answer.json().error, /^Authorization: /);
      }
      const answer = await call('POST', STATE_PATH, { json: {}, token: 'sandbox-cognigy-token-read-only' });
      assert.equal(answer.status, 403);
      assert.match(answer.json().error, /dialog:state:write/);
    });

    it('answers 400 to a body that is not a JSON object and to a path that cannot be decoded', async () => {
      for (const body of ['', 'x', '[]', 'null', '"text"', '7']) {
        assert.equal((await call('POST', STATE_PATH, { body })).status, 400, body);
      }
      assert.equal((await call('POST', '/api/v1/dialogs/%zz/sessions/s/state', { json: {} })).status, 400);
    });

    it('answers 413 to a body past its limit', async () => {
      assert.equal((await call('POST', STATE_PATH, { body: JSON.stringify({ a: 'x'.repeat(1 << 20) }) })).status, 413);
    });

    it('answers 404 to a path of nobody and 405 to a method that a path does not take', async () => {
      assert.equal((await call('GET', '/nowhere')).status, 404);
      assert.equal((await call('DELETE', STATE_PATH)).status, 405);
    });
  });

  describe('Idempotency-Key', () => {
    it('gives the original answer again and does not merge again', async () => {
      const headers = { 'idempotency-key': 'key-1' };
      const first = await call('POST', STATE_PATH, { json: { a: 1 }, headers });
      await call('POST', STATE_PATH, { json: { a: 2 } });
      const again = await call('POST', STATE_PATH, { json: { a: 1 }, headers });
      assert.equal(again.text, first.text);
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.deepEqual((await call('GET', STATE_PATH)).json(), { a: 2 });
      assert.deepEqual(sandbox.requests.list().map(({ replayed }) => replayed), [false, false, true, false]);
    });

    it('does not remember a refusal or a programmed answer', async () => {
      const headers = { 'idempotency-key': 'key-2' };
      sandbox.faults.add({ status: 503 });
      assert.equal((await call('POST', STATE_PATH, { json: { a: 1 }, headers })).status, 503);
      assert.equal((await call('POST', STATE_PATH, { body: 'x', headers })).status, 400);
      assert.equal((await call('POST', STATE_PATH, { json: { a: 1 }, headers })).status, 200);
    });

    it('is a key for one session only, and never longer than 255 characters', async () => {
      const headers = { 'idempotency-key': 'key-3' };
      await call('POST', STATE_PATH, { json: { a: 1 }, headers });
      assert.deepEqual((await call('POST', STATE_PATH.replace('sess_xyz789', 'other'), { json: { b: 1 }, headers })).json(), { b: 1 });
      assert.equal((await call('POST', STATE_PATH, { json: {}, headers: { 'idempotency-key': 'k'.repeat(256) } })).status, 400);
    });

    it('does not give an answer to somebody without a token', async () => {
      const headers = { 'idempotency-key': 'key-4' };
      await call('POST', STATE_PATH, { json: { a: 1 }, headers });
      assert.equal((await call('POST', STATE_PATH, { json: { a: 1 }, headers, token: null })).status, 401);
    });
  });

  describe('faults', () => {
    it('answers as programmed, as often as programmed', async () => {
      const fault = sandbox.faults.add({ platform: 'cognigy', method: 'post', status: 429, headers: { 'Retry-After': '1' }, body: { code: 'slow' }, times: 2 });
      for (let i = 0; i < 2; i += 1) {
        const answer = await call('POST', STATE_PATH, { json: { a: 1 } });
        assert.equal(answer.status, 429);
        assert.equal(answer.headers['retry-after'], '1');
        assert.deepEqual(answer.json(), { code: 'slow' });
      }
      assert.equal((await call('GET', STATE_PATH)).status, 404, 'nothing was merged');
      assert.equal((await call('POST', STATE_PATH, { json: {} })).status, 200);
      assert.deepEqual(sandbox.requests.list().map((entry) => entry.fault), [fault.id, fault.id, null, null]);
      assert.deepEqual(sandbox.faults.list(), []);
    });

    it('stays until it is removed when times is -1', async () => {
      const { id } = sandbox.faults.add({ status: 500, times: -1 });
      for (let i = 0; i < 3; i += 1) assert.equal((await call('GET', STATE_PATH)).status, 500);
      assert.equal(sandbox.faults.list()[0].hits, 3);
      assert.equal(sandbox.faults.remove(id), true);
      assert.equal(sandbox.faults.remove(id), false);
      assert.equal((await call('GET', STATE_PATH)).status, 404);
    });

    /** @type {Array<[string | RegExp, boolean]>} */
    const paths = [
      ['/api/v1/', true], ['/api/v2/', false],
      ['/api/v1/dialogs/*/sessions/*/state', true], ['/api/v1/*/state', false], ['/api/**/state', true], ['**', true], ['/api/v1/dialogs/*', false],
      [/sess_xyz\d+/, true], [/^\/other/, false],
    ];
    for (const [path, fits] of paths) {
      it(`${fits ? 'meets' : 'does not meet'} requests by the path ${path}`, async () => {
        sandbox.faults.add({ path, status: 503 });
        assert.equal((await call('POST', STATE_PATH, { json: {} })).status, fits ? 503 : 200);
      });
    }

    it('closes the connection before the request is handled', async () => {
      sandbox.faults.add({ drop: 'before' });
      await assert.rejects(call('POST', STATE_PATH, { json: { a: 1 } }), { code: 'ECONNRESET' });
      assert.equal((await call('GET', STATE_PATH)).status, 404);
      assert.equal(sandbox.requests.list()[0].status, null);
    });

    it('closes the connection after the request was handled', async () => {
      sandbox.faults.add({ drop: 'after' });
      await assert.rejects(call('POST', STATE_PATH, { json: { a: 1 } }), { code: 'ECONNRESET' });
      assert.deepEqual((await call('GET', STATE_PATH)).json(), { a: 1 });
    });

    it('breaks off half-way through an answer', async () => {
      sandbox.faults.add({ drop: 'mid-body' });
      await assert.rejects(call('POST', STATE_PATH, { json: { a: 1 } }), { code: 'ECONNRESET' });
      assert.deepEqual((await call('GET', STATE_PATH)).json(), { a: 1 });
    });

    it('answers with something that is not HTTP', async () => {
      sandbox.faults.add({ garbage: true });
      await assert.rejects(call('GET', STATE_PATH), { code: /^HPE_/ });
    });

    it('waits, then lets the platform answer', async () => {
      sandbox.faults.add({ delayMs: 30 });
      const startedMs = performance.now();
      assert.equal((await call('POST', STATE_PATH, { json: {} })).status, 200);
      assert.ok(performance.now() - startedMs >= 29);
    });

    /** @type {Array<[any, RegExp]>} */
    const refused = [
      [{}, /at least one of status/], [[], /fault: expected an object/], [{ stats: 500 }, /^stats: expected one of the fields/],
      [{ status: 99 }, /^status: /], [{ status: '500' }, /^status: /], [{ status: 500, times: 0 }, /^times: /], [{ status: 500, times: -2 }, /^times: /],
      [{ delayMs: -1 }, /^delayMs: /], [{ drop: 'never' }, /^drop: /], [{ drop: 'before', status: 500 }, /^drop: /], [{ garbage: false }, /^garbage: /],
      [{ garbage: true, status: 500 }, /^garbage: /], [{ status: 500, platform: 'nobody' }, /^platform: expected one of login, cognigy/],
      [{ status: 500, method: 'FETCH' }, /^method: /], [{ status: 500, path: 'api' }, /^path: /], [{ status: 500, headers: { 'a b': 'c' } }, /^headers: /],
      [{ status: 500, headers: { a: 'x\r\ny' } }, /^headers: /], [{ status: 500, headers: { a: 1 } }, /^headers\.a: /],
    ];
    for (const [options, message] of refused) {
      it(`refuses ${JSON.stringify(options)}`, async () => {
        assert.throws(() => sandbox.faults.add(options), { message });
        const answer = await call('POST', '/__sandbox/faults', { json: options });
        assert.equal(answer.status, 400);
        if (!Array.isArray(options)) assert.match(answer.json().error, message);
      });
    }

    it('holds a bounded number of them', () => {
      for (let i = 0; i < 1000; i += 1) sandbox.faults.add({ status: 500, path: `/${i}` });
      assert.throws(() => sandbox.faults.add({ status: 500 }), /faults: expected at most 1000/);
    });
  });

  describe('control interface', () => {
    it('adds, lists and removes faults', async () => {
      const added = await call('POST', '/__sandbox/faults', { json: { status: 503, times: -1 } });
      assert.equal(added.status, 201);
      const { id } = added.json();
      assert.deepEqual((await call('GET', '/__sandbox/faults')).json().faults.map((/** @type {any} */ fault) => fault.id), [id]);
      assert.equal((await call('DELETE', `/__sandbox/faults/${id}`)).status, 204);
      assert.equal((await call('DELETE', `/__sandbox/faults/${id}`)).status, 404);
      await call('POST', '/__sandbox/faults', { json: { status: 503 } });
      assert.equal((await call('DELETE', '/__sandbox/faults')).status, 204);
      assert.deepEqual(sandbox.faults.list(), []);
    });

    it('shows what came in, without credentials, queries and its own requests', async () => {
      await call('POST', `${STATE_PATH}?secret=hidden`, { json: { a: 1 }, headers: { 'idempotency-key': 'k' } });
      const { total, requests } = (await call('GET', '/__sandbox/requests')).json();
      assert.equal(total, 1);
      const { at, ...entry } = requests[0];
      assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
      assert.deepEqual(entry, { number: 1, platform: 'cognigy', method: 'POST', path: STATE_PATH, status: 200, idempotencyKey: 'k', replayed: false, fault: null });
      assert.equal((await call('DELETE', '/__sandbox/requests')).status, 204);
      assert.equal(sandbox.requests.total, 0);
    });

    it('forgets everything on reset', async () => {
      await call('POST', STATE_PATH, { json: { a: 1 } });
      sandbox.faults.add({ status: 500 });
      assert.equal((await call('POST', '/__sandbox/reset')).status, 204);
      assert.equal((await call('GET', STATE_PATH)).status, 404);
    });

    it('answers 404 and 405 to what it does not know', async () => {
      assert.equal((await call('GET', '/__sandbox/toString')).status, 404);
      const answer = await call('PUT', '/__sandbox/faults', { json: {} });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.allow, 'GET, POST, DELETE');
      assert.equal((await call('POST', '/__sandbox/faults', { body: 'x' })).status, 400);
    });
  });

  it('keeps the last 10,000 requests', () => {
    const log = sandbox.requests;
    const facts = { at: '', platform: null, method: 'GET', path: '/', status: 200, idempotencyKey: null, replayed: false, fault: null };
    for (let i = 0; i < 10_005; i += 1) log.add(facts);
    assert.equal(log.total, 10_005);
    assert.equal(log.list().length, 10_000);
    assert.equal(log.list()[0].number, 6);
    assert.equal(log.list().at(-1)?.number, 10_005);
  });

  it('tells of a request that is still to come', async () => {
    const coming = sandbox.requests.waitFor(({ method }) => method === 'POST', { count: 2, timeoutMs: PATIENCE_MS });
    await call('POST', STATE_PATH, { json: {} });
    await call('GET', STATE_PATH);
    await call('POST', STATE_PATH, { json: {} });
    assert.deepEqual((await coming).map(({ number }) => number), [1, 3]);
    await assert.rejects(sandbox.requests.waitFor(() => false, { timeoutMs: 1 }), /expected 1 that fit within 1 ms, got 0/);
  });

  it('closes busy and idle connections', async () => {
    const own = await createSandbox();
    own.faults.add({ delayMs: 600_000 });
    const busy = http.request(own.url + STATE_PATH);
    const failed = new Promise((resolve) => { busy.once('error', resolve); });
    busy.end();
    const [socket] = await once(busy, 'socket');
    await once(socket, 'connect');
    await own.close();
    assert.equal(/** @type {any} */ (await failed).code, 'ECONNRESET');
  });

  it('refuses a port that is none', async () => {
    await assert.rejects(createSandbox({ port: 65536 }), /port: expected a whole number from 0 to 65535, got 65536/);
  });

  it('can be imported as an ES module', async () => {
    const module = await import('trunkline/sandbox');
    assert.equal(module.createSandbox, createSandbox);
  });
});
