// Ours, with the defaults.
'use strict';

const path = require('node:path');
const { BODY, PATH } = require('../../http/message');

/** @param {import('../../lib/types').OAuthSettings} settings */
function create({ baseUrl, tokenBaseUrl }) {
  const { HttpClient } = require(path.join(__dirname, '..', '..', '..', 'lib', 'index.js'));
  const client = new HttpClient({ baseUrl, auth: { type: 'oauth2', tokenUrl: `${tokenBaseUrl}/oauth/token`, clientId: 'id', clientSecret: 'secret' } });
  const headers = { 'content-type': 'application/json' };
  return async () => (await client.request({ method: 'POST', path: PATH, headers, body: BODY })).text();
}

module.exports = { create };
