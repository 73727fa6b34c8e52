// A proxy that tells what it was asked for: CONNECT tunnels and plain requests, to names that it alone knows.
'use strict';

const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');

class ForwardProxy {
  /** Where tunnels were asked for, e.g. 'api.example.test:443'. @type {string[]} */
  connects = [];
  /** URLs of plain requests. @type {string[]} */
  requests = [];
  /** The Proxy-Authorization of each of both. @type {Array<string | undefined>} */
  authorizations = [];
  /** Ports on loopback, by 'host:port'; what is not here is taken as it is. @type {Record<string, number>} */
  hosts = {};
  /** What it answers to CONNECT instead of making a tunnel. @type {string | undefined} */
  refusal;
  #sockets = new Set();
  #server = http.createServer((req, res) => {
    this.requests.push(req.url ?? '');
    this.authorizations.push(req.headers['proxy-authorization']);
    const url = new URL(req.url ?? '');
    const { host, port } = this.#place(`${url.hostname}:${url.port || 80}`);
    const headers = { ...req.headers };
    delete headers['proxy-authorization'];
    const onwards = http.request({ host, port, path: url.pathname + url.search, method: req.method, headers }, (answer) => {
      answer.pipe(res.writeHead(answer.statusCode ?? 0, answer.headers));
    });
    req.pipe(onwards.on('error', () => res.writeHead(502).end()));
  });

  async open() {
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    this.#server.on('connect', (req, socket) => {
      this.connects.push(req.url ?? '');
      this.authorizations.push(req.headers['proxy-authorization']);
      if (this.refusal !== undefined) return socket.end(this.refusal);
      const onwards = net.connect(this.#place(req.url ?? ''), () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
      this.#sockets.add(onwards);
      for (const [one, other] of [[socket, onwards], [onwards, socket]]) one.on('error', () => other.destroy()).pipe(other);
      return undefined;
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** @param {string} authority */
  #place(authority) {
    const colon = authority.lastIndexOf(':');
    const known = this.hosts[authority];
    return { host: known ? '127.0.0.1' : authority.slice(0, colon), port: known ?? Number(authority.slice(colon + 1)) };
  }

  get url() {
    return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (this.#server.address()).port}`;
  }

  /** @param {string} user `name:password`, percent-encoded */
  urlFor(user) {
    return this.url.replace('//', `//${user}@`);
  }

  close() {
    return new Promise((resolve) => {
      this.#server.close(resolve);
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

module.exports = { openForwardProxy: () => new ForwardProxy().open(), ForwardProxy };
