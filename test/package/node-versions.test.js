// One binary under every Node that is supported: all that is native, workers that end in the middle of it, and a process that does.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const { Authority } = require('../support/certificates.js');
const { installedPackage } = require('../support/installed-package.js');
const { NODES, nodeOf } = require('../support/npm-peers.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const SMOKE = path.join(__dirname, '..', 'support', 'native-smoke.js');
const LIMIT_MS = 60_000;

const DONE = {
  verified: [true, false],
  claimed: ['claimed', 'in-flight', true, 'done'],
  flaky: [2, { authorization: 'Bearer t' }],
  secure: [200, 2],
  untrusted: 'TLS_FAILED',
  retried: 3,
  retryAfterMs: 2000,
  forbidden: 'ADDRESS_FORBIDDEN',
  preflights: [false, true],
  answers: ['processed', 'duplicate_skipped', 'failed_queued_for_dlq', 'duplicate_skipped'],
  published: ['good', 'refused'],
  letters: [['refused', 400]],
};

/** The far side: it gives tokens, fails once, refuses, or never answers; and tells when those of a name have arrived. */
class FarSide {
  /** @type {Map<string, number>} */
  #counts = new Map();
  /** @type {Array<{ name: string, count: number, res: http.ServerResponse }>} */
  #waiting = [];

  /** @param {string} key */
  #count(key) {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res */
  handle = (req, res) => {
    req.resume();
    const [, what, name, count] = (req.url ?? '').split('/');
    /** @param {number} status @param {object} [body] */
    const answer = (status, body = {}) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (what === 'hang') this.#count(`hang/${name}`);
    else if (what === 'arrived') this.#waiting.push({ name, count: Number(count), res });
    else if (what === 'token') answer(200, { access_token: 't', token_type: 'bearer', expires_in: 3600 });
    else if (what === 'flaky' && this.#count(`flaky/${name}`) === 1) answer(503);
    else if (what === 'flaky') answer(200, { authorization: req.headers.authorization });
    else answer(req.url?.includes('/refused/') ? 400 : 200);
    for (const one of this.#waiting) {
      if ((this.#counts.get(`hang/${one.name}`) ?? 0) >= one.count && !one.res.writableEnded) one.res.end();
    }
  };
}

for (const major of NODES) {
  describe(`under Node ${major}`, function underNode() {
    this.timeout(2 * LIMIT_MS);
    /** @type {string} */
    let folder;
    /** @type {Array<http.Server>} */
    let servers;
    /** @type {Array<string>} */
    let args;
    /** @type {string[]} */
    let node;
    /** @type {import('../support/installed-package.js').Installed} */
    let app;

    before(async function provide() {
      const found = nodeOf(major);
      if (found === undefined) this.skip();
      else node = found;
      app = await installedPackage();
    });

    beforeEach(async () => {
      folder = makeTempDir();
      const authority = new Authority(folder);
      const { cert, key } = authority.leaf('IP:127.0.0.1');
      const { handle } = new FarSide();
      servers = [http.createServer(handle), https.createServer({ cert, key }, handle)];
      const ports = [];
      for (const server of servers) {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        ports.push(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
      }
      args = [JSON.stringify({ url: `http://127.0.0.1:${ports[0]}`, tlsUrl: `https://127.0.0.1:${ports[1]}`, ca: authority.ca, dataDir: path.join(folder, 'data') })];
    });

    afterEach(() => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      removeTempDir(folder);
    });

    /** @param {string} mode @returns {Promise<{ code: number | string | null, signal: NodeJS.Signals | null, stdout: string, stderr: string }>} */
    function run(mode) {
      return new Promise((resolve) => {
        const [command, ...before] = node;
        execFile(command, [...before, SMOKE, mode, ...args], { cwd: app.folder, env: { ...app.env, PATH: process.env.PATH }, timeout: LIMIT_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : error.code ?? null, signal: error?.signal ?? null, stdout, stderr });
        });
      });
    }

    it('does all that is native, in two threads at once', async () => {
      const { stdout, ...ended } = await run('everything');
      assert.deepEqual(ended, { code: 0, signal: null, stderr: '' });
      assert.deepEqual(JSON.parse(stdout), { main: DONE, worker: DONE });
    });

    it('survives workers that end in the middle of requests', async () => {
      const { stdout, ...ended } = await run('workers-end');
      assert.deepEqual(ended, { code: 0, signal: null, stderr: '' });
      assert.deepEqual(JSON.parse(stdout), {
        ended: [['exit', 5], ['exit', 5], ['terminate', 1], ['terminate', 1], ['throw', 'from the worker'], ['throw', 'from the worker']],
        usable: DONE.answers,
      });
    });

    it('ends with its code when it exits in the middle of requests, a worker\'s too', async () => {
      assert.deepEqual(await run('exit'), { code: 3, signal: null, stdout: '', stderr: '' });
    });
  });
}
