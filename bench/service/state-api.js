// The simulated state API: one nginx worker that answers every POST with 200 and a small JSON object. Everything of it lies in `dir`.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { start, stop } = require('../lib/children');

const ANSWER = JSON.stringify({
  success: true, sessionId: 'sess_000000000001', version: 17, updatedAt: '2026-01-01T00:00:00.000Z',
  state: { externalProcessingCompleted: true, queueRoutingStatus: 'orders-queue', metadata: { routedQueue: 'orders-queue', processedBy: 'node-webhook-service' } },
  links: { self: '/api/v1/dialogs/dlg_000000000001/sessions/sess_000000000001/state' },
});

/**
 * @param {string} dir
 * @param {number} port
 */
function config(dir, port) {
  return `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type application/json;
  server {
    listen 127.0.0.1:${port};
    location = /requests { stub_status; }
    location / { return 200 '${ANSWER}'; }
  }
}
`;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

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
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  fs.mkdirSync(dir, { recursive: true });
  fs.chmodSync(dir, 0o755);
  const file = path.join(dir, 'nginx.conf');
  fs.writeFileSync(file, config(dir, port));
  const child = start('nginx', ['-e', `${dir}/error.log`, '-p', dir, '-c', file], { stdio: 'ignore' });

  // Requests answered so far; each look counts itself, which is taken off.
  let looks = 0;
  const requests = async () => {
    const text = await get(`${baseUrl}/requests`);
    looks += 1;
    return Number(/^\s*\d+ \d+ (\d+)\s*$/m.exec(text)?.[1]) - looks;
  };
  for (let tries = 0; ; tries += 1) {
    try {
      await requests();
      break;
    } catch (error) {
      if (tries === 50 || child.exitCode !== null) throw new Error('nginx does not answer', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return { baseUrl, requests, close: () => stop(child) };
}

module.exports = { startStateApi };
