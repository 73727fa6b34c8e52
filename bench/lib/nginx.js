// nginx as a peer: one worker, everything of it in one folder.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { start, stop } = require('./children');

/**
 * @param {string} dir
 * @param {string} servers `server { … }` blocks
 */
function config(dir, servers) {
  return `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 4096; }
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
${servers}
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
 * Starts it and waits until `ask` has had an answer.
 *
 * @param {string} dir
 * @param {string} servers `server { … }` blocks
 * @param {() => Promise<unknown>} ask
 * @returns {Promise<() => Promise<void>>} ends it
 */
async function startNginx(dir, servers, ask) {
  fs.mkdirSync(dir, { recursive: true });
  fs.chmodSync(dir, 0o755);
  const file = path.join(dir, 'nginx.conf');
  fs.writeFileSync(file, config(dir, servers));
  const child = start('nginx', ['-e', `${dir}/error.log`, '-p', dir, '-c', file], { stdio: 'ignore' });
  for (let tries = 0; ; tries += 1) {
    try {
      await ask();
      return () => stop(child);
    } catch (error) {
      if (tries === 50 || child.exitCode !== null) throw new Error('nginx does not answer', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

module.exports = { freePort, startNginx };
