// admit: verify, parse and remember one event; CPU per call for bodies of three sizes, each with an id of its own.
'use strict';

const { collect } = require('../lib/gc');
const { alternate } = require('../lib/rounds');
const { signedEvents } = require('../lib/events');
const { CAREFUL, contenders, OURS, SEED } = require('./contenders');

const SIZES = [
  { name: '350 B', bytes: 350, calls: 20_000, minRatio: 3 },
  { name: '4 KB', bytes: 4096, calls: 5000, minRatio: 5 },
  { name: '64 KB', bytes: 65_536, calls: 500, minRatio: 5 },
];

/**
 * CPU µs a call. Every event is new to a fresh memory and must be accepted; the memory is made before the clock starts.
 *
 * @param {{ name: string, create: () => import('./contenders').Judge }} contender
 * @param {import('../lib/types').SignedEvent[]} events
 */
function cpuPerCall(contender, events) {
  const judge = contender.create();
  collect();
  let accepted = 0;
  const before = process.cpuUsage();
  for (const { body, signature } of events) accepted += judge(body, signature) ? 1 : 0;
  const used = process.cpuUsage(before);
  if (accepted !== events.length) throw new Error(`${contender.name} accepted ${accepted} of ${events.length} events`);
  return { cpuUs: (used.user + used.system) / events.length };
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const { list, missing } = contenders();
  const notes = missing ? [`native admit was left out: ${missing}`] : [];
  const rows = [];
  /** @type {import('../lib/types').Judgement[]} */
  const judgements = [];
  for (const size of SIZES) {
    progress(`admit, ${size.name}: signing the pool`);
    const events = signedEvents(size.calls, size.bytes);
    const result = await alternate(list, {
      rounds: quick ? 3 : 11,
      measure: async (contender) => cpuPerCall(contender, events),
      warmUp: async (contender) => {
        for (let calls = 0; calls < Math.min(10_000, size.calls * 4); calls += events.length) cpuPerCall(contender, events);
      },
      progress: (text) => progress(`admit, ${size.name}: ${text}`),
    });
    const cpuUs = (/** @type {string} */ name) => result(name).medians.cpuUs;
    rows.push([size.name, ...list.map((contender) => cpuUs(contender.name))]);
    if (missing) continue;
    judgements.push(
      { what: `CPU of the seed's way / native admit, ${size.name}`, value: cpuUs(SEED) / cpuUs(OURS), unit: '×', target: { min: size.minRatio } },
      { what: `CPU of careful JavaScript / native admit, ${size.name}`, value: cpuUs(CAREFUL) / cpuUs(OURS), unit: '×', target: { min: 1 } },
    );
  }
  return {
    title: 'admit: verify, parse, remember (CPU µs a call, all threads)',
    judgements,
    head: ['body', ...list.map((contender) => contender.name)],
    rows,
    notes,
  };
}

module.exports = { run };
