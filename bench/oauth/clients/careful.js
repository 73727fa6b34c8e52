// The careful peer: a token that is fetched once for all who wait for it, and again a tenth of its life before its end; undici's Pool with 64 connections.
'use strict';

const { Pool, request } = require('undici');
const { BODY, PATH } = require('../../http/message');

/** @param {string} tokenUrl @returns {Promise<{ access_token: string, expires_in: number }>} */
async function fetchToken(tokenUrl) {
  const headers = { authorization: `Basic ${Buffer.from('id:secret').toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' };
  const { statusCode, body } = await request(tokenUrl, { method: 'POST', headers, body: 'grant_type=client_credentials' });
  if (statusCode !== 200) throw new Error(`token: ${statusCode}`);
  return /** @type {any} */ (await body.json());
}

/** @param {string} tokenUrl @returns {() => string | Promise<string>} */
function tokenCache(tokenUrl) {
  let token = '';
  let renewAtMs = 0;
  /** @type {Promise<string> | undefined} */
  let underWay;
  const renew = async () => {
    try {
      const { access_token: fetched, expires_in: seconds } = await fetchToken(tokenUrl);
      token = fetched;
      renewAtMs = Date.now() + seconds * 900;
      return token;
    } finally {
      underWay = undefined;
    }
  };
  return () => (Date.now() < renewAtMs ? token : (underWay ??= renew()));
}

/** @param {import('../../lib/types').OAuthSettings} settings */
function create({ baseUrl, tokenBaseUrl }) {
  const pool = new Pool(baseUrl, { connections: 64 });
  const tokenOf = tokenCache(`${tokenBaseUrl}/oauth/token`);
  return async () => {
    const headers = { authorization: `Bearer ${await tokenOf()}`, 'content-type': 'application/json' };
    const { statusCode, body } = await pool.request({ method: 'POST', path: PATH, headers, body: BODY });
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
    return body.text();
  };
}

module.exports = { create };
