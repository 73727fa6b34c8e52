// Rounds of contenders: who runs when, and what is made of the results.
'use strict';

/**
 * The contenders of one round. Every round begins with another one, so that no place in the row is always the same contender's.
 *
 * @template C
 * @param {C[]} contenders
 * @param {number} round
 */
function rotated(contenders, round) {
  const by = round % contenders.length;
  return [...contenders.slice(by), ...contenders.slice(0, by)];
}

/** @param {number[]} values */
function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs `measure(contender, round)` for each contender in each round, one after another, after one warm-up round that is thrown away.
 * Resolves with a function: contender → its medians and rounds.
 *
 * @template {import('./types').Contender} C
 * @param {C[]} contenders
 * @param {object} options
 * @param {number} options.rounds
 * @param {(contender: C, round: number) => Promise<import('./types').Measurement>} options.measure
 * @param {(contender: C, round: number) => Promise<unknown>} [options.warmUp] Default: `measure`.
 * @param {(text: string) => void} options.progress
 */
async function alternate(contenders, { rounds, measure, warmUp, progress }) {
  /** @type {Map<string, import('./types').Measurement[]>} */
  const measured = new Map(contenders.map((contender) => [contender.name, []]));
  for (const contender of contenders) {
    progress(`warm-up: ${contender.name}`);
    await (warmUp ?? measure)(contender, 0);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of rotated(contenders, round - 1)) {
      progress(`round ${round} of ${rounds}: ${contender.name}`);
      measured.get(contender.name)?.push(await measure(contender, round));
    }
  }
  return (/** @type {string} */ name) => {
    const list = measured.get(name) ?? [];
    const figures = Object.keys(list[0] ?? {});
    return { rounds: list, medians: Object.fromEntries(figures.map((key) => [key, median(list.map((one) => one[key]))])) };
  };
}

/**
 * The median of the rounds' own ratios: the machine's speed wanders between rounds, and hardly within one.
 *
 * @param {import('./types').Alternated} of
 * @param {import('./types').Alternated} to
 * @param {string} figure
 */
function medianRatio(of, to, figure) {
  return median(of.rounds.map((round, index) => round[figure] / to.rounds[index][figure]));
}

module.exports = { alternate, median, medianRatio, rotated };
