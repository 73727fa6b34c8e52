// A stage for tests of the HTTP client: a platform that records, clients on it, raw TCP servers; all of it taken down together.
'use strict';

const assert = require('node:assert/strict');
const https = require('node:https');
const net = require('node:net');
const { once } = require('node:events');
const { HttpClient, TrunklineError } = require('../../lib/index.js');
const { Platform } = require('./platform.js');

/** Several tries without the waits. @type {import('../..').RetryPolicy} */
const FAST_RETRY = { attempts: 4, baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' };

class ClientStage {
  platform = new Platform();
  /** @type {Array<() => Promise<unknown>>} */
  #closers = [];

  /** @param {Partial<import('../..').HttpClientOptions>} [options] @returns {import('../..').HttpClient} */
  client(options = {}) {
    const client = new HttpClient({ baseUrl: this.platform.url, retry: FAST_RETRY, logger: false, ...options });
    this.#closers.push(() => client.close());
    return /** @type {any} */ (client);
  }

  /** @param {{ close(): Promise<unknown> }} closable */
  add(closable) {
    this.#closers.push(() => closable.close());
    return closable;
  }

  /**
   * A server of bytes.
   * @param {(socket: net.Socket, number: number) => void} onConnection `number` counts connections from 1
   * @returns {Promise<string>} its authority
   */
  async tcp(onConnection) {
    const sockets = new Set();
    let number = 0;
    const server = net.createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      onConnection(socket, (number += 1));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closers.push(() => new Promise((resolve) => {
      server.close(resolve);
      for (const socket of sockets) socket.destroy();
    }));
    return `127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`;
  }

  /**
   * @param {https.ServerOptions} options
   * @param {import('node:http').RequestListener} [handler]
   * @returns {Promise<number>} its port, on every address
   */
  async https(options, handler = (_req, res) => res.end('{"secure":true}')) {
    const server = https.createServer(options, handler);
    server.listen(0);
    await once(server, 'listening');
    this.#closers.push(() => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }));
    return /** @type {net.AddressInfo} */ (server.address()).port;
  }

  async close() {
    // The servers first: whatever a test left under way ends then.
    await this.platform.close();
    for (const close of this.#closers.reverse()) await close();
  }
}

async function openClientStage() {
  const stage = new ClientStage();
  await stage.platform.open();
  return stage;
}

/**
 * @param {Promise<unknown> | (() => unknown)} work that has to fail with a TrunklineError
 * @param {string} code
 * @returns {Promise<any>} the error
 */
async function failure(work, code) {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    assert.ok(error instanceof TrunklineError, /** @type {any} */ (error)?.stack);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}, nothing failed`);
}

module.exports = { openClientStage, failure, FAST_RETRY, ClientStage };
