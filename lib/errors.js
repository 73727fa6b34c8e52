// TrunklineError: every failure that reaches a caller, matched by its `code`.
'use strict';

const native = require('./native.js');

/** @typedef {import('../error-code').ErrorCode} ErrorCode */
/** @typedef {{ status?: number, platform?: string, attempts?: number, retryAfterMs?: number, hint?: string, cause?: unknown }} Details */

/** @type {Map<string, { code: ErrorCode, retryable: boolean, hint: string }>} */
const table = new Map(native.errorTable.map((/** @type {any} */ row) => [row.code, row]));

class TrunklineError extends Error {
  /**
   * @param {ErrorCode} code a code of src/base/errors.def
   * @param {string} message what happened; never holds a secret
   * @param {Details} [details]
   */
  constructor(code, message, details = {}) {
    const row = table.get(code);
    if (!row) throw new RangeError(`unknown error code ${code}`);
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'TrunklineError';
    this.code = code;
    // The platform's status decides where there is one: a 501 is an UPSTREAM_ERROR that no further try mends.
    this.retryable = row.retryable && details.status !== 501;
    this.hint = details.hint ?? row.hint;
    if (details.status !== undefined) this.status = details.status;
    if (details.platform !== undefined) this.platform = details.platform;
    if (details.attempts !== undefined) this.attempts = details.attempts;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }

  /** Code and message in one line, as answers and logs show it. */
  get summary() {
    return `${this.code}: ${this.message}`;
  }
}

native.setErrorClass(TrunklineError);

module.exports = { TrunklineError };
