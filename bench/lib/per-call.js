// CPU a call of what judges signed events, for bodies of three sizes, each event with an id of its own.
'use strict';

const { collect } = require('./gc');
const { signedEvents } = require('./events');
const { alternate } = require('./rounds');

const SIZES = [
  { name: '350 B', bytes: 350, calls: 20_000, quickCalls: 5000 },
  { name: '4 KB', bytes: 4096, calls: 5000, quickCalls: 1000 },
  { name: '64 KB', bytes: 65_536, calls: 500, quickCalls: 50 },
];
const WARM_UP_CALLS = 10_000;

/**
 * CPU µs a call, of all threads. What is made to judge, and be it a memory of ids, is new each time, and made before the clock starts.
 *
 * @param {import('./types').JudgeContender} contender
 * @param {import('./types').SignedEvent[]} events all to be accepted
 */
async function cpuPerCall({ name, create }, events) {
  const judge = create();
  collect();
  let accepted = 0;
  const before = process.cpuUsage();
  for (const { body, signature } of events) {
    const verdict = judge(body, signature);
    accepted += (typeof verdict === 'boolean' ? verdict : await verdict) ? 1 : 0;
  }
  const used = process.cpuUsage(before);
  if (accepted !== events.length) throw new Error(`${name} accepted ${accepted} of ${events.length} events`);
  return { cpuUs: (used.user + used.system) / events.length };
}

/**
 * @param {import('./types').JudgeContender[]} list
 * @param {import('./types').RunOptions} options
 * @returns {Promise<Array<(name: string) => import('./types').Alternated>>} for each of SIZES
 */
async function measureSizes(list, { quick, progress }) {
  const results = [];
  for (const { name, bytes, calls, quickCalls } of SIZES) {
    progress(`${name}: signing the pool`);
    const events = signedEvents(quick ? quickCalls : calls, bytes);
    const pools = new Map(list.map((contender) => [contender, events.map(({ body, signature }) => ({ body, signature: contender.sign?.(body) ?? signature }))]));
    const measure = (/** @type {import('./types').JudgeContender} */ contender) => cpuPerCall(contender, pools.get(contender) ?? []);
    results.push(await alternate(list, {
      rounds: quick ? 5 : 11,
      measure,
      warmUp: async (contender) => {
        for (let done = 0; done < Math.min(WARM_UP_CALLS, events.length * 4); done += events.length) await measure(contender);
      },
      progress: (text) => progress(`${name}: ${text}`),
    }));
  }
  return results;
}

module.exports = { measureSizes, SIZES };
