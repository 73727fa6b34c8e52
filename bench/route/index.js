// route: POST /api/route against a CXone that answers after 20 ms; what the caller waits, and CPU of the whole server process per request.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { startPlatform } = require('../lib/platform');
const { alternate, medianRatio } = require('../lib/rounds');
const { runWrk } = require('../http/wrk');

const BODY = JSON.stringify({ conversationId: '60123456789', intent: 'billing_inquiry', confidence: 0.93, timestamp: '2026-01-01T00:00:00.000Z' });
const ANSWER = { id: '60123456789', attributes: { cognigyDetectedIntent: 'billing_inquiry', cognigyConfidence: 0.93, routedAt: '2026-01-01T00:00:00.000Z' } };
/** Long enough that an answer that takes a second is counted too. */
const FULL = { concurrencies: [64, 512], rounds: 5, seconds: 5, warmUpSeconds: 3, rampMs: 500 };
const QUICK = { concurrencies: [64], rounds: 5, seconds: 0.6, warmUpSeconds: 1, rampMs: 100 };
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

/**
 * @param {Server} server
 * @param {{ connections: number, seconds: number, rampMs: number }} load
 * @returns {Promise<import('../lib/types').Measurement>}
 */
async function measure({ child, port }, { connections, seconds, rampMs }) {
  const before = await ask(child, 'usage');
  const load = await runWrk(`http://127.0.0.1:${port}/api/route`, { connections, seconds, token: 'unused', body: BODY, rampMs });
  const after = await ask(child, 'usage');
  // What the server has seen: some were under way when wrk ended.
  const count = after.requests - before.requests;
  return { cpuUs: (after.cpuUs - before.cpuUs) / count, jsUs: (after.jsUs - before.jsUs) / count, perSecond: load.perSecond, p50Ms: load.p50Ms, p99Ms: load.p99Ms };
}

/** @param {import('../lib/types').RunOptions} options @param {string} dir @param {Contender[]} list */
async function runAll({ quick, progress }, dir, list) {
  const { concurrencies, rounds, seconds, warmUpSeconds, rampMs } = quick ? QUICK : FULL;
  const cxone = await startPlatform({ answers: { POST: ANSWER }, answerMs: 20 });
  /** @type {Map<string, Server>} */
  const servers = new Map();
  const serverOf = (/** @type {Contender} */ { name }) => /** @type {Server} */ (servers.get(name));
  try {
    await Promise.all(list.map(async (contender) => servers.set(contender.name, await startServer(contender, dir, cxone.url))));
    const results = [];
    for (const connections of concurrencies) {
      results.push(await alternate(list, {
        rounds,
        measure: (contender) => measure(serverOf(contender), { connections, seconds, rampMs }),
        warmUp: (contender) => measure(serverOf(contender), { connections, seconds: warmUpSeconds, rampMs }),
        progress: (text) => progress(`${connections} at once: ${text}`),
      }));
    }
    return results;
  } finally {
    await Promise.all([...[...servers.values()].map(({ child }) => stop(child)), cxone.close()]);
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
  const { concurrencies } = options.quick ? QUICK : FULL;
  const list = CONTENDERS.filter(({ name }) => !options.quick || name !== LOGGED);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const results = await runAll(options, dir, list);
    return {
      title: 'route: POST /api/route, a CXone that answers after 20 ms; a process each, load is wrk',
      judgements: concurrencies.flatMap((concurrency, i) => judge(results[i], concurrency)),
      head: ['', 'CPU µs', 'JS thread busy µs', 'requests/s', 'p50 ms', 'p99 ms'],
      rows: concurrencies.flatMap((concurrency, i) => list.map(({ name }) => {
        const { cpuUs, jsUs, perSecond, p50Ms, p99Ms } = results[i](name).medians;
        return [`${concurrency}  ${name}`, cpuUs, jsUs, perSecond, p50Ms, p99Ms];
      })),
      notes: [
        '20 ms of each latency are the simulated CXone\'s own',
        ...(options.quick ? ['quick: without 512 at once, and without the default logger'] : []),
      ],
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['wrk'] }, run };
