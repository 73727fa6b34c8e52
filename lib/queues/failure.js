// What goes into dead letters and answers of an error that is not ours.
'use strict';

const { TrunklineError } = require('../errors.js');

const MAX_REASON_LENGTH = 300;

/**
 * A broker's client may repeat in its error what it was given: no credential of a URL goes further.
 * @param {string} what happened
 * @param {unknown} error
 * @param {string} [hint]
 * @returns {TrunklineError} the error itself where it is one
 */
function failureOf(what, error, hint) {
  if (error instanceof TrunklineError) return error;
  const reason = textOf(error).split('\n')[0].replace(/\/\/[^/\s@]*@/g, '//***@').slice(0, MAX_REASON_LENGTH);
  return new TrunklineError('UPSTREAM_ERROR', `${what}: ${reason}`, { ...(hint === undefined ? {} : { hint }), cause: error });
}

/** Whatever may be thrown: an object without a prototype has no text. @param {unknown} error */
function textOf(error) {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'what was thrown has no text';
  }
}

module.exports = { failureOf };
