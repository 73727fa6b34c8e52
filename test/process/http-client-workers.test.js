// Eight worker threads, each with an HttpClient, hammer one server: all of them to the end, or some terminated in the middle of their requests. Then the process ends by itself.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { openClientStage } = require('../support/client-stage.js');
const { runScript } = require('../support/run-script.js');

const ROOT = path.join(__dirname, '..', '..');
const THREADS = 8;
const REQUESTS = 400;

/** Keeps 32 requests under way, of which every eighth is aborted; `count` in all. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { HttpClient } = require(${JSON.stringify(ROOT)});
  const { baseUrl, count } = workerData;
  const auth = { type: 'oauth2', tokenUrl: baseUrl + '/token', clientId: 'id', clientSecret: 's' };
  const client = new HttpClient({ baseUrl, auth, logger: false, maxConnections: 8, retry: { attempts: 10, baseMs: 1, maxMs: 1 } });
  const ends = {};
  let started = 0;
  async function line() {
    while (started < count) {
      started += 1;
      const controller = new AbortController();
      const call = client.request({ method: 'POST', path: '/work', json: { started }, signal: controller.signal });
      if (started % 8 === 0) setImmediate(() => controller.abort());
      const end = await call.then(({ status }) => status, ({ code }) => code);
      ends[end] = (ends[end] ?? 0) + 1;
      if (started === 64) parentPort.postMessage('busy');
    }
  }
  Promise.all(Array.from({ length: 32 }, line)).then(() => { parentPort.postMessage(ends); return client.close(); });
`;

describe('HttpClient in eight worker threads', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  let tokens = 0;
  beforeEach(async () => {
    stage = await openClientStage();
    tokens = 0;
    let works = 0;
    stage.platform.answer = (res, { url }) => {
      if (url === '/token') return res.end(JSON.stringify({ access_token: 't', token_type: 'Bearer', expires_in: (tokens += 1) && 3600 }));
      return (works += 1) % 50 === 0 ? res.writeHead(503).end() : res.end('{}');
    };
  });
  afterEach(() => stage.close());

  /** @param {string} main source that has `start(count)`, which starts a worker and keeps what it says in `said` */
  const run = (main) => runScript(`
    const { Worker } = require('node:worker_threads');
    const start = (count) => {
      const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: { baseUrl: process.argv[1], count } });
      worker.said = [];
      worker.on('message', (message) => worker.said.push(message));
      worker.ended = new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve));
      worker.busy = new Promise((resolve) => worker.once('message', resolve));
      return worker;
    };
    (async () => { ${main} })().catch((error) => { say(error.stack); process.exit(9); });`, [stage.platform.url]);

  it('all of them settle, with one token', async () => {
    const { code, signal, lines, stderr } = await run(`
      const all = Array.from({ length: ${THREADS} }, () => start(${REQUESTS}));
      for (const worker of all) say(JSON.stringify([await worker.ended, worker.said.at(-1)]));`);
    assert.deepEqual([code, signal, stderr], [0, null, ''], lines.join('\n'));
    assert.equal(lines.length, THREADS);
    for (const line of lines) {
      const [exit, ends] = JSON.parse(line);
      assert.equal(exit, 0);
      assert.deepEqual(Object.keys(ends).filter((end) => !['200', 'ABORTED'].includes(end)), []);
      assert.equal((ends[200] ?? 0) + (ends.ABORTED ?? 0), REQUESTS);
      assert.ok(ends[200] >= REQUESTS * 0.8, line);
    }
    assert.equal(tokens, 1);
  });

  it('some are terminated in the middle, the others settle', async () => {
    const { code, signal, lines, stderr } = await run(`
      const all = Array.from({ length: ${THREADS} }, (_, number) => start(number % 2 ? Infinity : ${REQUESTS}));
      await Promise.all(all.map((worker) => worker.busy));
      await Promise.all(all.filter((_, number) => number % 2).map((worker) => worker.terminate()));
      for (const worker of all) say(JSON.stringify([await worker.ended, worker.said.at(-1)]));`);
    assert.deepEqual([code, signal, stderr], [0, null, ''], lines.join('\n'));
    assert.equal(lines.length, THREADS);
    for (const [number, line] of lines.entries()) {
      const [exit, last] = JSON.parse(line);
      if (number % 2) assert.deepEqual([exit, last], [1, 'busy']);
      else assert.deepEqual([exit, (last[200] ?? 0) + (last.ABORTED ?? 0)], [0, REQUESTS]);
    }
  });
});
