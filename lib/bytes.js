// Bytes that a caller hands over: what is taken for them.
'use strict';

const { types } = require('node:util');

/** @param {ArrayBufferLike} memory */
function isGone(memory) {
  try {
    void new Uint8Array(memory);
    return false;
  } catch {
    return true;
  }
}

/**
 * A Buffer or Uint8Array, also of another realm (Jest, node:vm): not what merely looks like one, such as a proxy, and not one whose memory was
 * transferred, which would pass for an empty one.
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
const isBytes = (value) => types.isUint8Array(value) && (value.length > 0 || !isGone(value.buffer));

module.exports = { isBytes };
