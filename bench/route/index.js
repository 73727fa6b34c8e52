// route: POST /api/route against a CXone that answers after 20 ms; what the caller waits, and CPU of the whole server process per request.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ask, startNode, stop } = require('../lib/children');
const { trunkline } = require('../lib/native');
const { alternate, medianRatio } = require('../lib/rounds');
const { runWrk } = require('../http/wrk');

const BODY = JSON.stringify({ conversationId: '60123456789', intent: 'billing_inquiry', confidence: 0.93, timestamp: '2026-01-01T00:00:00.000Z' });
const CONCURRENCIES = [64, 512];
const WARM_UP_SECONDS = 3;
const RAMP_MS = 500;
const SEED = 'seed T1: Express 5, axios';
const PLAIN = 'ours, node:http';
const LOGGED = 'ours, node:http, default logger';
const EXPRESS = 'ours in Express 5';
/** @type {Contender[]} */
const CONTENDERS = [
  { name: SEED, module: 'seed' },
  { name: PLAIN, module: 'trunkline', variant: 'http' },
  { name: LOGGED, module: 'trunkline', variant: 'http-logged' },
  { name: EXPRESS, module: 'trunkline', variant: 'express' },
];

/** @typedef {{ name: string, module: string, variant?: string }} Contender */
/** @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server */

/** @param {Contender} contender @param {string} dir @param {string} cxoneUrl @returns {Promise<Server>} */
async function startServer({ module, variant }, dir, cxoneUrl) {
  const stderr = variant === 'http-logged' ? 'ignore' : fs.openSync(path.join(dir, `${module}.stderr`), 'a');
  const env = { BENCH_SETTINGS: JSON.stringify({ cxoneUrl, variant }), NODE_ENV: 'production' };
  const { child, first } = await startNode(path.join(__dirname, '..', 'service', 'server-child.js'), { args: [path.join(__dirname, 'servers', module)], env, stderr });
  return { child, port: first.port };
}

/** @param {Server} server @param {number} connections @param {number} seconds @returns {Promise<import('../lib/types').Measurement>} */
async function measure({ child, port }, connections, seconds) {
  const before = await ask(child, 'usage');
  const load = await runWrk(`http://127.0.0.1:${port}/api/route`, { connections, seconds, token: 'unused', body: BODY, rampMs: RAMP_MS });
  const after = await ask(child, 'usage');
  const count = load.perSecond * seconds;
  return { cpuUs: (after.cpuUs - before.cpuUs) / count, jsUs: (after.jsUs - before.jsUs) / count, perSecond: load.perSecond, p50Ms: load.p50Ms, p99Ms: load.p99Ms };
}

/** @param {import('../lib/types').RunOptions} options @param {string} dir @param {Contender[]} list */
async function runAll({ quick, progress }, dir, list) {
  const cxone = await startNode(path.join(__dirname, 'cxone-child.js'));
  /** @type {Map<string, Server>} */
  const servers = new Map();
  const serverOf = (/** @type {Contender} */ { name }) => /** @type {Server} */ (servers.get(name));
  try {
    for (const contender of list) servers.set(contender.name, await startServer(contender, dir, `http://127.0.0.1:${cxone.first.port}`));
    const results = [];
    for (const concurrency of CONCURRENCIES) {
      results.push(await alternate(list, {
        rounds: quick ? 3 : 5,
        // Long enough that an answer that takes a second is counted too.
        measure: (contender) => measure(serverOf(contender), concurrency, quick ? 2 : 5),
        warmUp: (contender) => measure(serverOf(contender), concurrency, quick ? 1 : WARM_UP_SECONDS),
        progress: (text) => progress(`route, ${concurrency} at once: ${text}`),
      }));
    }
    return results;
  } finally {
    await Promise.all([...[...servers.values()].map(({ child }) => child), cxone.child].map(stop));
  }
}

/** @param {(name: string) => import('../lib/types').Alternated} result @param {number} concurrency @returns {import('../lib/types').Judgement[]} */
function judge(result, concurrency) {
  const ratio = (/** @type {string} */ figure, /** @type {string} */ of) => medianRatio(result(of), result(SEED), figure);
  return [
    { what: `${concurrency} at once: p99 of ours on node:http / seed T1`, value: ratio('p99Ms', PLAIN), unit: '×', target: { max: 0.5 } },
    { what: `${concurrency} at once: CPU of ours on node:http / seed T1`, value: ratio('cpuUs', PLAIN), unit: '×', target: { max: 0.33 } },
    { what: `${concurrency} at once: CPU of ours in Express 5 / seed T1`, value: ratio('cpuUs', EXPRESS), unit: '×', target: { max: 0.33 } },
  ];
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const title = 'route: POST /api/route, a CXone that answers after 20 ms; a process each, load is wrk';
  const empty = { title, judgements: [], head: [], rows: [] };
  if (spawnSync('sh', ['-c', 'command -v wrk']).status !== 0) return { ...empty, notes: ['skipped: wrk missing. Debian, Ubuntu: sudo apt-get install -y wrk'] };
  const addon = trunkline();
  if (!addon.value) return { ...empty, notes: [`skipped: ${addon.missing}`] };
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const results = await runAll(options, dir, CONTENDERS);
    return {
      title,
      judgements: CONCURRENCIES.flatMap((concurrency, i) => judge(results[i], concurrency)),
      head: ['', 'CPU µs', 'JS thread busy µs', 'requests/s', 'p50 ms', 'p99 ms'],
      rows: CONCURRENCIES.flatMap((concurrency, i) => CONTENDERS.map(({ name }) => {
        const { cpuUs, jsUs, perSecond, p50Ms, p99Ms } = results[i](name).medians;
        return [`${concurrency}  ${name}`, cpuUs, jsUs, perSecond, p50Ms, p99Ms];
      })),
      notes: ['20 ms of each latency are the simulated CXone\'s own'],
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { run };
