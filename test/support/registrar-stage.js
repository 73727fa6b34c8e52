// A stage for tests of the registrar: a sandbox, https targets with certificates of a test authority, registrars; all of it taken down together.
'use strict';

const https = require('node:https');
const { once } = require('node:events');
const { registrar } = require('../../lib/index.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { Authority } = require('./certificates.js');
const { openPlatform } = require('./platform.js');
const { RecordingLogger } = require('./recording-logger.js');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');

/** Several tries without the waits. @type {import('../..').RetryPolicy} */
const FAST_RETRY = { attempts: 4, baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' };
/** Five polls without the waits. */
const FAST_POLL = { baseMs: 1, factor: 1, maxMs: 1 };

/** @typedef {import('../..').Registrar} Registrar */
/** @typedef {{ timestamp: string, action: string, status: string, latencyMs: number, details: any }} AuditRecord */

class RegistrarStage {
  logger = new RecordingLogger();
  folder = makeTempDir();
  authority = new Authority(this.folder);
  /** @type {Array<() => unknown>} */
  #closers = [];
  sandbox;

  /** @param {Awaited<ReturnType<typeof createSandbox>>} sandbox */
  constructor(sandbox) {
    this.sandbox = sandbox;
  }

  /** @param {import('../..').RegistrarOptions} [options] @returns {Registrar} */
  registrar(options = {}) {
    const service = registrar({ env: this.sandbox.env, allowPrivate: true, ca: this.authority.ca, poll: FAST_POLL, retry: FAST_RETRY, logger: this.logger, ...options });
    this.#closers.push(() => service.close());
    return /** @type {any} */ (service);
  }

  /**
   * An https target.
   * @param {{ certificate?: { cert: string, key: string }, handler?: import('node:http').RequestListener }} [o] default: fit
   * @returns {Promise<string>} its URL
   */
  async target({ certificate = this.authority.leaf('IP:127.0.0.1', 90), handler = (_req, res) => res.end() } = {}) {
    const server = https.createServer(certificate, handler);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closers.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `https://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/hook`;
  }

  /** A platform that records, for registrars with `domain: platform.url`. Tokens are given until a test answers otherwise. */
  async platform() {
    const platform = await openPlatform();
    this.#closers.push(() => platform.close());
    return platform;
  }

  /** The audit records so far. @returns {AuditRecord[]} */
  audits() {
    return this.logger.lines.filter(({ fields }) => fields.action !== undefined).map(({ fields }) => fields);
  }

  /** What is registered at the sandbox. @returns {Promise<Array<{ id: string, name: string, endpointUrl: string, status: string }>>} */
  async connectors() {
    const response = await fetch(`${this.sandbox.url}/api/v1/connectors`, { headers: { 'x-api-key': this.sandbox.env.COGNIGY_API_KEY } });
    const { items } = /** @type {any} */ (await response.json());
    return items;
  }

  /** What the sandbox's gateway was told. @returns {Promise<any[]>} */
  async gatewayEvents() {
    return /** @type {any} */ (await (await fetch(this.sandbox.env.GATEWAY_CALLBACK_URL)).json()).events;
  }

  /** Requests of Cognigy's administration that the sandbox has seen, as 'METHOD path status'. */
  calls() {
    return this.sandbox.requests.list().filter(({ path }) => path.startsWith('/api/v1/connectors') || path.startsWith('/new/')).map(({ method, path, status }) => `${method} ${path} ${status}`);
  }

  async close() {
    for (const close of this.#closers.reverse()) await close();
    await this.sandbox.close();
    removeTempDir(this.folder);
  }
}

const openRegistrarStage = async () => new RegistrarStage(await createSandbox());

/**
 * What a platform answers that gives a token to everyone.
 * @param {import('./platform.js').Answer} answer to everything else
 * @returns {import('./platform.js').Answer}
 */
const withTokens = (answer) => (res, seen, number) => {
  if (!seen.url.endsWith('/token')) return answer(res, seen, number);
  return res.end('{"access_token":"t0ken-of-the-test","token_type":"Bearer","expires_in":3600}');
};

module.exports = { openRegistrarStage, withTokens, FAST_POLL, FAST_RETRY, RegistrarStage };
