// Bearer tokens of callers (RFC 6750), compared in constant time.
'use strict';

const { createHash, timingSafeEqual } = require('node:crypto');

/** @param {string} text */
const digest = (text) => createHash('sha256').update(text).digest();

/**
 * @param {import('node:http').IncomingMessage} req
 * @param {string} token what the caller has to show
 */
function hasBearer(req, token) {
  const match = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '');
  return match !== null && timingSafeEqual(digest(match[1]), digest(token));
}

module.exports = { hasBearer };
