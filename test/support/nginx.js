// nginx, for tests and benchmarks: one process, one server on a port of loopback, everything of it in one folder.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { freePort } = require('./free-port.js');
const { env } = require('./peers.js');
const { until } = require('./until.js');

/** @param {string} folder @param {number} port @param {string} server @param {boolean} tls */
const configuration = (folder, port, server, tls) => `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type application/json;
  server { listen 127.0.0.1:${port}${tls ? ` ssl; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem` : ''}; root ${folder}; ${server} }
}
`;

class Nginx {
  #folder;
  #tls;
  /** @type {import('node:child_process').ChildProcess | undefined} */ #process;

  /**
   * @param {string} folder its own, and the root of its files
   * @param {string} server what stands inside of `server { … }`
   * @param {{ cert: string, key: string }} [tls]
   */
  constructor(folder, server, tls) {
    this.#folder = folder;
    this.server = server;
    this.#tls = tls;
    this.port = 0;
  }

  get url() {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Starts it, again on the port that it had; resolves once it takes connections. */
  async start() {
    const again = this.port !== 0;
    for (let tries = 1; ; tries += 1) {
      if (!again) this.port = await freePort();
      fs.mkdirSync(this.#folder, { recursive: true });
      if (this.#tls) {
        fs.writeFileSync(path.join(this.#folder, 'cert.pem'), this.#tls.cert);
        fs.writeFileSync(path.join(this.#folder, 'key.pem'), this.#tls.key);
      }
      const file = path.join(this.#folder, 'nginx.conf');
      const pid = path.join(this.#folder, 'nginx.pid');
      fs.rmSync(pid, { force: true });
      fs.writeFileSync(file, configuration(this.#folder, this.port, this.server, this.#tls !== undefined));
      const child = spawn('nginx', ['-e', path.join(this.#folder, 'error.log'), '-p', this.#folder, '-c', file], { env, stdio: 'ignore' });
      this.#process = child;
      const kill = () => child.kill('SIGKILL');
      process.once('exit', kill);
      child.once('exit', () => process.off('exit', kill));
      // Written once it listens: a connection might be taken by whoever has the port instead.
      await until(() => child.exitCode !== null || fs.existsSync(pid), 'nginx to start');
      if (child.exitCode === null) return this;
      // Somebody else took the port in between.
      if (again || tries === 5) throw new Error(`nginx did not start:\n${fs.readFileSync(path.join(this.#folder, 'error.log'), 'utf8')}`);
    }
  }

  /** Ends it at once, as a crash would. */
  async close() {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

module.exports = { Nginx };
