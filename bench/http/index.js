// http: a POST with a bearer token, answered by nginx, over http and https; what each client costs per request.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ask, startNode, stop } = require('../lib/children');
const { trunkline } = require('../lib/native');
const { hasPeer } = require('../../test/support/peers');
const { alternate } = require('../lib/rounds');
const { BODY, PATH } = require('./message');
const { startPeer } = require('./peer');
const { runWrk } = require('./wrk');

const TOKEN = 'bench-token-0123456789abcdef0123456789abcdef';
const CONCURRENCIES = [1, 64, 512];
const CONNECTIONS = 64;
const WARM_UP_CALLS = 10_000;
const UNDICI = 'undici Pool(64)';
const AXIOS = 'axios, keep-alive';
const OURS = 'ours';
const WRK = 'wrk: the limit';
/** @type {Contender[]} */
const CONTENDERS = [{ name: UNDICI, module: 'undici' }, { name: AXIOS, module: 'axios' }, { name: OURS, module: 'trunkline' }, { name: WRK }];
const SCHEMES = /** @type {const} */ (['http', 'https']);

/** @typedef {{ name: string, module?: string }} Contender without a module: wrk */
/** @typedef {(name: string) => import('../lib/types').Alternated} Alternated */

function missingTools() {
  return [...(hasPeer('nginx') ? [] : ['nginx']), ...['wrk', 'openssl'].filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)];
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @param {Contender[]} list
 * @param {import('../lib/types').ClientSettings} settings
 * @param {string} scheme
 * @returns {Promise<Alternated[]>} one for each of CONCURRENCIES
 */
async function runScheme({ quick, progress }, list, settings, scheme) {
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const clients = new Map();
  const order = (/** @type {Contender} */ { name }, /** @type {object} */ wanted) => {
    const client = clients.get(name);
    return client ? ask(client, wanted) : Promise.resolve();
  };
  try {
    for (const { name, module } of list) {
      if (!module) continue;
      const env = { BENCH_SETTINGS: JSON.stringify(settings), NODE_ENV: 'production' };
      clients.set(name, (await startNode(path.join(__dirname, 'client-child.js'), { args: [module], env })).child);
    }
    const results = [];
    for (const concurrency of CONCURRENCIES) {
      // wrk has no queue in front of its connections: it is compared where the others need none either.
      const taking = list.filter(({ module }) => module || concurrency === CONNECTIONS);
      results.push(await alternate(taking, {
        rounds: quick ? 3 : 7,
        measure: (contender) => {
          if (!contender.module) return runWrk(settings.baseUrl + PATH, { connections: concurrency, seconds: quick ? 1 : 3, token: TOKEN, body: BODY });
          return order(contender, { concurrency, ms: quick ? 250 : 1000 });
        },
        warmUp: (contender) => (concurrency === CONCURRENCIES[0] ? order(contender, { concurrency: CONNECTIONS, calls: WARM_UP_CALLS, ms: 3000 }) : Promise.resolve()),
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
 * @param {Alternated[]} results
 * @returns {import('../lib/types').Judgement[]}
 */
function judge(scheme, [, at64, at512]) {
  const ratio = (/** @type {string} */ figure, /** @type {string} */ a, /** @type {string} */ b) => at64(a).medians[figure] / at64(b).medians[figure];
  return [
    { what: `${scheme}: CPU of ours / undici's pool`, value: ratio('cpuUs', OURS, UNDICI), unit: '×', target: { max: 0.5 } },
    { what: `${scheme}: CPU of ours / wrk`, value: ratio('cpuUs', OURS, WRK), unit: '×', target: { max: 2.2 } },
    { what: `${scheme}: JavaScript thread of undici's pool / ours`, value: ratio('jsUs', UNDICI, OURS), unit: '×', target: { min: 8 } },
    { what: `${scheme}: JavaScript thread of axios / ours`, value: ratio('jsUs', AXIOS, OURS), unit: '×', target: { min: 60 } },
    { what: `${scheme}: p99 of ours / undici's pool`, value: ratio('p99Ms', OURS, UNDICI), unit: '×', target: { max: 1 } },
    { what: `${scheme}: JavaScript thread of ours, a request`, value: at64(OURS).medians.jsUs, unit: 'µs', target: { max: 4 } },
    { what: `${scheme}: event-loop delay p99 of ours, 512 in flight, without waiting for a core`, value: at512(OURS).medians.ownLoopDelayMs, unit: 'ms', target: { max: 2 } },
  ];
}

/**
 * @param {string} scheme
 * @param {Contender[]} list
 * @param {Alternated[]} results
 */
function rowsOf(scheme, list, results) {
  return CONCURRENCIES.flatMap((concurrency, i) => list.flatMap(({ name }) => {
    const { medians, rounds } = results[i](name);
    if (rounds.length === 0) return [];
    return [[`${scheme} ${concurrency}  ${name}`, medians.cpuUs, medians.jsUs, medians.jsCpuUs, medians.jsWaitedPercent, medians.perSecond, medians.p50Ms, medians.p99Ms, medians.loopDelayMs, medians.ownLoopDelayMs]];
  }));
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const title = 'http: POST, 300 B made beforehand, with a bearer token, against nginx; ratios at 64 in flight; a process each';
  const tools = missingTools();
  if (tools.length > 0) {
    return { title, judgements: [], head: [], rows: [], notes: [`skipped: ${tools.join(' and ')} missing. Debian, Ubuntu: sudo apt-get install -y nginx wrk openssl`] };
  }
  const addon = trunkline();
  const list = CONTENDERS.filter(({ module }) => module !== 'trunkline' || addon.value);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const peer = await startPeer(dir);
    try {
      const judgements = [];
      const rows = [];
      for (const scheme of SCHEMES) {
        const results = await runScheme(options, list, { baseUrl: peer.urls[scheme], token: TOKEN, ca: peer.ca }, scheme);
        if (addon.value) judgements.push(...judge(scheme, results));
        rows.push(...rowsOf(scheme, list, results));
      }
      return {
        title,
        judgements,
        head: ['', 'CPU µs', 'JS thread busy µs', 'JS thread CPU µs', 'JS thread waits %', 'requests/s', 'p50 ms', 'p99 ms', 'loop delay p99 ms', 'without waiting ms'],
        rows,
        notes: [
          'busy is what performance.eventLoopUtilization tells: it goes on while the thread waits for a core, as CPU does not; waits is the share of the time for which it did',
          'loop delay as monitorEventLoopDelay tells it: 1 ms of it is its own period, and waiting for a core counts; without waiting: how late the ticks of a 1 ms timer come, less what the thread waited for a core meanwhile (schedstat), as it does where nginx and the engine fill all cores',
          ...(addon.missing ? [`ours was left out: ${addon.missing}`] : []),
        ],
      };
    } finally {
      await peer.close();
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { run };
