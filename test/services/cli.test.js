// The command line, each case in a process of its own: what it prints, what it listens to, how it ends.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { createHmac } = require('node:crypto');
const { once } = require('node:events');
const { spawnSync } = require('node:child_process');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { Command, startCommand } = require('../../scripts/support/child.js');
const { PATIENCE_MS } = require('../support/until.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const BODY = Buffer.from('{"webhookEventId":"evt_1", "text":"\u00fc"}\n');
const SECRET = 'a secret, only for this test';

/** @param {string[]} args @param {{ env?: Record<string, string>, input?: Buffer, cwd?: string }} [o] */
function run(args, { env = {}, input = Buffer.alloc(0), cwd = os.tmpdir() } = {}) {
  const result = spawnSync(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env }, input, cwd, encoding: 'utf8', timeout: PATIENCE_MS });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** @param {{ status: number | null, stdout: string, stderr: string }} result @param {RegExp} line */
function assertUsageError(result, line) {
  assert.equal(result.status, 2, result.stderr);
  assert.equal(result.stdout, '');
  assert.match(result.stderr, line);
  assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
}

describe('trunkline', () => {
  it('explains itself and its commands', () => {
    assert.match(run(['--help']).stdout, /serve[^]*sandbox[^]*sign/);
    for (const command of ['serve', 'sandbox', 'sign']) {
      const { status, stdout } = run([command, '--help']);
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`Usage: trunkline ${command}`));
    }
  });

  /** @type {Array<[string[], RegExp]>} */
  const wrong = [
    [['nonsense'], /unknown command 'nonsense'/], [['serve', '--nonsense'], /unknown option '--nonsense'/], [['serve', 'more'], /too many arguments/],
    [['serve', '--port', 'abc'], /--port.*abc.*0 to 65535/], [['serve', '--port', '65536'], /--port.*65536/], [['serve', '--port', '-1'], /--port/],
    [['serve', '--services', 'events,nonsense'], /--services.*nonsense/], [['serve', '--services', ''], /--services/],
    [['sandbox', '--port', '1.5'], /--port.*1\.5/], [['sign', '--scheme', 'md5', '--secret', 'x'], /--scheme.*md5.*cognigy/],
  ];
  for (const [args, line] of wrong) {
    it(`ends with 2 and one line: ${args.join(' ')}`, () => assertUsageError(run(args), line));
  }

  it('ends with 2 for a PORT that is none', () => {
    for (const command of ['serve', 'sandbox']) assertUsageError(run([command], { env: { PORT: 'abc' } }), /PORT: expected .*, got abc/);
  });
});

describe('trunkline sign', () => {
  const hex = createHmac('sha256', SECRET).update(BODY).digest('hex');
  const base64 = createHmac('sha256', SECRET).update(BODY).digest('base64');
  /** @type {Array<[string[], string]>} */
  const schemes = [
    [[], `X-Cognigy-Signature: ${hex}\n`], [['--scheme', 'connector'], `X-Webhook-Signature: ${hex}\n`],
    [['--scheme', 'open-messaging'], `X-Hub-Signature-256: sha256=${base64}\n`],
  ];
  for (const [args, expected] of schemes) {
    it(`signs the very bytes of the body ${args.join(' ')}`, () => {
      assert.deepEqual(run(['sign', '--secret', SECRET, ...args], { input: BODY }), { status: 0, stdout: expected, stderr: '' });
    });
  }

  it('prints a line for each header of standard-webhooks', () => {
    const { status, stdout } = run(['sign', '--scheme', 'standard-webhooks', '--secret', 'whsec_c2VjcmV0IGtleSBmb3IgdGhlIHRlc3Q='], { input: BODY });
    assert.equal(status, 0);
    const headers = new Map(stdout.trimEnd().split('\n').map((line) => /** @type {[string, string]} */ (line.split(': '))));
    const key = Buffer.from('c2VjcmV0IGtleSBmb3IgdGhlIHRlc3Q=', 'base64');
    const signed = Buffer.concat([Buffer.from(`${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.`), BODY]);
    assert.equal(headers.get('webhook-signature'), `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  });

  it('takes the first secret of the environment', () => {
    const { stdout } = run(['sign'], { input: BODY, env: { COGNIGY_WEBHOOK_SECRET: `${SECRET},older` } });
    // The secret itself holds a comma, so what counts is its first part.
    assert.equal(stdout, `X-Cognigy-Signature: ${createHmac('sha256', 'a secret').update(BODY).digest('hex')}\n`);
  });

  it('ends with 2 without a secret, and never shows one', () => {
    assertUsageError(run(['sign'], { input: BODY }), /--secret: expected a secret/);
    const bad = run(['sign', '--scheme', 'standard-webhooks', '--secret', 'not*base64'], { input: BODY });
    assertUsageError(bad, /trunkline: /);
    assert.doesNotMatch(bad.stderr, /not\*base64/);
  });
});

describe('trunkline sandbox', () => {
  it('prints the environment to use, answers, and leaves with 0 on SIGINT', async () => {
    const sandbox = await startCommand([CLI, 'sandbox', '--port', '0'], {}, /listens on (\S+?);/);
    const env = Object.fromEntries(await sandbox.linesLike(/^(COGNIGY_\w+)=(.*)$/, 3));
    assert.equal(env.COGNIGY_API_BASE_URL, sandbox.match);
    const response = await fetch(`${sandbox.match}/__sandbox/requests`);
    assert.deepEqual(await response.json(), { total: 0, requests: [] });
    sandbox.kill('SIGINT');
    assert.equal(await sandbox.ended, 0);
  });
});

describe('trunkline serve', () => {
  const event = { webhookEventId: 'evt_1', intent: 'order_management', dialogId: 'dlg_1', sessionId: 'sess_1' };
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {string} */
  let folder;

  before(async () => { sandbox = await createSandbox(); });
  beforeEach(() => {
    sandbox.reset();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-cli-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  after(() => sandbox.close());

  /** @param {string[]} [args] @param {Record<string, string>} [env] */
  function start(args = [], env = sandbox.env) {
    return startCommand([CLI, 'serve', '--port', '0', '--data-dir', path.join(folder, 'data'), ...args], env, /^listening on (\S+)$/m, folder);
  }

  /** @param {string} url @param {object} [more] */
  function post(url, more = {}) {
    const body = JSON.stringify({ ...event, ...more });
    const signature = createHmac('sha256', sandbox.env.COGNIGY_WEBHOOK_SECRET).update(body).digest('hex');
    return fetch(`${url}/webhook/cognigy`, { method: 'POST', body, headers: { 'x-cognigy-signature': signature } });
  }

  it('ends with 1 and names what each service lacks when nothing is configured', () => {
    const { status, stdout, stderr } = run(['serve', '--port', '0'], { cwd: folder });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /events.*COGNIGY_WEBHOOK_SECRET/);
    assert.match(stderr, /events.*COGNIGY_API_TOKEN/);
  });

  it('ends with 1 where the credentials of the profile sync are bad', async () => {
    /** @type {Array<[Record<string, string>, RegExp]>} */
    const bad = [
      [{ GENESYS_CLIENT_SECRET: 'wrong-secret' }, /^trunkline: .*401 \(invalid_client\)/m],
      [{ GENESYS_CLIENT_ID: 'sandbox-genesys-reader', GENESYS_CLIENT_SECRET: 'sandbox-genesys-reader-secret' }, /^trunkline: .*scope/m],
    ];
    for (const [env, line] of bad) {
      const server = new Command([CLI, 'serve', '--services', 'sync', '--port', '0', '--data-dir', path.join(folder, 'data')], { ...sandbox.env, ...env }, folder);
      assert.equal(await server.ended, 1, server.log());
      assert.match(server.stderr, line);
      assert.ok(!server.log().includes(env.GENESYS_CLIENT_SECRET), server.log());
    }
  });

  it('runs what is configured, answers, and leaves with 0 on SIGTERM and SIGINT', async () => {
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
      const server = await start();
      assert.match(server.stdout, /^on: +events/m);
      assert.match(server.match, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      const health = await fetch(`${server.match}/health`);
      assert.deepEqual([health.status, await health.json()], [200, { status: 'ok' }]);
      assert.equal((await fetch(`${server.match}/nowhere`)).status, 404);
      const eventId = `evt_${signal}`;
      const answer = await post(server.match, { webhookEventId: eventId });
      assert.deepEqual([answer.status, await answer.json()], [200, { status: 'processed', eventId }]);
      server.kill(signal);
      assert.equal(await server.ended, 0, server.log());
      for (const secret of [sandbox.env.COGNIGY_WEBHOOK_SECRET, sandbox.env.COGNIGY_API_TOKEN]) assert.ok(!server.log().includes(secret));
      assert.match(server.stderr, new RegExp(`\\[LATENCY\\] Event: ${eventId} \\| Status: SUCCESS \\| Duration: \\d+\\.\\d\\dms`));
    }
  });

  it('reads .env, which the environment overrules, and prints nothing about it', async () => {
    const lines = Object.entries(sandbox.env).map(([name, value]) => `${name}=${value}`);
    fs.writeFileSync(path.join(folder, '.env'), [...lines, 'HOST=not.an.address.invalid'].join('\n'));
    const server = await start([], { HOST: '127.0.0.1' });
    assert.doesNotMatch(server.log(), /dotenv|\.env/i);
    assert.equal((await post(server.match)).status, 200);
    assert.equal(await server.stop(), 0);
  });

  it('finishes the answer that is under way when the signal comes', async () => {
    const server = await start();
    sandbox.faults.add({ method: 'POST', status: 429, headers: { 'retry-after': '1' } });
    const answer = post(server.match);
    await sandbox.requests.waitFor(({ status }) => status === 429, { timeoutMs: PATIENCE_MS });
    server.kill('SIGTERM');
    assert.deepEqual(await (await answer).json(), { status: 'processed', eventId: 'evt_1' });
    assert.equal(await server.ended, 0, server.log());
  });

  it('ends with 1 and one clear line when the port is taken', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (other.address());
    const { status, stderr } = run(['serve', '--services', 'events', '--port', String(port), '--data-dir', path.join(folder, 'data')], { env: sandbox.env, cwd: folder });
    other.close();
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^trunkline: port ${port} on 127\\.0\\.0\\.1 is in use`, 'm'));
  });

  it('ends with 1 when the data directory cannot be used', () => {
    fs.writeFileSync(path.join(folder, 'a-file'), '');
    const { status, stderr } = run(['serve', '--services', 'events', '--port', '0', '--data-dir', path.join(folder, 'a-file', 'data')], { env: sandbox.env, cwd: folder });
    assert.equal(status, 1);
    assert.match(stderr, /trunkline: .*a-file/);
  });
});
