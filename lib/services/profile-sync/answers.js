// What the profile sync's two routes answer.
'use strict';

const { TrunklineError } = require('../../errors.js');

/**
 * @typedef {import('../../http/router.js').Answer} Answer
 * @typedef {{ kind: string, error?: TrunklineError }} Outcome of storing an event and, if that was quick enough, of its delivery
 */

/**
 * One answer for all events of a delivery.
 * @param {Outcome[]} outcomes
 * @returns {import('../../..').ReceivedUpdate}
 */
function summaryOf(outcomes) {
  const has = (/** @type {string} */ kind) => outcomes.find((outcome) => outcome.kind === kind);
  const dead = has('dead');
  if (dead) return { received: true, forwarded: false, error: /** @type {TrunklineError} */ (dead.error).summary };
  if (has('accepted') || has('later')) return { received: true, forwarded: false, queued: true };
  if (has('forwarded')) return { received: true, forwarded: true };
  if (has('gone')) return { received: true, forwarded: false, action: 'session_ended' };
  return { received: true, action: outcomes.length > 0 ? 'echo_suppressed' : 'ignored' };
}

/** @param {unknown} error of sync() @returns {Answer} */
function syncFailure(error) {
  if (!(error instanceof TrunklineError)) throw error;
  if (error.code === 'MALFORMED_PAYLOAD' && error.status === undefined) return { status: 400, body: { error: error.message } };
  if (isRefusal(error)) return unavailable(error);
  // The caller's own credentials are not in question.
  if (['AUTHENTICATION_FAILED', 'AUTHORIZATION_FAILED', 'SCOPE_MISSING'].includes(error.code)) return { status: 502, body: { error: error.summary, code: error.code } };
  const headers = error.retryAfterMs === undefined ? undefined : { 'Retry-After': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
  return { status: error.status !== undefined && error.status >= 400 ? error.status : 500, body: { error: error.summary }, headers };
}

/** @param {unknown} error of receive() @returns {Answer} */
function receiveFailure(error) {
  if (!(error instanceof TrunklineError)) throw error;
  if (error.code === 'MALFORMED_PAYLOAD') return { status: 400, body: { error: error.message } };
  return unavailable(error);
}

/** @param {TrunklineError} error */
const isRefusal = ({ code, status }) => status === undefined && ['STORE_UNAVAILABLE', 'QUEUE_FULL', 'CLOSED'].includes(code);

/** @param {TrunklineError} error @returns {Answer} */
const unavailable = (error) => ({ status: 503, body: { error: error.summary }, headers: { 'Retry-After': '1' } });

module.exports = { receiveFailure, summaryOf, syncFailure };
