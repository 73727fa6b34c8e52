// Ours, with the default retry policy.
'use strict';

const path = require('node:path');
const { BODY, PATH } = require('../message');

/** @param {import('../../lib/types').ClientSettings} settings */
function create({ baseUrl, token, ca }) {
  const { HttpClient } = require(path.join(__dirname, '..', '..', '..', 'lib', 'index.js'));
  const client = new HttpClient({ baseUrl, auth: { type: 'bearer', token }, tls: { ca } });
  const headers = { 'content-type': 'application/json' };
  return async () => (await client.request({ method: 'POST', path: PATH, headers, body: BODY })).text();
}

module.exports = { create };
