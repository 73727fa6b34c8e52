// sync: a session's change to a Genesys Cloud that answers after 5 ms; what it costs, and how many calls a burst becomes.
'use strict';

const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { startPlatform } = require('../lib/platform');
const { alternate, medianRatio } = require('../lib/rounds');

const SEED = 'seed T0: axios';
const OURS = 'ours: profileSync().sync()';
const CONTENDERS = [{ name: SEED, module: 'seed' }, { name: OURS, module: 'trunkline' }];
const CONCURRENCY = 64;
const WARM_UP_CALLS = 5000;
const UPDATES = 10_000;
const CUSTOMERS = 500;
const PROFILE = { profile: { id: 'a1b2c3d4-e5f6-7890-91b2-a3b4c5d6e7f8', updatedTimestamp: '2026-01-01T00:00:00.000Z' } };

/** @typedef {Awaited<ReturnType<typeof startPlatform>>} Platform */

/** @param {import('../lib/types').RunOptions} options @param {string} baseUrl */
async function runClients({ quick, progress }, baseUrl) {
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const clients = new Map();
  const order = (/** @type {{ name: string }} */ { name }, /** @type {object} */ wanted) => ask(/** @type {import('node:child_process').ChildProcess} */ (clients.get(name)), wanted);
  try {
    await Promise.all(CONTENDERS.map(async ({ name, module }) => {
      const env = { BENCH_SETTINGS: JSON.stringify({ baseUrl }), NODE_ENV: 'production' };
      clients.set(name, (await startNode(path.join(__dirname, '..', 'http', 'client-child.js'), { args: [path.join(__dirname, 'clients', module)], env })).child);
    }));
    return await alternate(CONTENDERS, {
      rounds: quick ? 5 : 7,
      measure: (contender) => order(contender, { concurrency: CONCURRENCY, ms: quick ? 300 : 2000 }),
      warmUp: (contender) => order(contender, { concurrency: CONCURRENCY, calls: WARM_UP_CALLS, ms: quick ? 1000 : 3000 }),
      progress,
    });
  } finally {
    await Promise.all([...clients.values()].map(stop));
  }
}

/** @param {Platform} genesys @returns {Promise<{ calls: number, seconds: number }>} */
async function runBurst(genesys) {
  await genesys.counts();
  const env = { BENCH_SETTINGS: JSON.stringify({ baseUrl: genesys.url, updates: UPDATES, customers: CUSTOMERS }), NODE_ENV: 'production' };
  const { child, first } = await startNode(path.join(__dirname, 'burst-child.js'), { env });
  await stop(child);
  return { calls: (await genesys.counts()).calls, seconds: first.seconds };
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const genesys = await startPlatform({ answers: { POST: PROFILE }, answerMs: 5, scope: 'customer:profile:write' });
  try {
    const result = await runClients(options, genesys.url);
    const burst = await runBurst(genesys);
    return {
      title: 'sync: a session\'s change to a Genesys Cloud that answers after 5 ms, 64 in flight; a process each',
      judgements: [
        { what: 'JavaScript thread of ours / seed T0', value: medianRatio(result(OURS), result(SEED), 'jsUs'), unit: '×', target: { max: 0.2 } },
        { what: `calls for ${UPDATES} changes of ${CUSTOMERS} customers at once`, value: burst.calls, unit: '', target: { max: 1500 } },
      ],
      head: ['', 'CPU µs', 'JS thread busy µs', 'JS thread CPU µs', 'syncs/s', 'p50 ms', 'p99 ms'],
      rows: CONTENDERS.map(({ name }) => {
        const { cpuUs, jsUs, jsCpuUs, perSecond, p50Ms, p99Ms } = result(name).medians;
        return [name, cpuUs, jsUs, jsCpuUs, perSecond, p50Ms, p99Ms];
      }),
      notes: [`the burst took ${burst.seconds.toFixed(2)} s`, 'ours keeps a ledger on disk, synced before each call; the seed keeps nothing'],
    };
  } finally {
    await genesys.close();
  }
}

module.exports = { needs: { addon: true }, run };
