// oauth: what a token costs. A POST with client credentials (RFC 6749, 4.4), and how many tokens are fetched when many callers find none, and when tokens are short-lived.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { startPlatform } = require('../lib/platform');
const { alternate, medianRatio } = require('../lib/rounds');
const { startStateApi } = require('../service/state-api');

const SEED = 'seed T0: axios, its own cache';
const CAREFUL = 'careful JavaScript, undici Pool(64)';
const OURS = 'ours';
const CONTENDERS = [{ name: SEED, module: 'seed' }, { name: CAREFUL, module: 'careful' }, { name: OURS, module: 'trunkline' }];
const CONCURRENCY = 64;
const FIRST_CALLS = 200;
const SHORT_S = 300;
const SHORT_CALLS = 1000;
const FULL = { rounds: 7, ms: 1000, warmUpMs: 3000 };
const QUICK = { rounds: 5, ms: 200, warmUpMs: 1000 };
const WARM_UP_CALLS = 10_000;

/** @typedef {Awaited<ReturnType<typeof startPlatform>>} Platform */
/** @typedef {{ name: string, module: string }} Contender */

/**
 * A client of each contender, all with the same platform's tokens, for as long as `work` takes.
 *
 * @template T
 * @param {string} baseUrl
 * @param {Platform} tokens
 * @param {(order: (contender: Contender, wanted: object) => Promise<import('../lib/types').Measurement>) => Promise<T>} work
 */
async function withClients(baseUrl, tokens, work) {
  const env = { BENCH_SETTINGS: JSON.stringify({ baseUrl, tokenBaseUrl: tokens.url }), NODE_ENV: 'production' };
  const clients = await Promise.all(CONTENDERS.map(({ module }) =>
    startNode(path.join(__dirname, '..', 'http', 'client-child.js'), { args: [path.join(__dirname, 'clients', module)], env })));
  try {
    return await work((contender, wanted) => ask(clients[CONTENDERS.indexOf(contender)].child, wanted));
  } finally {
    await Promise.all(clients.map(({ child }) => stop(child)));
  }
}

/**
 * How many tokens each contender fetches for so many first calls.
 *
 * @param {Parameters<Parameters<typeof withClients>[2]>[0]} order
 * @param {Platform} tokens
 * @param {{ concurrency: number, calls: number }} wanted
 * @returns {Promise<Map<string, number>>}
 */
async function countTokens(order, tokens, wanted) {
  const counted = new Map();
  for (const contender of CONTENDERS) {
    await tokens.counts();
    await order(contender, { ...wanted, cold: true });
    counted.set(contender.name, (await tokens.counts()).tokens);
  }
  return counted;
}

/** @param {import('../lib/types').RunOptions} options @param {string} baseUrl */
async function measure({ quick, progress }, baseUrl) {
  const { rounds, ms, warmUpMs } = quick ? QUICK : FULL;
  const [long, short] = await Promise.all([startPlatform({}), startPlatform({ expiresIn: SHORT_S })]);
  try {
    progress('short-lived tokens');
    const ofShort = await withClients(baseUrl, short, (order) => countTokens(order, short, { concurrency: CONCURRENCY, calls: SHORT_CALLS }));
    progress('first calls');
    return await withClients(baseUrl, long, async (order) => ({
      ofShort,
      ofFirst: await countTokens(order, long, { concurrency: FIRST_CALLS, calls: FIRST_CALLS }),
      result: await alternate(CONTENDERS, {
        rounds,
        measure: (contender) => order(contender, { concurrency: CONCURRENCY, ms }),
        warmUp: (contender) => order(contender, { concurrency: CONCURRENCY, calls: WARM_UP_CALLS, ms: warmUpMs }),
        progress,
      }),
    }));
  } finally {
    await Promise.all([long.close(), short.close()]);
  }
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const api = await startStateApi(path.join(dir, 'nginx'));
    try {
      const { result, ofFirst, ofShort } = await measure(options, api.baseUrl);
      const ratio = (/** @type {string} */ figure, /** @type {string} */ of, /** @type {string} */ to) => medianRatio(result(of), result(to), figure);
      const calls = SHORT_CALLS.toLocaleString('en-US');
      return {
        title: 'oauth: POST with client credentials against nginx, 64 in flight; a process each, and one for the token server',
        judgements: [
          { what: `tokens that ours fetches for ${FIRST_CALLS} first calls at once`, value: ofFirst.get(OURS) ?? NaN, unit: '', target: { max: 1 } },
          { what: `tokens that ours fetches for ${calls} calls, each token for ${SHORT_S} s`, value: ofShort.get(OURS) ?? NaN, unit: '', target: { max: 1 } },
          { what: 'CPU of seed T0 / ours, token at hand', value: ratio('cpuUs', SEED, OURS), unit: '×', target: { min: 12 } },
          { what: 'CPU of ours / careful JavaScript, token at hand', value: ratio('cpuUs', OURS, CAREFUL), unit: '×', target: { max: 0.5 } },
          { what: 'JavaScript thread of seed T0 / ours', value: ratio('jsUs', SEED, OURS), unit: '×', target: { min: 60 } },
          { what: 'JavaScript thread of careful JavaScript / ours', value: ratio('jsUs', CAREFUL, OURS), unit: '×', target: { min: 8 } },
        ],
        head: ['', 'CPU µs', 'JS thread busy µs', 'JS thread CPU µs', 'requests/s', 'p50 ms', 'p99 ms', `tokens, ${FIRST_CALLS} first calls`, `tokens, ${calls} calls, ${SHORT_S} s each`],
        rows: CONTENDERS.map(({ name }) => {
          const { cpuUs, jsUs, jsCpuUs, perSecond, p50Ms, p99Ms } = result(name).medians;
          return [name, cpuUs, jsUs, jsCpuUs, perSecond, p50Ms, p99Ms, String(ofFirst.get(name)), String(ofShort.get(name))];
        }),
        notes: ['the seed keeps a token until five minutes before its end: one of five minutes is fetched for every call'],
        charts: [{ title: 'CPU per POST, 64 in flight, token at hand (µs)', bars: CONTENDERS.map(({ name }) => ({ name, value: result(name).medians.cpuUs })) }],
      };
    } finally {
      await api.close();
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['nginx'] }, run };
