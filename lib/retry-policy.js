// RetryPolicy: how often and how long apart tries are, checked and put into the form that the core takes.
'use strict';

/** @typedef {Required<Omit<import('..').RetryPolicy, 'on' | 'jitter'>> & { on?: import('..').RetryPolicy['on'], jitter: any, jitterAddMs: number }} CorePolicy */

const JITTERS = ['none', 'full', 'equal'];

/** The product's own: 4 tries, waits of 1, 2, 4 s with up to 500 ms added. */
const DEFAULT_POLICY = Object.freeze({
  attempts: 4,
  baseMs: 1000,
  factor: 2,
  maxMs: 8000,
  jitter: Object.freeze({ addUpToMs: 500 }),
  maxElapsedMs: 0,
  maxRetryAfterMs: 60_000,
});

/**
 * @param {import('./options.js').Options} options where what is wrong is reported
 * @param {Partial<import('..').RetryPolicy>} [given] what differs from the default
 * @param {string} [name] of the option
 * @returns {CorePolicy}
 */
function readRetryPolicy(options, given = {}, name = 'retry') {
  if (given === null || typeof given !== 'object') {
    options.wrong(name, 'an object', given);
    given = {};
  }
  const known = [...Object.keys(DEFAULT_POLICY), 'on'];
  for (const field of Object.keys(given)) {
    if (!known.includes(field)) options.wrong(`${name}.${field}`, `one of ${known.join(', ')}`, field);
  }
  /** @type {Record<string, any>} */
  const policy = { ...DEFAULT_POLICY, ...given };
  for (const [field, min, max] of [['attempts', 1, 1000], ['baseMs', 0, 86_400_000], ['maxMs', 0, 86_400_000],
    ['maxElapsedMs', 0, 604_800_000], ['maxRetryAfterMs', 0, 86_400_000]]) {
    const value = policy[/** @type {string} */ (field)];
    if (!Number.isInteger(value) || value < min || value > max) options.wrong(`${name}.${field}`, `an integer from ${min} to ${max}`, value);
  }
  if (!Number.isFinite(policy.factor) || policy.factor < 1) options.wrong(`${name}.factor`, 'a number from 1 on', policy.factor);
  const addUpToMs = policy.jitter?.addUpToMs;
  if (!JITTERS.includes(policy.jitter) && !(Number.isInteger(addUpToMs) && addUpToMs >= 0 && addUpToMs <= 86_400_000)) {
    options.wrong(`${name}.jitter`, "'none', 'full', 'equal' or { addUpToMs }", policy.jitter);
  }
  const { on } = policy;
  const isStatus = (/** @type {any} */ one) => Number.isInteger(one) && one >= 100 && one <= 599;
  if (on !== undefined && !(Array.isArray(on) && on.every((one) => isStatus(one) || one === 'network' || one === 'timeout'))) {
    options.wrong(`${name}.on`, "an array of HTTP statuses, 'network' and 'timeout'", on);
  }
  return /** @type {CorePolicy} */ ({ ...policy, jitter: addUpToMs === undefined ? policy.jitter : 'add', jitterAddMs: addUpToMs ?? 0 });
}

module.exports = { DEFAULT_POLICY, readRetryPolicy };
