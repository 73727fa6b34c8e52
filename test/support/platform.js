// A platform that keeps what it was sent, headers and bytes included: for what the sandbox, by design, does not show.
'use strict';

const http = require('node:http');
const { once, EventEmitter } = require('node:events');
const { PATIENCE_MS } = require('./until.js');

/** @typedef {{ method: string, url: string, headers: http.IncomingHttpHeaders, rawHeaders: string[], body: string }} Seen */
/** @typedef {(res: http.ServerResponse, seen: Seen, number: number) => unknown} Answer */

class Platform extends EventEmitter {
  /** @type {Seen[]} */
  seen = [];
  /** What it answers; `number` counts requests from 1. @type {Answer} */
  answer = (res) => res.end('{}');
  #server = http.createServer(async (req, res) => {
    /** @type {Buffer[]} */
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const { method = '', url = '', headers, rawHeaders } = req;
    const seen = { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() };
    this.seen.push(seen);
    this.answer(res, seen, this.seen.length);
    this.emit('seen', seen);
  });

  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url() {
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#server.address()).port}`;
  }

  /** Resolves once it has had as many requests. @param {number} count */
  async requests(count) {
    while (this.seen.length < count) await once(this, 'seen', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return this.seen;
  }

  close() {
    return new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }
}

const openPlatform = () => new Platform().open();

/** @param {number} status @param {http.OutgoingHttpHeaders} [headers] @returns {Answer} */
const answering = (status, headers) => (res) => res.writeHead(status, headers).end('{}');

module.exports = { openPlatform, answering, Platform };
