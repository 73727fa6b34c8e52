// ConsumeOptions: how many messages a consumer works on at a time, and when and how often one that failed comes again.
'use strict';

const native = require('../native.js');
const { Options, refuse } = require('../options.js');
const { DEFAULT_POLICY } = require('../retry-policy.js');

const MAX_WAIT_MS = 86_400_000;

/**
 * @param {string} queue
 * @param {unknown} handler
 * @param {import('../..').ConsumeOptions} [given]
 * @returns {{ concurrency: number, maxDeliveries: number, backoff: import('../retry-policy.js').CorePolicy, waitMs: (deliveries: number) => number }}
 *   `waitMs` says how long a message rests that has been delivered so often; `backoff` is the same as the core takes it
 * @throws {import('../errors.js').TrunklineError} CONFIG_INVALID
 */
function readConsumeOptions(queue, handler, given) {
  if (typeof queue !== 'string' || queue === '') throw refuse('queue', 'a non-empty string', queue);
  if (typeof handler !== 'function') throw refuse('handler', 'a function', handler);
  const options = new Options(given, {});
  const concurrency = options.integer('concurrency', { min: 1, max: 1000, fallback: 1 });
  const maxDeliveries = options.integer('maxDeliveries', { min: 1, max: 1000, fallback: 5 });
  const backoff = options.nested('backoff');
  const policy = {
    ...DEFAULT_POLICY,
    attempts: maxDeliveries,
    baseMs: backoff.integer('baseMs', { max: MAX_WAIT_MS, fallback: 1000 }),
    factor: backoff.raw('factor', 2),
    maxMs: backoff.integer('maxMs', { max: MAX_WAIT_MS, fallback: 60_000 }),
    jitter: 'none',
    jitterAddMs: 0,
  };
  if (!Number.isFinite(policy.factor) || policy.factor < 1) backoff.wrong('backoff.factor', 'a number from 1 on', policy.factor);
  options.finish();
  return { concurrency, maxDeliveries, backoff: policy, waitMs: (deliveries) => native.backoffMs(policy, deliveries) };
}

module.exports = { readConsumeOptions };
