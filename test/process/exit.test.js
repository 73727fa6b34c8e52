// How a process with a service ends: by itself when nothing is pending, not before, and at once when it is told to.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { answering, openPlatform } = require('../support/platform.js');
const { runScript } = require('../support/run-script.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

describe('a process with a service', () => {
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {string} */
  let folder;

  beforeEach(async () => {
    platform = await openPlatform();
    folder = makeTempDir();
  });
  afterEach(async () => {
    await platform.close();
    removeTempDir(folder);
  });

  let runs = 0;
  /** @param {string} source @param {(line: string) => void} [onLine] */
  function run(source, onLine) {
    runs += 1;
    return runScript(source, [path.join(folder, `data-${runs}`), platform.url], onLine);
  }

  /** @param {{ code: number | null, signal: string | null, lines: string[], stderr: string }} result @param {string[]} lines */
  function assertClean(result, lines) {
    assert.deepEqual(result, { code: 0, signal: null, lines, stderr: '' });
  }

  /** @type {Array<[string, string, string[]]>} */
  const ending = [
    ['has handled an event and closes', "const e = service(); post(e, 'a').then(({ body }) => { say(body.status); return e.close(); }).then(() => say('closed'));", ['processed', 'closed']],
    ['has handled an event and never closes', "post(service(), 'a').then(({ body }) => say(body.status));", ['processed']],
    ['has only made one', 'service();', []],
    ['has only opened one', "service().ready().then(() => say('ready'));", ['ready']],
    ['closes one before it is open', "service().close().then(() => say('closed'));", ['closed']],
    ['could not open its store', "service({ dataDir: process.execPath }).ready().catch((error) => say(error.code));", ['STORE_UNAVAILABLE']],
    ['has only loaded the package', "require('" + path.join(__dirname, '..', '..') + "');", []],
    ['uses the primitives only', "const t = require('" + path.join(__dirname, '..', '..') + "'); say(new t.IdempotencyRing({ capacity: 1 }).claim('a'));", ['claimed']],
    ['forgets its service', `
      require('node:v8').setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      (() => post(service(), 'a'))().then(() => setImmediate(() => { gc(); say('collected'); setImmediate(gc); }));`, ['collected']],
  ];
  for (const [what, source, lines] of ending) {
    it(`ends by itself when it ${what}`, async () => assertClean(await run(source), lines));
  }

  it('closes several services and ends', async () => {
    const source = `
      const list = [1, 2, 3].map((n) => service({ dataDir: dataDir + n }));
      Promise.all(list.map((e, n) => post(e, 'id' + n))).then(() => Promise.all(list.map((e) => e.close()))).then(() => say('closed'));`;
    assertClean(await run(source), ['closed']);
  });

  // The ticks do not keep the process: only what is pending does.
  const TICKS = "let ticks = 0; setInterval(() => say('tick ' + ++ticks), 5).unref(); process.on('exit', () => say('exit'));";
  const told = (/** @type {string[]} */ lines) => lines.filter((line) => !line.startsWith('tick'));

  /** Answers once the process has lived on for a while. @param {number} [status] */
  function answerAfterTicks(status = 200) {
    /** @type {Array<import('node:http').ServerResponse>} */
    const held = [];
    platform.answer = (res) => held.push(res);
    return (/** @type {string} */ line) => {
      if (line !== 'tick 10') return;
      platform.answer = answering(200);
      for (const res of held) res.writeHead(status).end('{}');
    };
  }

  it('stays while somebody waits for an answer', async () => {
    const { code, signal, lines } = await run(`${TICKS} post(service(), 'a').then(({ body }) => say(body.status));`, answerAfterTicks());
    assert.deepEqual({ code, signal, lines: told(lines) }, { code: 0, signal: null, lines: ['processed', 'exit'] });
  });

  it('stays while an accepted event is under way, and ends when it is done', async () => {
    const source = `${TICKS} post(service({ respondWithinMs: 1, logger: { info: (f, msg) => say(f.status), warn() {}, error() {} } }), 'a').then(({ body }) => say(body.status));`;
    const { code, signal, lines } = await run(source, answerAfterTicks());
    assert.deepEqual({ code, signal, lines: told(lines) }, { code: 0, signal: null, lines: ['accepted', 'SUCCESS', 'exit'] });
  });

  it('stays while a retry waits', async () => {
    platform.answer = (res, _seen, number) => res.writeHead(number === 1 ? 503 : 200).end('{}');
    const source = `${TICKS} post(service({ respondWithinMs: 1, retry: { ...FAST, baseMs: 60, maxMs: 60 } }), 'a').then(({ body }) => say(body.status));`;
    const { code, signal, lines } = await run(source);
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    assert.equal(told(lines).at(-1), 'exit');
    assert.equal(platform.seen.length, 2);
  });

  it('goes on with the events of an earlier run and ends when they are done', async () => {
    // The first process asks whether its event has been tried, and is answered once it has.
    /** @type {import('node:http').ServerResponse[]} */
    const asking = [];
    const tries = () => platform.seen.filter(({ method }) => method === 'POST');
    platform.answer = (res, { method }) => {
      if (method === 'GET') asking.push(res);
      else res.writeHead(503).end();
      if (tries().length > 0) for (const one of asking) one.end();
    };
    const waiting = `
      const e = service({ retry: { ...FAST, baseMs: 3600000, maxMs: 3600000 } });
      post(e, 'a').then(({ body }) => say(body.status));
      require('node:http').get(apiBaseUrl + '/tried', (res) => res.resume().on('end', () => e.close().then(() => say('closed'))));`;
    const dataDir = path.join(folder, 'earlier');
    assertClean(await runScript(waiting, [dataDir, platform.url]), ['accepted', 'closed']);
    platform.answer = answering(200);
    assertClean(await runScript("service().ready().then(() => say('ready'));", [dataDir, platform.url]), ['ready']);
    assert.equal(tries().length, 2);
    assert.equal(tries()[0].headers['idempotency-key'], tries()[1].headers['idempotency-key']);
  });

  /** @type {Array<[string, string]>} */
  const exits = [
    ['right after making a service', 'service(); process.exit(3);'],
    ['while the store opens', 'service().ready(); setImmediate(() => process.exit(3));'],
    ['with requests pending', "const e = service(); for (let i = 0; i < 50; i += 1) post(e, 'id' + i); setInterval(() => { if (e.stats().pending === 50) process.exit(3); }, 1);"],
    ['with retries waiting', "const e = service({ retry: { ...FAST, baseMs: 100000, maxMs: 100000 }, timeoutMs: 1 }); for (let i = 0; i < 50; i += 1) post(e, 'id' + i); setInterval(() => { if (e.stats().pending === 50) process.exit(3); }, 1);"],
    // Here libuv's thread pool is in use, by host names and by stores that close, when Node takes it away.
    ['while services close', `
      const list = Array.from({ length: 12 }, (_, n) => service({ dataDir: dataDir + n, apiBaseUrl: 'http://localhost:9' }));
      Promise.all(list.map((e) => e.ready())).then(() => {
        for (const e of list) { for (let i = 0; i < 5; i += 1) post(e, 'id' + i); e.close(); }
        let turns = process.pid % 5;
        const leave = () => (turns-- === 0 ? process.exit(3) : setImmediate(leave));
        leave();
      });`],
    ['with counters read in an exit listener', "const e = service(); post(e, 'a'); process.on('exit', () => { if (e.stats().pending === 1) process.exitCode = 3; }); setInterval(() => { if (e.stats().pending === 1) process.exit(); }, 1);"],
    ['in a log call', "const e = service({ timeoutMs: 1, logger: { info() {}, warn() {}, error: () => process.exit(3) } }); for (let i = 0; i < 50; i += 1) post(e, 'id' + i);"],
    ['in an answer', "const e = service({ timeoutMs: 1 }); for (let i = 0; i < 50; i += 1) post(e, 'id' + i).then(() => process.exit(3));"],
    ['by an error that nobody catches', "const e = service(); for (let i = 0; i < 50; i += 1) post(e, 'id' + i); process.on('exit', () => { process.exitCode = 3; }); e.ready().then(() => setImmediate(() => { throw new Error('x'); }));"],
  ];
  for (const [when, source] of exits) {
    it(`ends at once with its code ${when}`, async () => {
      platform.answer = () => {}; // never
      for (const { code, signal, stderr } of await Promise.all([1, 2, 3, 4, 5].map(() => run(source)))) {
        assert.deepEqual({ code, signal }, { code: 3, signal: null }, stderr);
      }
    });
  }

  const THROWING = `
    let first = true;
    const logger = { info() { if (first) { first = false; throw new Error('from the logger'); } }, warn() {}, error() {} };
    const e = service({ logger });
    Promise.all(Array.from({ length: 40 }, (_, i) => post(e, 'id' + i))).then((answers) => { say(answers.filter(({ body }) => body.status === 'processed').length + ' answers'); return e.close(); }).then(() => say('closed'));`;

  it('raises an exception of a logger as uncaughtException and loses no other completion', async () => {
    assertClean(await run(`process.on('uncaughtException', (error) => say(error.message)); ${THROWING}`), ['from the logger', '40 answers', 'closed']);
  });

  it('ends with 1 by an exception of a logger that nobody catches, and shows it', async () => {
    const { code, signal, stderr } = await run(THROWING);
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    assert.match(stderr, /Error: from the logger/);
  });
});
