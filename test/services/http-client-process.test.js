// HttpClient and its process: idle it keeps nobody alive, busy it does; workers that end in the middle of requests.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { openClientStage } = require('../support/client-stage.js');
const { runScript } = require('../support/run-script.js');

const ROOT = path.join(__dirname, '..', '..');
const CLIENT = `const { HttpClient } = require(${JSON.stringify(ROOT)});
  const client = new HttpClient({ baseUrl: process.argv[1], logger: false, retry: { baseMs: 1 } });`;

describe('HttpClient and its process', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  beforeEach(async () => { stage = await openClientStage(); });
  afterEach(() => stage.close());

  /** @param {string} source */
  const run = (source) => runScript(CLIENT + source, [stage.platform.url]);

  it('an idle client does not keep the process, with or without a kept-alive connection', async () => {
    const [fresh, used] = await Promise.all([run(''), run('client.request({ path: "/" }).then(({ status }) => say(status));')]);
    assert.deepEqual([fresh.code, fresh.lines, fresh.stderr], [0, [], '']);
    assert.deepEqual([used.code, used.lines, used.stderr], [0, ['200'], '']);
  });

  it('a request under way keeps it, and so does one that waits for its next try', async () => {
    stage.platform.answer = (res, _seen, number) => {
      if (number === 1) res.writeHead(503).end();
      else setTimeout(() => res.end('{}'), 300);
    };
    const { code, lines } = await run('client.request({ path: "/" }).then(({ attempts }) => say(attempts));');
    assert.deepEqual([code, lines], [0, ['2']]);
  });

  it('process.exit with requests under way ends at once', async () => {
    stage.platform.answer = () => {};
    const { code, signal, stderr } = await run('for (let i = 0; i < 100; i += 1) client.request({ path: "/" }); setInterval(() => { if (client.stats().tries > 0) process.exit(7); }, 1);');
    assert.deepEqual([code, signal, stderr], [7, null, '']);
  });

  it('a client that is collected with a request under way still answers it', async () => {
    stage.platform.answer = (res) => setTimeout(() => res.end('{}'), 200);
    const { code, lines, stderr } = await run(`
      require('node:v8').setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      const start = () => new HttpClient({ baseUrl: process.argv[1], logger: false }).request({ path: '/' });
      for (let i = 0; i < 20; i += 1) start().then(() => say('done'));
      setImmediate(() => { gc(); setImmediate(gc); });`);
    assert.deepEqual([code, lines.length, stderr], [0, 20, '']);
  });

  for (const [end, code] of /** @type {Array<[string, number]>} */ ([['exit', 5], ['terminate', 1], ['throw', 1]])) {
    it(`workers end by ${end} with requests and retries pending, ten rounds of two`, async () => {
      stage.platform.answer = (res, { url }) => {
        if (url === '/again') res.writeHead(503).end();
        if (url === '/own') res.end('{}');
      };
      const source = `const { parentPort, workerData } = require('node:worker_threads');
        const { HttpClient } = require(${JSON.stringify(ROOT)});
        const client = new HttpClient({ baseUrl: workerData.url, logger: false, retry: { baseMs: 3600000, maxMs: 3600000 } });
        for (let i = 0; i < 20; i += 1) client.request({ path: i % 2 ? '/again' : '/never', signal: i % 3 ? undefined : new AbortController().signal });
        parentPort.once('message', () => {
          if (workerData.end === 'exit') process.exit(5);
          if (workerData.end === 'throw') throw new Error('from the worker');
        });`;
      const own = stage.client();
      for (let round = 1; round <= 10; round += 1) {
        const workers = Array.from({ length: 2 }, () => new Worker(source, { eval: true, workerData: { url: stage.platform.url, end } }));
        const ended = workers.map((worker) => new Promise((resolve) => { worker.on('error', () => {}).once('exit', resolve); }));
        await stage.platform.requests(round * 40 + (round - 1));
        workers.forEach((worker) => (end === 'terminate' ? worker.terminate() : worker.postMessage('go')));
        assert.deepEqual(await Promise.all(ended), [code, code]);
        assert.equal((await own.request({ path: '/own' })).status, 200);
      }
    });
  }
});
