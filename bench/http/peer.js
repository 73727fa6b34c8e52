// The platform that is called: nginx, by http and by https with a certificate made for the run.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { freePort, startNginx } = require('../lib/nginx');
const { ANSWER } = require('../service/state-api');

/**
 * A self-made certificate for 127.0.0.1.
 *
 * @param {string} dir
 */
function makeCertificate(dir) {
  const cert = path.join(dir, 'cert.pem');
  const key = path.join(dir, 'key.pem');
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
  return { cert, key };
}

/**
 * @param {string} dir
 * @returns {Promise<{ urls: { http: string, https: string }, ca: string, close: () => Promise<void> }>}
 */
async function startPeer(dir) {
  const { cert, key } = makeCertificate(dir);
  const [plain, secure] = [await freePort(), await freePort()];
  const location = `location / { return 200 '${ANSWER}'; }`;
  const servers = `server { listen 127.0.0.1:${plain}; ${location} }
server { listen 127.0.0.1:${secure} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3; ${location} }`;
  const urls = { http: `http://127.0.0.1:${plain}`, https: `https://127.0.0.1:${secure}` };
  const close = await startNginx(path.join(dir, 'nginx'), servers, () => new Promise((resolve, reject) => {
    http.get(urls.http, { agent: false, timeout: 5000 }, (res) => resolve(res.resume())).on('error', reject);
  }));
  return { urls, ca: fs.readFileSync(cert, 'utf8'), close };
}

module.exports = { makeCertificate, startPeer };
