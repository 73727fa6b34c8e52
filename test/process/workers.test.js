// Worker threads with services of their own: side by side, ending in every way there is, and what is left of the process then.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');
const { SignatureVerifier } = require('../../lib/index.js');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { openStage } = require('../support/stage.js');
const { PREAMBLE, runScript } = require('../support/run-script.js');

const WORKER = path.join(__dirname, '..', 'support', 'service-worker.js');
const AT_ONCE = 4;
const EVENTS = 8;
const ROUNDS = 20;

describe('worker threads', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  let folders = 0;

  beforeEach(async () => {
    stage = await openStage();
    platform = await stage.platform();
  });
  afterEach(() => stage.close());

  /** @param {string} end @param {boolean} [sink] */
  function startWorker(end, sink = false) {
    folders += 1;
    const worker = new Worker(WORKER, { workerData: { dataDir: path.join(stage.folder, `worker-${folders}`), apiBaseUrl: platform.url, end, count: EVENTS, sink } });
    /** @type {unknown[]} */
    const messages = [];
    worker.on('message', (message) => messages.push(message));
    /** @type {Error[]} */
    const errors = [];
    worker.on('error', (error) => errors.push(error));
    /** @type {Promise<number>} */
    const ended = new Promise((resolve) => { worker.once('exit', resolve); });
    const online = new Promise((resolve) => { worker.once('online', () => resolve(true)); });
    return { worker, messages, errors, ended, online };
  }

  /** The main thread's own addon is as good as before. */
  async function assertUsable() {
    const verifier = new SignatureVerifier({ secrets: 'x' });
    assert.equal(verifier.verify('body', verifier.sign('body')).valid, true);
    platform.answer = answering(200);
    const service = stage.service({ apiBaseUrl: platform.url });
    assert.equal((await stage.handle(service, makeEvent())).status, 200);
    await service.close();
  }

  for (const end of ['close', 'idle']) {
    it(`run a service each, at once, and end by themselves: ${end}`, async () => {
      const all = Array.from({ length: AT_ONCE }, () => startWorker(end));
      for (const { ended, messages, errors } of all) {
        assert.equal(await ended, 0, String(errors[0]?.stack));
        assert.deepEqual(messages, Array.from({ length: EVENTS }, () => 'processed'));
      }
      assert.equal(platform.seen.length, AT_ONCE * EVENTS);
      await assertUsable();
    });
  }

  /** @type {Array<[string, number, (worker: Worker) => unknown]>} */
  const endings = [
    ['exit', 5, (worker) => worker.postMessage('go')],
    ['terminate', 1, (worker) => worker.terminate()],
    ['throw', 1, (worker) => worker.postMessage('go')],
    ['close-and-exit', 5, (worker) => worker.postMessage('go')],
  ];
  for (const [end, code, finish] of endings) {
    it(`end by ${end} with requests pending and retries waiting, ${ROUNDS} times ${AT_ONCE} at once`, async () => {
      const own = stage.service({ apiBaseUrl: platform.url, idempotency: { capacity: 256 } });
      await own.ready();
      for (let round = 0; round < ROUNDS; round += 1) {
        platform.seen.length = 0;
        // Every other request is never answered; a close would wait for those, rightly.
        platform.answer = (res, _seen, number) => {
          if (number % 2 === 0 || end === 'close-and-exit') res.writeHead(503).end();
        };
        const all = Array.from({ length: AT_ONCE }, () => startWorker(end));
        await platform.requests(AT_ONCE * EVENTS);
        for (const { worker } of all) finish(worker);
        for (const { ended, errors } of all) {
          assert.equal(await ended, code, String(errors[0]?.stack));
          assert.deepEqual(errors.map(({ message }) => message), end === 'throw' ? ['from the worker'] : []);
        }
      }
      platform.answer = answering(200);
      assert.equal(/** @type {any} */ ((await stage.handle(own, makeEvent())).body).status, 'processed', 'a service of the main thread went on');
      await own.close();
      await assertUsable();
    });
  }

  for (const [end, code, finish] of endings.slice(0, 3)) {
    it(`end by ${end} with messages at a sink that does not take them, ${AT_ONCE} at once`, async () => {
      for (let round = 0; round < 5; round += 1) {
        const all = Array.from({ length: AT_ONCE }, () => startWorker(end, true));
        for (const { worker, messages } of all) {
          while (messages.length < EVENTS) await once(worker, 'message');
        }
        for (const { worker } of all) finish(worker);
        for (const { ended } of all) assert.equal(await ended, code);
      }
      const service = stage.service({ apiBaseUrl: platform.url, secrets: 'secret', queue: { publish: () => {} }, dataDir: path.join(stage.folder, `worker-${folders}`) });
      await service.ready();
      await stage.logger.waitFor(/SUCCESS/, EVENTS);
      await assertUsable();
    });
  }

  it('are terminated at any moment of their start', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const all = Array.from({ length: AT_ONCE }, () => startWorker('idle'));
      // Each a few turns later than the one before.
      for (const [index, { worker, ended, online }] of all.entries()) {
        if (index % 2 === 0) await online;
        for (let turn = 0; turn < round * 2; turn += 1) await new Promise(setImmediate);
        await worker.terminate();
        await ended;
      }
    }
    await assertUsable();
  });

  it('leave their unfinished events to whoever opens their directory next', async () => {
    platform.answer = answering(503);
    const { worker, ended } = startWorker('exit');
    await platform.requests(EVENTS);
    worker.postMessage('go');
    await ended;
    const keys = new Set(platform.seen.map(({ headers }) => headers['idempotency-key']));
    platform.answer = answering(200);
    const service = stage.service({ apiBaseUrl: platform.url, secrets: 'secret', dataDir: path.join(stage.folder, `worker-${folders}`) });
    await service.ready();
    await platform.requests(2 * EVENTS);
    assert.deepEqual(new Set(platform.seen.slice(EVENTS).map(({ headers }) => headers['idempotency-key'])), keys);
    await stage.logger.waitFor(/SUCCESS/, EVENTS);
  });

  it('may be the only ones that load the addon, and then be terminated', async () => {
    platform.answer = () => {};
    const worker = `${PREAMBLE.replace('process.argv.slice(1)', "require('node:worker_threads').workerData")}
      const e = service();
      for (let i = 0; i < 8; i += 1) post(e, 'id' + i);
      const timer = setInterval(() => { if (e.stats().pending === 8) { clearInterval(timer); require('node:worker_threads').parentPort.postMessage('busy'); } }, 1);
      require('node:worker_threads').parentPort.on('message', () => {});`;
    const source = `
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      (async () => {
        for (let round = 0; round < 5; round += 1) {
          const all = [1, 2].map((n) => new Worker(${JSON.stringify(worker)}, { eval: true, workerData: [dataDir + round + n, apiBaseUrl] }));
          await Promise.all(all.map((w) => once(w, 'message')));
          await Promise.all(all.map((w) => w.terminate()));
        }
        say('terminated');
      })();`;
    const result = await runScript(source, [path.join(stage.folder, 'only'), platform.url]);
    assert.deepEqual(result, { code: 0, signal: null, lines: ['terminated'], stderr: '' });
  });

  it('may still be busy when the main thread exits', async () => {
    platform.answer = () => {};
    const source = `
      const { Worker } = require('node:worker_threads');
      const all = [1, 2, 3].map((n) => new Worker(${JSON.stringify(WORKER)}, { workerData: { dataDir: dataDir + n, apiBaseUrl, end: 'exit', count: 4 } }));
      const own = service();
      post(own, 'own');
      setInterval(() => { if (own.stats().pending === 1) process.exit(3); }, 1);`;
    for (let round = 0; round < 5; round += 1) {
      const { code, signal, stderr } = await runScript(source, [path.join(stage.folder, `main-${round}`), platform.url]);
      assert.deepEqual({ code, signal }, { code: 3, signal: null }, stderr);
    }
  });
});
