// A stage for tests of the event service: a sandbox, a data directory, services and servers on it; all of it taken down together.
'use strict';

const http = require('node:http');
const path = require('node:path');
const { once } = require('node:events');
const { cognigyEvents } = require('../../lib/index.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { RecordingLogger } = require('./recording-logger.js');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');
const { signatureOf } = require('./events.js');
const { openPlatform } = require('./platform.js');
const { send } = require('./send.js');

/** As many tries as by default, without the waits. @type {import('../..').RetryPolicy} */
const FAST_RETRY = { attempts: 4, baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' };

/** @typedef {import('../..').CognigyEvents} Service */
/** @typedef {(req: http.IncomingMessage, res: http.ServerResponse) => void} Handler */

class Stage {
  logger = new RecordingLogger();
  folder = makeTempDir();
  dataDir = path.join(this.folder, 'data');
  /** @type {Array<() => Promise<unknown>>} */
  #closers = [];
  sandbox;

  /** @param {Awaited<ReturnType<typeof createSandbox>>} sandbox */
  constructor(sandbox) {
    this.sandbox = sandbox;
  }

  get secret() {
    return this.sandbox.env.COGNIGY_WEBHOOK_SECRET;
  }

  /** @param {import('../..').CognigyEventsOptions} [options] @returns {Service} */
  service(options = {}) {
    return this.add(/** @type {Service} */ (/** @type {unknown} */ (
      cognigyEvents({ env: this.sandbox.env, dataDir: this.dataDir, retry: FAST_RETRY, respondWithinMs: 60_000, idempotency: { capacity: 4096 }, logger: this.logger, ...options }))));
  }

  /** Closed with the stage. @template {{ close(): Promise<unknown> }} T @param {T} closable @returns {T} */
  add(closable) {
    this.#closers.push(() => closable.close());
    return closable;
  }

  /** @param {Handler} handler @param {string} [host] @returns {Promise<string>} its base URL on loopback */
  async serve(handler, host = '127.0.0.1') {
    const server = http.createServer(handler);
    server.listen(0, host);
    await once(server, 'listening');
    this.#closers.push(() => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }));
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  }

  /** A service behind a plain server. @param {import('../..').CognigyEventsOptions} [options] */
  async start(options) {
    const service = this.service(options);
    await service.ready();
    return { service, url: await this.serve(service.router()) };
  }

  /** A platform that records, for services with `apiBaseUrl: platform.url`. */
  async platform() {
    return this.add(await openPlatform());
  }

  /** @param {string | Buffer} body @returns {Record<string, string>} */
  headersFor(body) {
    return { 'content-type': 'application/json', 'x-cognigy-signature': signatureOf(body, this.secret) };
  }

  /**
   * Posts an event, rightly signed.
   * @param {string} url of the server
   * @param {object | string | Buffer} event
   * @param {{ headers?: Record<string, string>, agent?: http.Agent }} [o]
   */
  post(url, event, { headers = {}, agent } = {}) {
    const body = typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event);
    return send(`${url}/webhook/cognigy`, { headers: { ...this.headersFor(body), ...headers }, body, agent });
  }

  /** The same without HTTP. @param {Service} service @param {object} event */
  handle(service, event) {
    const body = JSON.stringify(event);
    return service.handle(body, signatureOf(body, this.secret));
  }

  /** The dialog's state as the platform has it now. @param {string} statePath */
  async stateAt(statePath) {
    const { text, status } = await send(this.sandbox.url + statePath, {
      method: 'GET', headers: { authorization: `Bearer ${this.sandbox.env.COGNIGY_API_TOKEN}` },
    });
    if (status !== 200) throw new Error(`state: expected 200, got ${status}: ${text}`);
    return JSON.parse(text);
  }

  /** State POSTs that the platform has seen. */
  posts() {
    return this.sandbox.requests.list().filter(({ method }) => method === 'POST');
  }

  async close() {
    for (const close of this.#closers.reverse()) await close();
    await this.sandbox.close();
    removeTempDir(this.folder);
  }
}

const openStage = async () => new Stage(await createSandbox());

module.exports = { openStage, FAST_RETRY, Stage };
