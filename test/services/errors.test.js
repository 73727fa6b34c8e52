// TrunklineError: the codes that the world matches are those of one table, and each says whether a later try may succeed and what to do.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { TrunklineError } = require('../../lib/index.js');

const ROOT = path.join(__dirname, '..', '..');

// From the contract, section 4.
const RETRYABLE = ['CIRCUIT_OPEN', 'CONNECTION_FAILED', 'DNS_FAILED', 'MALFORMED_RESPONSE', 'QUEUE_FULL', 'RATE_LIMITED', 'STORE_UNAVAILABLE', 'TIMEOUT', 'UPSTREAM_ERROR'];
const FINAL = ['ABORTED', 'ADDRESS_FORBIDDEN', 'AUTHENTICATION_FAILED', 'AUTHORIZATION_FAILED', 'BAD_REQUEST', 'BODY_CONSUMED', 'CLOSED', 'CONFIG_INVALID',
  'CONFLICT', 'MALFORMED_PAYLOAD', 'NOT_FOUND', 'RESPONSE_TOO_LARGE', 'SCOPE_MISSING', 'SIGNATURE_INVALID', 'TLS_FAILED', 'UNEXPECTED_STATUS'];
const CODES = [...RETRYABLE, ...FINAL].sort();

/** @param {string} file @param {RegExp} pattern */
const namesIn = (file, pattern) => [...fs.readFileSync(path.join(ROOT, file), 'utf8').matchAll(pattern)].map(([, name]) => name).sort();

/** @param {string} code @param {object} [details] @returns {any} */
const make = (code, details) => new TrunklineError(/** @type {any} */ (code), 'what happened', details);

describe('TrunklineError', () => {
  it('has exactly the codes of the contract in its table, its type and both manuals', () => {
    assert.deepEqual(namesIn('src/base/errors.def', /^TRUNKLINE_ERROR\(\w+, (\w+),/gm), CODES);
    assert.deepEqual(namesIn('error-code.d.ts', /^ {2}\| '(\w+)'/gm), CODES);
    assert.deepEqual(namesIn('docs/errors.md', /^\| \[`([A-Z_]+)`\]/gm), CODES);
    assert.deepEqual(namesIn('docs/troubleshooting.md', /^### ([A-Z_]+)$/gm), CODES);
  });

  for (const code of CODES) {
    it(`${code}: ${RETRYABLE.includes(code) ? 'may' : 'will not'} succeed later, and says what to do`, () => {
      const error = make(code);
      assert.equal(error.code, code);
      assert.equal(error.retryable, RETRYABLE.includes(code));
      assert.match(error.hint, /\w.*[.]$/);
      assert.ok(error instanceof Error && error instanceof TrunklineError);
      assert.equal(error.name, 'TrunklineError');
      assert.equal(error.summary, `${code}: what happened`);
    });
  }

  it('holds what is known and nothing else', () => {
    const cause = new Error('below');
    const error = make('RATE_LIMITED', { status: 429, platform: 'Cognigy', attempts: 4, retryAfterMs: 1000, hint: 'slower', cause });
    const { status, platform, attempts, retryAfterMs, hint } = error;
    assert.deepEqual({ status, platform, attempts, retryAfterMs, hint, cause: error.cause },
      { status: 429, platform: 'Cognigy', attempts: 4, retryAfterMs: 1000, hint: 'slower', cause });
    const bare = make('TIMEOUT');
    for (const name of ['status', 'platform', 'attempts', 'retryAfterMs', 'cause']) assert.equal(name in bare, false, name);
  });

  it('does not call a 501 retryable', () => {
    assert.equal(make('UPSTREAM_ERROR', { status: 500 }).retryable, true);
    assert.equal(make('UPSTREAM_ERROR', { status: 501 }).retryable, false);
  });

  it('refuses a code that the table does not have', () => {
    for (const code of ['NONSENSE', 'constructor', '__proto__', '']) assert.throws(() => make(code), RangeError);
  });
});
