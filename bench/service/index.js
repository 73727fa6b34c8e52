// service: a signed event in, a state update out; CPU of the whole server process per event, 64 in flight.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { SECRET, signedEvents } = require('../lib/events');
const { alternate, medianRatio } = require('../lib/rounds');
const { send, writeRequests } = require('./load');
const { startStateApi } = require('./state-api');

const BODY_BYTES = 350;
const FULL = { rounds: 7, others: { warmUp: 10_000, events: 20_000 }, seed: { warmUp: 10_000, events: 20_000 } };
/** The seed is slow, and gains a tenth by a longer warm-up; the others gain more. */
const QUICK = { rounds: 5, others: { warmUp: 8000, events: 1500 }, seed: { warmUp: 3000, events: 800 } };
const SEED = '(a) seed T2: Express 5, axios';
const CAREFUL = '(b) careful JavaScript';
const PLAIN = '(c) ours, node:http, durable';
const LOGGED = '(c2) the same, default logger';
const EXPRESS = '(d) ours in Express 5, durable';
const HTTP_FLOOR = '(floor) node:http, an answer and no more';
const EXPRESS_FLOOR = '(floor) Express 5, an answer and no more';
/** @type {Contender[]} */
const CONTENDERS = [
  { name: SEED, module: 'seed' },
  { name: CAREFUL, module: 'careful' },
  { name: PLAIN, module: 'trunkline', variant: 'http' },
  { name: LOGGED, module: 'trunkline', variant: 'http-logged' },
  { name: EXPRESS, module: 'trunkline', variant: 'express' },
  { name: HTTP_FLOOR, module: 'floor', variant: 'http', calls: false },
  { name: EXPRESS_FLOOR, module: 'floor', variant: 'express', calls: false },
];

/** @typedef {{ name: string, module: string, variant?: string, calls?: boolean }} Contender calls: does it update the state? */
/** @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server */

/**
 * @param {Contender} contender
 * @param {string} dir
 * @param {string} apiBaseUrl
 * @returns {Promise<Server>}
 */
async function startServer(contender, dir, apiBaseUrl) {
  const dataDir = path.join(dir, `${contender.module}-${contender.variant}`);
  fs.mkdirSync(dataDir, { recursive: true });
  // The default logger writes to stderr: /dev/null. The others write there only when they fail.
  const stderr = contender.variant === 'http-logged' ? 'ignore' : fs.openSync(path.join(dir, `${contender.module}.stderr`), 'a');
  const settings = { secret: SECRET, apiToken: 'bench-token', apiBaseUrl, dataDir, variant: contender.variant };
  const env = { BENCH_SETTINGS: JSON.stringify(settings), NODE_ENV: 'production' };
  const { child, first } = await startNode(path.join(__dirname, 'server-child.js'), { args: [contender.module], env, stderr });
  return { child, port: first.port };
}

/**
 * Sends one file of events to one server and says what that cost it. Throws unless every event was processed and sent on once.
 *
 * @param {Server} server
 * @param {import('../lib/types').StateApi} stateApi
 * @param {{ file: string, count: number }} requests
 * @param {Contender} contender
 */
async function measureRound(server, stateApi, { file, count }, { name, calls: updates = true }) {
  server.child.kill('SIGCONT');
  const callsBefore = await stateApi.requests();
  const before = await ask(server.child, 'usage');
  const load = await send(server.port, file);
  const after = await ask(server.child, 'usage');
  const calls = (await stateApi.requests()) - callsBefore;
  // Collecting garbage in idle time is no part of the next contender's round.
  server.child.kill('SIGSTOP');
  if (load.answered !== count || load.bad > 0 || load.socketErrors > 0) throw new Error(`${name}: round not valid: ${JSON.stringify(load)}`);
  if (calls !== (updates ? count : 0)) throw new Error(`${name}: ${calls} state updates for ${count} events`);
  if (after.processed !== undefined && after.processed - before.processed !== count) {
    throw new Error(`${name}: its own count says ${after.processed - before.processed} of ${count} events`);
  }
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / count,
    jsUs: (after.jsUs - before.jsUs) / count,
    perSecond: count / load.seconds,
    p50Ms: load.p50Us / 1000,
    p99Ms: load.p99Us / 1000,
    maxRssMiB: after.maxRssKiB / 1024,
  };
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @param {string} dir
 * @param {Contender[]} list
 */
async function runAll({ quick, progress }, dir, list) {
  const { rounds, others, seed } = quick ? QUICK : FULL;
  const stateApi = await startStateApi(path.join(dir, 'nginx'));
  /** @type {Map<string, Server>} */
  const servers = new Map();
  try {
    await Promise.all(list.map(async (contender) => servers.set(contender.name, await startServer(contender, dir, stateApi.baseUrl))));
    let written = '';
    const file = path.join(dir, 'requests');
    const measure = async (/** @type {Contender} */ contender, /** @type {number} */ round) => {
      const server = servers.get(contender.name);
      if (!server) throw new Error(`${contender.name} is not running`);
      const { warmUp, events } = contender.name === SEED ? seed : others;
      const count = round === 0 ? warmUp : events;
      if (written !== `${round} ${count}`) {
        writeRequests(file, signedEvents(count, BODY_BYTES));
        written = `${round} ${count}`;
      }
      return measureRound(server, stateApi, { file, count }, contender);
    };
    return await alternate(list, { rounds, measure, progress });
  } finally {
    await Promise.all([...servers.values()].map(({ child }) => child.kill('SIGCONT') && stop(child)));
    await stateApi.close();
  }
}

/**
 * @param {(name: string) => import('../lib/types').Alternated} result
 * @returns {import('../lib/types').Judgement[]}
 */
function judge(result) {
  const ratio = (/** @type {string} */ figure, /** @type {string} */ of, /** @type {string} */ to) => medianRatio(result(of), result(to), figure);
  const floor = result(EXPRESS_FLOOR);
  return [
    { what: 'CPU of seed T2 / ours in Express 5', value: ratio('cpuUs', SEED, EXPRESS), unit: '×', target: { min: 4 } },
    { what: 'CPU of seed T2 / ours on node:http', value: ratio('cpuUs', SEED, PLAIN), unit: '×', target: { min: 9 } },
    { what: 'CPU of ours on node:http / careful JavaScript', value: ratio('cpuUs', PLAIN, CAREFUL), unit: '×', target: { max: 0.7 } },
    ...(floor.rounds.length > 0 ? [{ what: 'what ours in Express 5 costs beyond Express 5 alone', value: result(EXPRESS).medians.cpuUs - floor.medians.cpuUs, unit: 'µs', target: { max: 45 } }] : []),
    { what: 'p99 of ours on node:http / careful JavaScript', value: ratio('p99Ms', PLAIN, CAREFUL), unit: '×', target: { max: 1 } },
  ];
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const list = CONTENDERS.filter(({ name, module }) => !options.quick || (name !== LOGGED && module !== 'floor'));
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const result = await runAll(options, dir, list);
    return {
      title: `service: ${BODY_BYTES} B events, 64 in flight; one process each, state API is nginx, load is wrk`,
      judgements: judge(result),
      head: ['', 'CPU µs', 'JS thread busy µs', 'events/s', 'p50 ms', 'p99 ms', 'RSS MiB'],
      rows: list.map(({ name }) => {
        const one = result(name).medians;
        return [name, one.cpuUs, one.jsUs, one.perSecond, one.p50Ms, one.p99Ms, one.maxRssMiB];
      }),
      notes: options.quick ? [`quick: without the floors and the default logger; seed T2 is warmed up with ${QUICK.seed.warmUp} events, the others with ${QUICK.others.warmUp}`] : [],
      charts: [{ title: 'CPU per signed event, the whole service (µs)', bars: list.map(({ name }) => ({ name, value: result(name).medians.cpuUs })) }],
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['nginx', 'wrk'] }, run };
