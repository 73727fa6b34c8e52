// retry: any function, tried again as a RetryPolicy says.
'use strict';

const { setTimeout: sleep } = require('node:timers/promises');
const native = require('./native.js');
const { TrunklineError } = require('./errors.js');
const { Options, refuse } = require('./options.js');
const { readRetryPolicy } = require('./retry-policy.js');

const NETWORK = new Set(['CONNECTION_FAILED', 'DNS_FAILED', 'MALFORMED_RESPONSE', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const TIMEOUT = new Set(['TIMEOUT', 'ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * Is it what `policy.on` names? Statuses are found where this package and the usual HTTP clients put them.
 * @param {any} error
 * @param {Array<number | 'network' | 'timeout'>} on
 */
function isNamed(error, on) {
  const status = error?.status ?? error?.statusCode ?? error?.response?.status;
  return on.some((one) => {
    if (one === 'network') return NETWORK.has(error?.code);
    if (one === 'timeout') return TIMEOUT.has(error?.code) || error?.name === 'TimeoutError';
    return one === status;
  });
}

/** @param {AbortSignal} signal */
const aborted = (signal) => new TrunklineError('ABORTED', 'the retry was aborted', { cause: signal.reason });

/**
 * @template T
 * @param {(o: { attempt: number, signal: AbortSignal }) => Promise<T> | T} fn `attempt` counts from 1
 * @param {Partial<import('..').RetryPolicy>} policy
 * @param {{ signal?: AbortSignal, retryable?: (error: any) => boolean }} [o] default `retryable`: what says so of itself, and what `policy.on` names
 * @returns {Promise<T>} rejects with the last error as it was thrown, or with ABORTED
 */
async function retry(fn, policy, o = {}) {
  if (typeof fn !== 'function') throw refuse('fn', 'a function', fn);
  const options = new Options({}, {});
  const read = readRetryPolicy(options, policy);
  options.finish();
  if (o === null || typeof o !== 'object') throw refuse('the third argument', 'an object', o);
  if (o.signal !== undefined && !(o.signal instanceof AbortSignal)) throw refuse('signal', 'an AbortSignal', o.signal);
  if (o.retryable !== undefined && typeof o.retryable !== 'function') throw refuse('retryable', 'a function', o.retryable);
  const signal = o.signal ?? new AbortController().signal;
  const retryable = o.retryable ?? ((error) => error?.retryable === true || isNamed(error, read.on ?? []));
  const startedMs = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) throw aborted(signal);
    try {
      return await fn({ attempt, signal });
    } catch (error) {
      if (signal.aborted) throw aborted(signal);
      const waitMs = waitAfter(error, attempt, read, performance.now() - startedMs, retryable);
      if (waitMs === undefined) throw error;
      await sleep(waitMs, undefined, { signal }).catch(() => {}); // an abort is seen at the top of the loop
    }
  }
}

/**
 * @param {any} error
 * @param {number} attempt
 * @param {ReturnType<typeof readRetryPolicy>} policy
 * @param {number} elapsedMs
 * @param {(error: any) => boolean} retryable
 * @returns {number | undefined} undefined: no further try
 */
function waitAfter(error, attempt, policy, elapsedMs, retryable) {
  if (attempt >= policy.attempts || !retryable(error)) return undefined;
  const askedMs = error?.retryAfterMs > 0 ? error.retryAfterMs : 0;
  if (askedMs > policy.maxRetryAfterMs) return undefined;
  const waitMs = Math.max(native.backoffMs(policy, attempt), askedMs);
  return policy.maxElapsedMs > 0 && elapsedMs + waitMs > policy.maxElapsedMs ? undefined : waitMs;
}

/**
 * The Retry-After header (RFC 9110, 10.2.3).
 * @param {string} value seconds, or an HTTP-date
 * @param {number} [nowMs] default: the wall clock
 * @returns {number | undefined} milliseconds ≥ 0; undefined for anything else
 */
const parseRetryAfter = (value, nowMs) => native.parseRetryAfter(value, nowMs);

module.exports = { retry, parseRetryAfter };
