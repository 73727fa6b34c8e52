// Name-based UUIDs, version 5 (RFC 9562, 5.5): the same name in the same namespace always gives the same one.
'use strict';

const { createHash } = require('node:crypto');

/**
 * @param {string} namespace a UUID
 * @param {string} name
 */
function uuidV5(namespace, name) {
  const bytes = createHash('sha1').update(Buffer.from(namespace.replaceAll('-', ''), 'hex')).update(name).digest().subarray(0, 16);
  bytes[6] = 0x50 | (bytes[6] & 0x0f); // the version
  bytes[8] = 0x80 | (bytes[8] & 0x3f); // the variant
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

module.exports = { uuidV5 };
