// TimeLeft: how long an invocation of AWS Lambda may go on.
'use strict';

const { TrunklineError } = require('../errors.js');

class TimeLeft {
  #context;
  #marginMs;

  /**
   * @param {{ getRemainingTimeInMillis?: () => number } | undefined} context Lambda's; without one there is no limit
   * @param {number} marginMs kept for the answer itself
   */
  constructor(context, marginMs) {
    this.#context = context;
    this.#marginMs = marginMs;
  }

  /**
   * For a call that may take this share of what is left.
   * @param {number} [share]
   * @returns {number | undefined} undefined: no limit
   * @throws {TrunklineError} TIMEOUT when nothing is left
   */
  deadlineMs(share = 1) {
    const remainingMs = this.#context?.getRemainingTimeInMillis?.() ?? Infinity;
    if (!Number.isFinite(remainingMs)) return undefined;
    const leftMs = Math.floor((remainingMs - this.#marginMs) * share);
    if (leftMs < 1) throw new TrunklineError('TIMEOUT', 'the invocation has no time left');
    return leftMs;
  }
}

module.exports = { TimeLeft };
