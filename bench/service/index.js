// service: a signed event in, a state update out; CPU of the whole server process per event, 64 in flight.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ask, startNode, stop } = require('../lib/children');
const { SECRET, signedEvents } = require('../lib/events');
const { trunkline } = require('../lib/native');
const { hasPeer } = require('../../test/support/peers');
const { alternate, medianRatio } = require('../lib/rounds');
const { send, writeRequests } = require('./load');
const { startStateApi } = require('./state-api');

const BODY_BYTES = 350;
const WARM_UP_EVENTS = 10_000;
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

function missingTools() {
  return [...(hasPeer('nginx') ? [] : ['nginx']), ...['wrk'].filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)];
}

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
  const count = quick ? 5000 : 20_000;
  const stateApi = await startStateApi(path.join(dir, 'nginx'));
  /** @type {Map<string, Server>} */
  const servers = new Map();
  try {
    for (const contender of list) servers.set(contender.name, await startServer(contender, dir, stateApi.baseUrl));
    let written = -1;
    const file = path.join(dir, 'requests');
    const measure = async (/** @type {Contender} */ contender, /** @type {number} */ round) => {
      const server = servers.get(contender.name);
      if (!server) throw new Error(`${contender.name} is not running`);
      const events = round === 0 ? WARM_UP_EVENTS : count;
      if (round !== written) {
        writeRequests(file, signedEvents(events, BODY_BYTES));
        written = round;
      }
      return measureRound(server, stateApi, { file, count: events }, contender);
    };
    return await alternate(list, { rounds: quick ? 3 : 7, measure, progress: (text) => progress(`service: ${text}`) });
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
  return [
    { what: 'CPU of seed T2 / ours in Express 5', value: ratio('cpuUs', SEED, EXPRESS), unit: '×', target: { min: 4 } },
    { what: 'CPU of seed T2 / ours on node:http', value: ratio('cpuUs', SEED, PLAIN), unit: '×', target: { min: 9 } },
    { what: 'CPU of ours on node:http / careful JavaScript', value: ratio('cpuUs', PLAIN, CAREFUL), unit: '×', target: { max: 0.7 } },
    { what: 'what ours in Express 5 costs beyond Express 5 alone', value: result(EXPRESS).medians.cpuUs - result(EXPRESS_FLOOR).medians.cpuUs, unit: 'µs', target: { max: 45 } },
    { what: 'p99 of ours on node:http / careful JavaScript', value: ratio('p99Ms', PLAIN, CAREFUL), unit: '×', target: { max: 1 } },
  ];
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const title = `service: ${BODY_BYTES} B events, 64 in flight; one process each, state API is nginx, load is wrk`;
  const tools = missingTools();
  if (tools.length > 0) {
    return { title, judgements: [], head: [], rows: [], notes: [`skipped: ${tools.join(' and ')} missing. Debian, Ubuntu: sudo apt-get install -y nginx wrk`] };
  }
  const addon = trunkline();
  const list = CONTENDERS.filter((contender) => contender.module !== 'trunkline' || addon.value);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const result = await runAll(options, dir, list);
    return {
      title,
      judgements: addon.value ? judge(result) : [],
      head: ['', 'CPU µs', 'JS thread busy µs', 'events/s', 'p50 ms', 'p99 ms', 'RSS MiB'],
      rows: list.map(({ name }) => {
        const one = result(name).medians;
        return [name, one.cpuUs, one.jsUs, one.perSecond, one.p50Ms, one.p99Ms, one.maxRssMiB];
      }),
      notes: addon.missing ? [`ours was left out: ${addon.missing}`] : [],
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { run };
