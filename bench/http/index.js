// http: a POST with a bearer token, answered by nginx, over http and https; what each client costs per request.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { alternate } = require('../lib/rounds');
const { BODY, PATH } = require('./message');
const { startPeer } = require('./peer');
const { runWrk } = require('./wrk');

const TOKEN = 'bench-token-0123456789abcdef0123456789abcdef';
const CONNECTIONS = 64;
const WARM_UP_CALLS = 10_000;
const FULL = { concurrencies: [1, 64, 512], rounds: 7, ms: 1000, warmUpMs: 3000 };
const QUICK = { concurrencies: [64], rounds: 5, ms: 250, warmUpMs: 1500 };
const UNDICI = 'undici Pool(64)';
const AXIOS = 'axios, keep-alive';
const OURS = 'ours';
const WRK = 'wrk: the limit';
/** @type {Contender[]} */
const CLIENTS = [{ name: UNDICI, module: 'undici' }, { name: AXIOS, module: 'axios' }, { name: OURS, module: 'trunkline' }];
const SCHEMES = /** @type {const} */ (['http', 'https']);

/** @typedef {{ name: string, module?: string }} Contender without a module: wrk */
/** @typedef {(name: string) => import('../lib/types').Alternated} Alternated */

/**
 * @param {import('../lib/types').RunOptions} options
 * @param {Contender[]} list
 * @param {import('../lib/types').ClientSettings} settings
 * @param {string} scheme
 * @returns {Promise<Map<number, Alternated>>} by concurrency
 */
async function runScheme({ quick, progress }, list, settings, scheme) {
  const { concurrencies, rounds, ms, warmUpMs } = quick ? QUICK : FULL;
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const clients = new Map();
  const order = (/** @type {Contender} */ { name }, /** @type {object} */ wanted) => {
    const client = clients.get(name);
    return client ? ask(client, wanted) : Promise.resolve();
  };
  try {
    await Promise.all(list.map(async ({ name, module }) => {
      if (!module) return;
      const env = { BENCH_SETTINGS: JSON.stringify(settings), NODE_ENV: 'production' };
      clients.set(name, (await startNode(path.join(__dirname, 'client-child.js'), { args: [module], env })).child);
    }));
    /** @type {Map<number, Alternated>} */
    const results = new Map();
    for (const concurrency of concurrencies) {
      // wrk has no queue in front of its connections: it is compared where the others need none either.
      const taking = list.filter(({ module }) => module || concurrency === CONNECTIONS);
      results.set(concurrency, await alternate(taking, {
        rounds,
        measure: (contender) => {
          if (!contender.module) return runWrk(settings.baseUrl + PATH, { connections: concurrency, seconds: 3, token: TOKEN, body: BODY });
          return order(contender, { concurrency, ms });
        },
        warmUp: (contender) => (concurrency === concurrencies[0] ? order(contender, { concurrency: CONNECTIONS, calls: WARM_UP_CALLS, ms: warmUpMs }) : Promise.resolve()),
        progress: (text) => progress(`${scheme}, ${concurrency} in flight: ${text}`),
      }));
    }
    return results;
  } finally {
    await Promise.all([...clients.values()].map(stop));
  }
}

/**
 * @param {string} scheme
 * @param {Map<number, Alternated>} results
 * @returns {import('../lib/types').Judgement[]}
 */
function judge(scheme, results) {
  const at64 = /** @type {Alternated} */ (results.get(CONNECTIONS));
  const at512 = results.get(512);
  const ratio = (/** @type {string} */ figure, /** @type {string} */ of, /** @type {string} */ to) => at64(of).medians[figure] / at64(to).medians[figure];
  return [
    { what: `${scheme}: CPU of ours / undici's pool`, value: ratio('cpuUs', OURS, UNDICI), unit: '×', target: { max: 0.5 } },
    ...(at64(WRK).rounds.length > 0 ? [{ what: `${scheme}: CPU of ours / wrk`, value: ratio('cpuUs', OURS, WRK), unit: '×', target: { max: 2.2 } }] : []),
    { what: `${scheme}: JavaScript thread of undici's pool / ours`, value: ratio('jsUs', UNDICI, OURS), unit: '×', target: { min: 8 } },
    { what: `${scheme}: JavaScript thread of axios / ours`, value: ratio('jsUs', AXIOS, OURS), unit: '×', target: { min: 60 } },
    { what: `${scheme}: p99 of ours / undici's pool`, value: ratio('p99Ms', OURS, UNDICI), unit: '×', target: { max: 1 } },
    { what: `${scheme}: JavaScript thread of ours, a request`, value: at64(OURS).medians.jsUs, unit: 'µs', target: { max: 4 } },
    ...(at512 ? [{ what: `${scheme}: event-loop delay p99 of ours, 512 in flight, without waiting for a core`, value: at512(OURS).medians.ownLoopDelayMs, unit: 'ms', target: { max: 2 } }] : []),
  ];
}

/**
 * @param {string} scheme
 * @param {Contender[]} list
 * @param {Map<number, Alternated>} results
 */
function rowsOf(scheme, list, results) {
  return [...results].flatMap(([concurrency, result]) => list.flatMap(({ name }) => {
    const { medians, rounds } = result(name);
    if (rounds.length === 0) return [];
    return [[`${scheme} ${concurrency}  ${name}`, medians.cpuUs, medians.jsUs, medians.jsCpuUs, medians.jsWaitedPercent, medians.perSecond, medians.p50Ms, medians.p99Ms, medians.loopDelayMs, medians.ownLoopDelayMs]];
  }));
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const list = options.quick ? CLIENTS : [...CLIENTS, { name: WRK }];
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const peer = await startPeer(dir);
    try {
      const judgements = [];
      const rows = [];
      /** @type {Array<{ name: string, cpuUs: number, jsUs: number }>} */
      const bars = [];
      for (const scheme of SCHEMES) {
        const results = await runScheme(options, list, { baseUrl: peer.urls[scheme], token: TOKEN, ca: peer.ca }, scheme);
        judgements.push(...judge(scheme, results));
        rows.push(...rowsOf(scheme, list, results));
        for (const { name } of list) {
          const { cpuUs, jsUs } = /** @type {Alternated} */ (results.get(CONNECTIONS))(name).medians;
          bars.push({ name: `${scheme}  ${name}`, cpuUs, jsUs });
        }
      }
      return {
        title: 'http: POST, 300 B made beforehand, with a bearer token, against nginx; ratios at 64 in flight; a process each',
        judgements,
        head: ['', 'CPU µs', 'JS thread busy µs', 'JS thread CPU µs', 'JS thread waits %', 'requests/s', 'p50 ms', 'p99 ms', 'loop delay p99 ms', 'without waiting ms'],
        rows,
        notes: [
          'busy is what performance.eventLoopUtilization tells: it goes on while the thread waits for a core, as CPU does not; waits is the share of the time for which it did',
          'loop delay as monitorEventLoopDelay tells it: 1 ms of it is its own period, and waiting for a core counts; without waiting: how late the ticks of a 1 ms timer come, less what the thread waited for a core meanwhile (schedstat), as it does where nginx and the engine fill all cores',
          ...(options.quick ? ['quick: 64 in flight alone, so that no loop delay is told; without wrk'] : []),
        ],
        charts: [
          { title: 'CPU per POST, 64 in flight (µs)', bars: bars.map(({ name, cpuUs }) => ({ name, value: cpuUs })) },
          { title: 'JavaScript thread per POST, 64 in flight (µs)', bars: bars.map(({ name, jsUs }) => ({ name, value: jsUs })) },
        ],
      };
    } finally {
      await peer.close();
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['nginx', 'wrk', 'openssl'] }, run };
