// The platform that is called: nginx, by http and by https with a certificate made for the run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Authority } = require('../../test/support/certificates');
const { Nginx } = require('../../test/support/nginx');
const { ANSWER } = require('../service/state-api');

/**
 * @param {string} dir
 * @returns {Promise<{ urls: { http: string, https: string }, ca: string, caFile: string, close: () => Promise<unknown> }>}
 */
async function startPeer(dir) {
  const certificates = path.join(dir, 'certificates');
  fs.mkdirSync(certificates);
  const authority = new Authority(certificates);
  const location = `location / { return 200 '${ANSWER}'; }`;
  const plain = new Nginx(path.join(dir, 'http'), location);
  const secure = new Nginx(path.join(dir, 'https'), `ssl_protocols TLSv1.3; ${location}`, authority.leaf('IP:127.0.0.1'));
  const close = () => Promise.all([plain.close(), secure.close()]);
  try {
    await plain.start();
    await secure.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { urls: { http: plain.url, https: secure.url }, ca: authority.ca, caFile: path.join(certificates, 'ca.pem'), close };
}

module.exports = { startPeer };
