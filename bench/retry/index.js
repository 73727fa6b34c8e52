// retry: a million tries that wait for their time. Memory an entry, time to schedule and to fire one, and the longest pause while all fire; a process of its own for each.
'use strict';

const path = require('node:path');
const { startNode, stop } = require('../lib/children');
const { buildProgram, runProgram } = require('../lib/core-programs');
const { alternate } = require('../lib/rounds');

const PROGRAM = 'bench_waiting';
const TIMER = 'timer of the engine';
const CALL = 'a whole waiting call of HttpClient';
const SEED = 'seed: promise, closure, setTimeout';
const TIMEOUT = 'bare setTimeout';

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const count = quick ? 100_000 : 1_000_000;
  const inCore = (/** @type {string} */ kind) => () => runProgram(PROGRAM, [kind, String(count)]);
  const inNode = (/** @type {string} */ kind) => async () => {
    const { child, first } = await startNode(path.join(__dirname, 'wait-child.js'), { args: [kind, String(count)] });
    await stop(child);
    return first;
  };
  const list = [
    { name: TIMER, wait: inCore('timer') },
    { name: CALL, wait: inCore('call') },
    { name: SEED, wait: inNode('promise') },
    { name: TIMEOUT, wait: inNode('timeout') },
  ];
  const result = await alternate(list, { rounds: quick ? 3 : 5, measure: (contender) => contender.wait(), warmUp: async () => {}, progress });
  const timer = result(TIMER).medians;
  const seed = result(SEED).medians;
  return {
    title: `retry: ${count.toLocaleString('en-US')} tries that wait, all due at one moment`,
    judgements: [
      { what: 'timer: resident bytes an entry', value: timer.bytes, unit: 'bytes', target: { max: 128 } },
      { what: 'timer: to schedule one', value: timer.scheduleNs, unit: 'ns', target: { max: 1000 } },
      { what: 'timer: to fire one', value: timer.fireNs, unit: 'ns', target: { max: 1000 } },
      { what: 'timer: longest pause of the engine', value: timer.stallMs, unit: 'ms', target: { max: 2 } },
      { what: 'seed / timer, bytes an entry', value: seed.bytes / timer.bytes, unit: '×', target: { min: 11 } },
    ],
    head: ['', 'bytes each', 'ns to schedule', 'ns to fire', 'longest pause (ms)', 'best round\'s pause (ms)'],
    rows: list.map(({ name }) => {
      const { medians, rounds } = result(name);
      return [name, medians.bytes, medians.scheduleNs, medians.fireNs, medians.stallMs, Math.min(...rounds.map((round) => round.stallMs))];
    }),
    notes: [
      'the timer is what waits; whoever waits holds it inside its own state, which is what the call\'s row shows: request with a 400-byte body, policy, callback, two timers',
      'to schedule a call is to judge its 503 and decide on the wait; to fire it is to authorise, serialise and hand over its second try',
      'pauses of the engine are on its own thread, those of the other two on the JavaScript thread; they include whatever else the machine does',
      ...(quick ? ['quick: a tenth of the tries, so that whatever the JavaScript heap grows by at once counts for more'] : []),
    ],
    charts: [{ title: 'Memory of a try that waits (bytes)', bars: list.map(({ name }) => ({ name, value: result(name).medians.bytes })) }],
  };
}

module.exports = { needs: {}, prepare: () => buildProgram(PROGRAM), run };
