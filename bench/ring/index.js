// ring: remembering one million ids. Memory an id, time an id, and the longest pause while filling; a process of its own for each filling.
'use strict';

const path = require('node:path');
const { startNode, stop } = require('../lib/children');
const { alternate } = require('../lib/rounds');

const IDS = 1_000_000;
const NOTHING = '(remembering nothing)';
const RING = 'IdempotencyRing';
const CONTENDERS = [{ name: NOTHING, kind: 'none' }, { name: 'Set', kind: 'set' }, { name: 'Map with expiry', kind: 'map' }, { name: RING, kind: 'ring' }];

/** @param {{ kind: string }} contender */
async function fill(contender) {
  const { child, first } = await startNode(path.join(__dirname, 'fill.js'), { args: [contender.kind, String(IDS)] });
  await stop(child);
  return first;
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const result = await alternate(CONTENDERS, { rounds: quick ? 1 : 7, measure: fill, warmUp: async () => {}, progress });
  const bytesPerId = (/** @type {string} */ name) => result(name).medians.bytesPerId - (name === NOTHING ? 0 : result(NOTHING).medians.bytesPerId);
  const ring = result(RING).medians;
  return {
    title: `ring: ${IDS.toLocaleString('en-US')} ids of 36 characters`,
    judgements: [
      { what: 'Set / ring, bytes an id', value: bytesPerId('Set') / bytesPerId(RING), unit: '×', target: { min: 3.6 } },
      { what: 'ring: resident bytes an id', value: bytesPerId(RING), unit: 'bytes', target: { max: 32 } },
      { what: 'ring: memoryBytes / capacity', value: ring.ownBytesPerId, unit: 'bytes', target: { max: 32 } },
      { what: 'ring: time an id', value: ring.nsPerId, unit: 'ns', target: { max: 200 } },
      { what: 'ring: longest pause, 1,024 ids', value: ring.worstMs, unit: 'ms', target: { max: 1 } },
    ],
    head: ['', 'bytes an id', 'ns an id', 'median 1,024 (ms)', 'worst 1,024 (ms)', 'best round\'s worst (ms)'],
    rows: CONTENDERS.map(({ name }) => {
      const { medians, rounds } = result(name);
      return [name, bytesPerId(name), medians.nsPerId, medians.medianMs, medians.worstMs, Math.min(...rounds.map((round) => round.worstMs))];
    }),
    notes: [
      'a filling gets its ids as fresh strings that only it may keep; bytes = growth of the resident set after a collection, less that of remembering nothing; pauses include whatever else the machine does',
      ...(quick ? ['quick: one filling each'] : []),
    ],
    charts: [{ title: 'Memory of a remembered id (bytes)', bars: CONTENDERS.slice(1).map(({ name }) => ({ name, value: bytesPerId(name) })) }],
  };
}

module.exports = { needs: { addon: true }, run };
