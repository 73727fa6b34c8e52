// verify: is a body its sender's? The signature alone.
'use strict';

const { measureSizes, SIZES } = require('../lib/per-call');
const { medianRatio } = require('../lib/rounds');
const { CAREFUL, contenders, OURS, SEED } = require('./contenders');

/** By how much the seed's way costs more, at least; of each size. */
const LEAST_OF_SEED = [3, 5, 5];

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const { list, absent } = await contenders();
  const results = await measureSizes(list, options);
  const ratio = (/** @type {number} */ i, /** @type {string} */ name) => medianRatio(results[i](name), results[i](OURS), 'cpuUs');
  return {
    title: 'verify: the signature alone (CPU µs a call, all threads)',
    judgements: SIZES.flatMap(({ name }, i) => [
      { what: `CPU of the seed's way / SignatureVerifier, ${name}`, value: ratio(i, SEED), unit: '×', target: { min: LEAST_OF_SEED[i] } },
      { what: `CPU of careful JavaScript / SignatureVerifier, ${name}`, value: ratio(i, CAREFUL), unit: '×', target: { min: 1 } },
    ]),
    head: ['', ...SIZES.map(({ name }) => name)],
    rows: list.map(({ name }) => [name, ...results.map((result) => result(name).medians.cpuUs)]),
    notes: [
      "the seed's way has to parse the body and to write it again before it can verify",
      ...(absent.length > 0 ? [`left out: ${absent.join(' and ')}; to have them measured too: npm install --no-save ${absent.join(' ')}`] : []),
    ],
    charts: [{ title: `CPU to verify a body of ${SIZES[1].name} (µs)`, bars: list.map(({ name }) => ({ name, value: results[1](name).medians.cpuUs })) }],
  };
}

module.exports = { needs: { addon: true }, run };
