// store: events accepted and finished by the store alone: the price on its thread, how it grows, what grouping of syncs brings, and how long a restart takes.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { buildProgram, runProgram } = require('../lib/core-programs');
const { alternate } = require('../lib/rounds');

const PROGRAM = 'bench_storing';
const GROUPED = '64 in flight';
const SINGLE = 'one at a time, a sync each';

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const storing = async (/** @type {string} */ mode, /** @type {number} */ count, /** @type {number} */ inFlight) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
    try {
      return await runProgram(PROGRAM, [mode, folder, String(count), String(inFlight)]);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  };
  const list = [
    { name: GROUPED, run: () => storing('accept', quick ? 40_000 : 100_000, 64) },
    { name: SINGLE, run: () => storing('accept', quick ? 200 : 3000, 1) },
  ];
  const result = await alternate(list, { rounds: 5, measure: (contender) => contender.run(), warmUp: async () => {}, progress });
  const grouped = result(GROUPED).medians;
  const single = result(SINGLE).medians;
  const many = quick ? 100_000 : 1_000_000;
  progress(`${many.toLocaleString('en-US')} events`);
  const growth = await storing('accept', many, 64);
  progress('recovery');
  const recovery = await storing('recover', 100_000, 256);
  return {
    title: 'store: 400-byte events, each accepted and later marked as done, on this machine\'s disk',
    judgements: [
      { what: 'CPU an event on the store\'s thread, 64 in flight', value: grouped.storeUs, unit: 'µs', target: { max: 7 } },
      { what: 'events a second, 64 in flight / one sync each', value: grouped.perSecond / single.perSecond, unit: '×', target: { min: 15 } },
      { what: `last tenth of ${many.toLocaleString('en-US')} / first, CPU an event`, value: growth.lastTenthUs / growth.firstTenthUs, unit: '×', target: { max: 1.2 } },
      { what: 'opening with 100,000 unfinished events', value: recovery.openMs / 1000, unit: 's', target: { max: 5 } },
    ],
    head: ['', 'events/s', 'store µs an event', 'all µs an event'],
    rows: list.map(({ name }) => {
      const { medians } = result(name);
      return [name, medians.perSecond, medians.storeUs, medians.allUs];
    }),
    notes: [
      'the core alone, without Node: one thread submits and is answered, the store\'s thread writes; CPU includes the system\'s for the syncs',
      'under load a sync waits for others as long as they keep coming, until 3 ms after the last one at most',
    ],
  };
}

module.exports = { needs: {}, prepare: () => buildProgram(PROGRAM), run };
