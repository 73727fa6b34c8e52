// axios as it is used most, but with agents that keep connections alive.
'use strict';

const http = require('node:http');
const https = require('node:https');
const { BODY, PATH } = require('../message');

/** @param {import('../../lib/types').ClientSettings} settings */
function create({ baseUrl, token, ca }) {
  const agent = { keepAlive: true, maxSockets: 64 };
  const api = /** @type {any} */ (require('axios')).create({
    baseURL: baseUrl,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    responseType: 'text',
    transformResponse: (/** @type {string} */ text) => text,
    httpAgent: new http.Agent(agent),
    httpsAgent: new https.Agent({ ...agent, ca }),
  });
  return async () => (await api.post(PATH, BODY)).data;
}

module.exports = { create };
