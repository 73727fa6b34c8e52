// TLS in front of a plain server, as a load balancer does it, with a certificate of an authority made for the occasion.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');
const { once } = require('node:events');
const { Authority } = require('../test/support/certificates.js');

const DAYS = 30;

/**
 * @param {string} url of the plain server, on loopback
 * @param {string} folder for keys and certificates
 * @returns {Promise<{ url: string, caFile: string, close: () => void }>} `caFile`: what makes a client trust it, for NODE_EXTRA_CA_CERTS
 */
async function startTlsFront(url, folder) {
  fs.mkdirSync(folder, { recursive: true });
  const authority = new Authority(folder);
  const caFile = path.join(folder, 'authority.pem');
  fs.writeFileSync(caFile, authority.ca);
  const port = Number(new URL(url).port);
  /** @type {Set<net.Socket>} */
  const open = new Set();
  const server = tls.createServer(authority.leaf('IP:127.0.0.1', DAYS), (socket) => {
    const behind = net.connect(port, '127.0.0.1');
    for (const [one, other] of [[socket, behind], [behind, socket]]) {
      open.add(one);
      one.on('error', () => {}).on('close', () => { open.delete(one); other.destroy(); }).pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { url: `https://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`, caFile, close };
}

module.exports = { startTlsFront };
