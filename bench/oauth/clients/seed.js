// Seed T0's way: its token, and axios as it comes.
'use strict';

const { BODY, PATH } = require('../../http/message');
const { seedToken } = require('../seed-token');

/** @param {import('../../lib/types').OAuthSettings} settings */
function create({ baseUrl, tokenBaseUrl }) {
  const axios = /** @type {any} */ (require('axios'));
  const getAccessToken = seedToken(tokenBaseUrl);
  return async () => {
    const headers = { Authorization: `Bearer ${await getAccessToken()}`, 'Content-Type': 'application/json' };
    const { data } = await axios.post(baseUrl + PATH, BODY, { headers });
    return JSON.stringify(data);
  };
}

module.exports = { create };
