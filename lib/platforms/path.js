// Paths with placeholders, such as '/customers/{customerId}', read once and filled in with ids.
'use strict';

const { TrunklineError } = require('../errors.js');

const MAX_ID_LENGTH = 1024;

/**
 * @typedef {object} Path
 * @property {string[]} names of its placeholders
 * @property {(ids: Record<string, unknown>) => string} fill with each id percent-encoded (RFC 3986, 2.1); MALFORMED_PAYLOAD, naming the id, for what is
 *   no text or would lead to another path
 */

/**
 * @param {string} template
 * @returns {Path}
 */
function readPath(template) {
  // Literals and names take turns.
  const parts = template.split(/\{(\w+)\}/);
  return {
    names: parts.filter((_, index) => index % 2 === 1),
    fill: (ids) => parts.map((part, index) => (index % 2 === 1 ? encodeId(part, ids[part]) : part)).join(''),
  };
}

/** @param {string} name @param {unknown} id */
function encodeId(name, id) {
  const refuse = (/** @type {string} */ expected) => new TrunklineError('MALFORMED_PAYLOAD', `${name}: expected ${expected}`);
  if (typeof id !== 'string' || id === '') throw refuse('a non-empty string');
  if (id.length > MAX_ID_LENGTH) throw refuse(`at most ${MAX_ID_LENGTH} characters, got ${id.length}`);
  // Servers and proxies resolve these two in a path, also where the dots are encoded.
  if (id === '.' || id === '..') throw refuse('an id, got dots');
  try {
    return encodeURIComponent(id);
  } catch {
    throw refuse('well-formed Unicode');
  }
}

module.exports = { readPath };
