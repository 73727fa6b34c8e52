// admit: verify, parse and remember one event.
'use strict';

const { measureSizes, SIZES } = require('../lib/per-call');
const { medianRatio } = require('../lib/rounds');
const { CAREFUL, CONTENDERS, OURS, SEED } = require('./contenders');

/** By how much the seed's way costs more, at least; of each size. */
const LEAST_OF_SEED = [3, 5, 5];

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const results = await measureSizes(CONTENDERS, options);
  const ratio = (/** @type {number} */ i, /** @type {string} */ name) => medianRatio(results[i](name), results[i](OURS), 'cpuUs');
  return {
    title: 'admit: verify, parse, remember (CPU µs a call, all threads)',
    judgements: SIZES.flatMap(({ name }, i) => [
      { what: `CPU of the seed's way / native admit, ${name}`, value: ratio(i, SEED), unit: '×', target: { min: LEAST_OF_SEED[i] } },
      { what: `CPU of careful JavaScript / native admit, ${name}`, value: ratio(i, CAREFUL), unit: '×', target: { min: 1 } },
    ]),
    head: ['', ...SIZES.map(({ name }) => name)],
    rows: CONTENDERS.map(({ name }) => [name, ...results.map((result) => result(name).medians.cpuUs)]),
    notes: [],
    charts: [{ title: `CPU to verify, parse and remember an event of ${SIZES[1].name} (µs)`, bars: CONTENDERS.map(({ name }) => ({ name, value: results[1](name).medians.cpuUs })) }],
  };
}

module.exports = { needs: { addon: true }, run };
