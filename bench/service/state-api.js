// The simulated state API: nginx answers every POST with 200 and a small JSON object. Everything of it lies in `dir`.
'use strict';

const http = require('node:http');
const { Nginx } = require('../../test/support/nginx');

const ANSWER = JSON.stringify({
  success: true, sessionId: 'sess_000000000001', version: 17, updatedAt: '2026-01-01T00:00:00.000Z',
  state: { externalProcessingCompleted: true, queueRoutingStatus: 'orders-queue', metadata: { routedQueue: 'orders-queue', processedBy: 'node-webhook-service' } },
  links: { self: '/api/v1/dialogs/dlg_000000000001/sessions/sess_000000000001/state' },
});

/**
 * @param {string} url
 * @returns {Promise<string>}
 */
function get(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false, timeout: 5000 }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve(text));
    }).on('error', reject);
  });
}

/**
 * @param {string} dir
 * @returns {Promise<import('../lib/types').StateApi>}
 */
async function startStateApi(dir) {
  const nginx = await new Nginx(dir, `location = /requests { stub_status; } location / { return 200 '${ANSWER}'; }`).start();
  // Requests answered so far; each look counts itself, which is taken off.
  let looks = 0;
  const requests = async () => {
    const text = await get(`${nginx.url}/requests`);
    looks += 1;
    return Number(/^\s*\d+ \d+ (\d+)\s*$/m.exec(text)?.[1]) - looks;
  };
  return { baseUrl: nginx.url, requests, close: () => nginx.close() };
}

module.exports = { ANSWER, startStateApi };
