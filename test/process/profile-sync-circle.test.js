// The full circle: sessions and agents change a thousand customers, both sides fail now and then, and the service is killed in the middle.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const path = require('node:path');
const { once } = require('node:events');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { startCommand } = require('../../scripts/support/child.js');
const { openPlatform } = require('../support/platform.js');
const { genesysCaller } = require('../support/sandbox-caller.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { within } = require('../support/until.js');
const { send } = require('../support/send.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const CUSTOMERS = 1000;
const AT_ONCE = 32;
const PROFILES = '/api/v2/customer-profiles/profiles';

/** An address that stays while the server behind it is killed and started again. */
async function openFront() {
  const front = { port: 0 };
  const server = net.createServer((near) => {
    const far = net.connect(front.port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) from.on('error', () => {}).on('close', () => to.destroy()).pipe(to);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  return Object.assign(front, { url: `http://127.0.0.1:${port}`, close: () => server.close() });
}

/** @template T @param {T[]} list @param {(one: T) => Promise<unknown>} work */
async function forEach(list, work) {
  const rest = [...list];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one);
  }));
}

/** The Flow's side: sessions with variables, which honour the key of a forward, and refuse one in twenty at first. */
class Flow {
  /** @type {Map<string, Record<string, unknown>>} */ sessions = new Map();
  /** @type {Set<string>} */ #keys = new Set();
  /** @type {Set<string>} */ #tried = new Set();
  /** What each session was told, once a key. @type {Array<{ sessionId: string, updatedAttributes: Record<string, unknown> }>} */ told = [];
  /** @type {Array<() => void>} */ #watchers = [];

  async open() {
    this.platform = await openPlatform();
    this.platform.answer = (res, { body, headers }, number) => {
      const { sessionId, updatedAttributes } = JSON.parse(body);
      const key = String(headers['idempotency-key']);
      const isFirst = !this.#tried.has(key); // a second failure would only cost time
      this.#tried.add(key);
      if (isFirst && number % 20 === 0) return res.writeHead(503).end();
      if (!this.#keys.has(key)) {
        this.#keys.add(key);
        this.told.push({ sessionId, updatedAttributes });
        this.set(sessionId, updatedAttributes);
        this.#watchers.forEach((watch) => watch());
      }
      // One in thirty is lost after it has been done.
      return isFirst && number % 30 === 7 ? res.destroy() : res.end('{}');
    };
    return this;
  }

  /** @param {string} sessionId @param {Record<string, unknown>} variables */
  set(sessionId, variables) {
    this.sessions.set(sessionId, { ...this.sessions.get(sessionId), ...variables });
  }

  /** Resolves once it has been told so many values. @param {number} count */
  async values(count) {
    const seen = () => this.told.reduce((sum, { updatedAttributes }) => sum + Object.keys(updatedAttributes).length, 0);
    await within(new Promise((resolve) => {
      const watch = () => seen() >= count && resolve(undefined);
      this.#watchers.push(watch);
      watch();
    }), `${count} values told to sessions, got ${seen()}`, 90_000);
  }
}

describe('profile sync, the full circle', () => {
  it('keeps both sides equal, forwards no echo and tells no value twice', async function circle() {
    this.timeout(180_000);
    const folder = makeTempDir();
    const [sandbox, flow, front] = await Promise.all([createSandbox(), new Flow().open(), openFront()]);
    sandbox.settings.genesys.retryIntervalMs = 3000;
    const env = { ...sandbox.env, COGNIGY_WEBHOOK_URL: flow.platform?.url, MIDDLEWARE_URL: front.url, TRUNKLINE_RESPOND_WITHIN_MS: '0', TRUNKLINE_LOG_LEVEL: 'fatal' };
    const start = async () => {
      const server = await startCommand([CLI, 'serve', '--services', 'sync', '--port', '0', '--data-dir', path.join(folder, 'data')], env, /^listening on http:\S+:(\d+)$/m, folder);
      front.port = Number(server.match);
      return server;
    };
    let server = await start();
    try {
      const genesys = await genesysCaller(sandbox);
      const customers = Array.from({ length: CUSTOMERS }, (_, i) => ({ id: `c-${i}`, session: `s-${i}`, intent: '', note: '' }));
      /** As a Flow does: until it is told that it has been done. @param {typeof customers[0]} one @param {string} value */
      const sync = async (one, value) => {
        one.intent = value;
        flow.set(one.session, { intent: value, sentimentScore: 0.5 });
        for (;;) {
          const body = JSON.stringify({ sessionId: one.session, currentIntent: value, sentiment: 0.5, externalCustomerId: one.id });
          const answer = await send(`${front.url}/webhook/sync`, { body }).catch(() => undefined);
          if (answer?.status === 200) return;
          assert.ok(answer === undefined || answer.status >= 500, answer?.text);
          await new Promise(setImmediate);
        }
      };
      /** As an agent does. @param {typeof customers[0]} one @param {Record<string, string>} attributes */
      const agent = async (one, attributes) => {
        Object.assign(one, attributes);
        assert.equal((await genesys('PATCH', `${PROFILES}/${one.id}`, { attributes })).status, 200);
      };

      sandbox.faults.add({ method: 'POST', path: PROFILES, status: 503, headers: { 'retry-after': '0' }, times: 40 });
      sandbox.faults.add({ method: 'POST', path: PROFILES, drop: 'after', times: 20 });
      await forEach(customers, async (one) => {
        await sync(one, `first of ${one.id}`);
        await agent(one, { note: `note of ${one.id}` });
        if (one.id === 'c-500') { // in the middle of everything
          server.kill('SIGKILL');
          await server.ended;
          server = await start();
        }
        if (Number(one.id.slice(2)) % 3 === 0) await sync(one, `second of ${one.id}`);
      });
      await flow.values(CUSTOMERS);
      // An agent changes what the session had set, the Flow takes it over and says so, as Flows do.
      await forEach(customers, (one) => agent(one, { intent: `agent of ${one.id}` }));
      await flow.values(2 * CUSTOMERS);
      await forEach(customers, (one) => sync(one, `agent of ${one.id}`));
      await sandbox.deliveries.idle();

      const expected = customers.map(({ intent, note }) => ({ intent, note, sentimentScore: 0.5 }));
      const pick = (/** @type {any} */ { intent, note, sentimentScore }) => ({ intent, note, sentimentScore });
      const profiles = await Promise.all(customers.map(async ({ id }) => (await genesys('GET', `${PROFILES}/${id}`)).json.profile.attributes));
      assert.deepEqual(profiles.map(pick), expected, 'the profiles');
      assert.deepEqual(customers.map(({ session }) => pick(flow.sessions.get(session))), expected, 'the sessions');

      const values = flow.told.flatMap(({ sessionId, updatedAttributes }) => Object.entries(updatedAttributes).map(([name, value]) => `${sessionId} ${name}=${value}`));
      const agents = customers.flatMap(({ id, session }) => [`${session} note=note of ${id}`, `${session} intent=agent of ${id}`]);
      assert.deepEqual(values.sort(), agents.sort(), 'what agents changed, once, and nothing else');
      assert.equal(await server.stop(), 0, server.log());
    } finally {
      server.kill('SIGKILL');
      await Promise.all([sandbox.close(), flow.platform?.close(), front.close()]);
      removeTempDir(folder);
    }
  });
});
