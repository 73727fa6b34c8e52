// Routing rules: what is sent, what 409 means, and the command; and what `serve` wants of the intent router.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { openRouterStage } = require('../support/router-stage.js');
const { startCommand } = require('../../scripts/support/child.js');
const { failure } = require('../support/client-stage.js');
const { until } = require('../support/until.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const QUEUE = '12345678-1234-1234-1234-123456789012';
const RULE = {
  name: 'Cognigy Intent Route: billing_inquiry',
  description: "Routes conversations with intent 'billing_inquiry' to specific queue",
  priority: 1,
  enabled: true,
  conditions: [{ type: 'attribute', attributeName: 'cognigyDetectedIntent', operator: 'equals', value: 'billing_inquiry' }],
  targets: [{ type: 'queue', queueId: QUEUE, weight: 1 }],
};

describe('routing rules', () => {
  /** @type {import('../support/router-stage.js').RouterStage} */
  let stage;
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  /** @param {string[]} args @param {Record<string, string>} [env] what differs from the sandbox's @returns {Promise<{ status: number, stdout: string, stderr: string }>} */
  async function run(args, env = {}) {
    // Not synchronous: the sandbox lives in this process.
    const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...stage.sandbox.env, ...env }, cwd: stage.folder });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    const [status] = await once(child, 'close');
    return { status, stdout, stderr };
  }

  it('are sent as the seed has them', async () => {
    const cxone = await stage.cxone();
    cxone.answer = (res) => res.writeHead(201).end('{"id":"r-1"}');
    const router = stage.router(cxone.options);
    assert.deepEqual(await router.createRoutingRule({ intent: 'billing_inquiry', queueId: QUEUE }), { name: RULE.name, id: 'r-1', created: true });
    await stage.router({ ...cxone.options, attributeNames: { intent: 'topic', confidence: 'b', time: 'c' } }).createRoutingRule({ intent: 'x', queueId: 'q', name: 'Mine' });
    const [{ method, url, body }, own] = cxone.calls;
    assert.deepEqual([method, url, JSON.parse(body)], ['POST', '/api/v2/routing/rules', RULE]);
    const { name, conditions } = JSON.parse(own.body);
    assert.deepEqual([name, conditions[0].attributeName], ['Mine', 'topic']);
  });

  it('that exist already are left as they are', async () => {
    const router = stage.router();
    const first = await router.createRoutingRule({ intent: 'billing_inquiry', queueId: QUEUE });
    assert.deepEqual([first.created, first.name, typeof first.id], [true, RULE.name, 'string']);
    assert.deepEqual(await router.createRoutingRule({ intent: 'billing_inquiry', queueId: 'other' }), { name: RULE.name, created: false });
  });

  it('are tried again, and refused with the reason', async () => {
    const router = stage.router();
    stage.sandbox.faults.add({ path: '/api/v2/routing/rules', status: 500, times: 2 });
    assert.equal((await router.createRoutingRule({ intent: 'x', queueId: 'q' })).created, true);
    stage.sandbox.faults.add({ path: '/api/v2/routing/rules', status: 404, body: { errors: [{ message: 'no such queue' }] } });
    const error = await failure(router.createRoutingRule({ intent: 'y', queueId: 'q' }), 'NOT_FOUND');
    assert.equal(error.message, 'CXone API Error 404: no such queue');
    for (const bad of [{ intent: '', queueId: 'q' }, { intent: 'x' }, { intent: 'x', queueId: 'q', name: ' ' }]) await failure(router.createRoutingRule(/** @type {any} */ (bad)), 'CONFIG_INVALID');
    await failure(stage.router({ resource: 'signal' }).createRoutingRule({ intent: 'x', queueId: 'q' }), 'CONFIG_INVALID');
  });

  describe('trunkline rules create', () => {
    const args = ['rules', 'create', '--intent', 'billing_inquiry', '--queue', QUEUE];

    it('creates one, and ends with 0 too where it exists', async () => {
      const first = await run(args);
      assert.deepEqual([first.status, first.stderr], [0, '']);
      assert.match(first.stdout, /^created rule [0-9a-f-]{36}: Cognigy Intent Route: billing_inquiry\n$/);
      assert.deepEqual(await run(args), { status: 0, stdout: 'rule may already exist: Cognigy Intent Route: billing_inquiry; nothing was changed\n', stderr: '' });
      assert.match((await run([...args, '--name', 'Mine'])).stdout, /: Mine\n$/);
    });

    it('reads .env', async () => {
      fs.writeFileSync(path.join(stage.folder, '.env'), `CXONE_TENANT=${stage.sandbox.url}\n`);
      assert.equal((await run(args, { CXONE_TENANT: '' })).status, 1, 'what is set stays');
      const env = Object.fromEntries(Object.entries(stage.sandbox.env).filter(([name]) => name !== 'CXONE_TENANT'));
      const child = await startCommand([CLI, ...args], env, /^(created)/, stage.folder);
      assert.equal(await child.ended, 0);
    });

    it('ends with 1 and the reason, and with 2 when called wrongly; no secret is shown', async () => {
      /** @type {Array<[string[], Record<string, string>, number, RegExp]>} */
      const cases = [
        [args, { CXONE_CLIENT_SECRET: 'wrong-secret' }, 1, /^trunkline: Invalid CXone Client ID or Secret\n/],
        [args, { CXONE_CLIENT_ID: 'sandbox-cxone-reader', CXONE_CLIENT_SECRET: 'sandbox-cxone-reader-secret' }, 1, /^trunkline: CXone API Error 403: .*\nGrant the scope routing:write/],
        [args, { CXONE_TENANT: '', CXONE_CLIENT_ID: '' }, 1, /^trunkline: missing: CXONE_TENANT, CXONE_CLIENT_ID\n$/],
        [['rules', 'create', '--intent', 'x'], {}, 2, /--queue <id>/], [['rules', 'create', '--queue', 'x'], {}, 2, /--intent <intent>/],
        [[...args, '--nonsense'], {}, 2, /unknown option '--nonsense'/], [['rules', 'nonsense'], {}, 2, /unknown command 'nonsense'/],
        [['rules', 'create', '--intent', '', '--queue', 'q'], {}, 2, /^trunkline: --intent: expected a text, got none\n$/],
      ];
      for (const [given, env, status, line] of cases) {
        const result = await run(given, env);
        assert.deepEqual([result.status, result.stdout], [status, ''], result.stderr);
        assert.match(result.stderr, line);
        assert.doesNotMatch(result.stderr, /-secret/);
      }
    });
  });

  describe('trunkline serve --services route', () => {
    const serve = ['serve', '--services', 'route', '--port', '0'];

    /** @param {string[]} more @param {Record<string, string>} [env] what differs from the sandbox's */
    async function start(more, env = {}) {
      const server = await startCommand([CLI, ...serve, ...more], { ...stage.sandbox.env, ...env }, /^listening on (\S+)$/m, stage.folder);
      stage.add({ close: () => server.stop() });
      return server;
    }

    it('routes, and leaves with 0', async () => {
      const server = await start([]);
      assert.match(server.stdout, /^on: +route: .*POST \/api\/route$/m);
      assert.equal((await stage.route(server.match)).status, 200);
      server.kill('SIGTERM');
      assert.equal(await server.ended, 0, server.log());
      assert.ok(!server.log().includes(stage.sandbox.env.CXONE_CLIENT_SECRET));
      assert.match(server.stderr, /"attempts":1/);
    });

    it('ends with 1 for wrong credentials, and only warns where the token server cannot be asked', async () => {
      const wrong = await run(serve, { CXONE_CLIENT_SECRET: 'wrong-secret' });
      assert.equal(wrong.status, 1);
      assert.match(wrong.stderr, /^trunkline: Invalid CXone Client ID or Secret$/m);
      stage.sandbox.faults.add({ path: '/oauth/token', drop: 'before', times: -1 });
      const server = await start([], { CXONE_DEADLINE_MS: '300' });
      await server.waitFor(() => /CXone's credentials could not be checked yet/.exec(server.stderr) ?? undefined, 'a warning');
      stage.sandbox.faults.clear();
      await until(async () => (await stage.route(server.match)).status === 200, 'the token server to be asked again');
      assert.equal(await server.stop(), 0);
    });

    it('refuses to open itself to everybody, unless it asks who calls or is told so', async () => {
      for (const host of ['0.0.0.0', '::', 'host.invalid']) {
        const { status, stdout, stderr } = await run([...serve, '--host', host]);
        assert.deepEqual([status, stdout], [1, '']);
        assert.equal(stderr, `trunkline: host ${host} is not loopback, and anybody could call route: set TRUNKLINE_INBOUND_TOKEN or TRUNKLINE_INBOUND_SECRET, or allow it with --insecure\n`);
      }
      /** @type {Array<[string[], Record<string, string>]>} */
      const fine = [[['--host', '0.0.0.0', '--insecure'], {}], [['--host', '0.0.0.0'], { TRUNKLINE_INBOUND_TOKEN: 't' }], [['--host', '0.0.0.0'], { TRUNKLINE_INBOUND_SECRET: 's' }], [['--host', '127.0.0.2'], {}], [['--host', 'localhost'], {}]];
      for (const [args, env] of fine) {
        const server = await start(args, env);
        const url = server.match.replace('0.0.0.0', '127.0.0.1');
        assert.equal((await stage.route(url)).status, Object.keys(env).length > 0 ? 401 : 200);
        assert.equal(await server.stop(), 0);
      }
      const address = Object.values(os.networkInterfaces()).flat().find((one) => one && one.family === 'IPv4' && !one.internal)?.address;
      if (address === undefined) return;
      const server = await start(['--host', '0.0.0.0', '--insecure']);
      assert.equal((await stage.route(server.match.replace('0.0.0.0', address))).status, 200);
      assert.equal(await server.stop(), 0);
    });
  });
});
