// `trunkline register`: what it says on which stream, its flags, its exit codes, and the bare audit line.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { openRegistrarStage } = require('../support/registrar-stage.js');
const { runCli } = require('../support/cli.js');

describe('trunkline register', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  /** @type {Record<string, string>} */
  let env;
  before(async () => {
    stage = await openRegistrarStage();
    url = await stage.target();
    const file = path.join(stage.folder, 'extra.pem');
    fs.writeFileSync(file, stage.authority.ca);
    env = { ...stage.sandbox.env, NODE_EXTRA_CA_CERTS: file };
  });
  beforeEach(() => stage.sandbox.reset());
  after(() => stage.close());

  /** @param {string[]} args @param {Record<string, string | undefined>} [more] */
  const run = (args, more) => runCli(['register', ...args], { ...env, ...more }, stage.folder);

  /** @param {string} stderr @returns {any[]} the lines that are JSON */
  const records = (stderr) => stderr.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

  it('registers, tells each phase with its time, and writes one bare audit line', async () => {
    const { status, stdout, stderr } = await run(['--url', url, '--allow-private']);
    assert.equal(status, 0, stderr);
    const [{ id }] = await stage.connectors();
    assert.match(stdout, new RegExp(`^Registered: ${id}, active, in \\d+ ms\\n$`));
    const phases = stderr.split('\n').filter((line) => line.startsWith('  ')).map((line) => /^ {2}(\w+) +(\d+) ms/.exec(line)?.[1]);
    assert.deepEqual(phases, ['dns', 'connect', 'tls', 'http', 'register', 'verify', 'gateway']);
    const [record, ...others] = records(stderr);
    assert.deepEqual(others, []);
    assert.deepEqual(Object.keys(record), ['timestamp', 'action', 'status', 'latencyMs', 'details']);
    assert.deepEqual(Object.keys(record.details), ['domain', 'targetUrl', 'validation', 'idempotent', 'healthVerified']);
    assert.deepEqual([record.action, record.status, record.details.targetUrl], ['WEBHOOK_REGISTRATION', 'SUCCESS', url]);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /\x1b|\r/, 'no spinner where there is no terminal');
  });

  it('run again says that it was there, and --json is one line', async () => {
    const first = await run(['--allow-private', '--json'], { WEBHOOK_TARGET_URL: url });
    const second = await run(['--allow-private', '--json'], { WEBHOOK_TARGET_URL: url });
    const [one, two] = [first, second].map(({ stdout }) => JSON.parse(stdout));
    assert.deepEqual([first.status, second.status, one.success, two.success], [0, 0, true, true]);
    assert.deepEqual([one.registration.idempotent, two.registration.idempotent, two.registration.id], [false, true, one.registration.id]);
    assert.equal(second.stdout.trimEnd().split('\n').length, 1);
    assert.equal(second.stderr.trimEnd().split('\n').length, 1, 'the audit line alone');
    assert.match((await run(['--url', url, '--allow-private'])).stdout, new RegExp(`^Was registered before: ${one.registration.id}, active`));
  });

  it('--dry-run does everything up to the POST', async () => {
    const { status, stdout, stderr } = await run(['--url', url, '--allow-private', '--dry-run'], { WEBHOOK_SIGNING_SECRET: 'dry-s3cret' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^ExternalWebhook-[0-9a-f]{12} would be registered, with the Idempotency-Key [0-9a-f-]{36}:\n\{/);
    assert.doesNotMatch(stdout + stderr, /dry-s3cret|WEBHOOK_REGISTRATION/);
    assert.deepEqual(stage.calls(), ['GET /api/v1/connectors 200']);
    const json = JSON.parse((await run(['--url', url, '--allow-private', '--dry-run', '--json', '--deployment-id', 'd1'])).stdout);
    assert.deepEqual([json.dryRun, json.validation.ok, json.payload.name], [true, true, json.name]);
    assert.equal((await run(['--url', url, '--allow-private', '--dry-run'], { COGNIGY_CLIENT_SECRET: 'wrong' })).status, 1);
  });

  it('ends with 1, the reason and what to do, in JSON too', async () => {
    const self = await stage.target({ certificate: stage.authority.selfSigned() });
    const { status, stdout, stderr } = await run(['--url', self, '--allow-private']);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^ {2}tls +\d+ ms {2}failed: .*self-signed/m);
    assert.match(stderr, /^trunkline: TLS_FAILED: .*self-signed.*\n {2}.*CA/m);
    assert.equal(records(stderr)[0].status, 'FAILURE');

    const json = await run(['--url', self, '--allow-private', '--json']);
    const { success, error } = JSON.parse(json.stdout);
    assert.deepEqual([json.status, success, error.code], [1, false, 'TLS_FAILED']);
    assert.match(json.stderr, /^trunkline: TLS_FAILED/m);

    const closed = await run(['--url', url]);
    assert.equal(closed.status, 1);
    assert.match(closed.stderr, /^trunkline: ADDRESS_FORBIDDEN: [^]*--allow-private/m);
  });

  it('ends with 1 for a registration that does not become active, and tells its id', async () => {
    stage.sandbox.faults.add({ method: 'GET', path: '/api/v1/connectors/*', status: 403, times: -1 });
    const { status, stdout, stderr } = await run(['--url', url, '--allow-private', '--json']);
    const [{ id }] = await stage.connectors();
    const result = JSON.parse(stdout);
    assert.deepEqual([status, result.success, result.registration.id, result.health.verified], [1, false, id, false]);
    assert.match(stderr, new RegExp(`^trunkline: ${id} is registered, but not active: AUTHORIZATION_FAILED`, 'm'));
    assert.equal(records(stderr).find(({ action }) => action === 'WEBHOOK_REGISTRATION').details.healthVerified, false);
  });

  it('names every missing variable at once, and no secret', async () => {
    const { status, stderr } = await runCli(['register'], { COGNIGY_CLIENT_SECRET: 's3cret' }, stage.folder);
    assert.equal(status, 1);
    assert.match(stderr, /missing: COGNIGY_DOMAIN, COGNIGY_CLIENT_ID, WEBHOOK_TARGET_URL$/m);
    const wrong = await run(['--url', url, '--allow-private', '--json'], { COGNIGY_CLIENT_SECRET: 's3cret', WEBHOOK_SIGNING_SECRET: 's1gn' });
    assert.deepEqual([wrong.status, JSON.parse(wrong.stdout).error.code], [1, 'AUTHENTICATION_FAILED']);
    assert.doesNotMatch(stderr + wrong.stdout + wrong.stderr, /s3cret|s1gn/);
  });

  /** @type {Array<[string[], RegExp]>} */
  const usage = [[['--url', 'http://example.com'], /--url.*https/], [['--url', 'example.com'], /--url/], [['--url', 'https://u:p@example.com'], /--url/], [['--deployment-id', ''], /--deployment-id/],
    [['--nonsense'], /unknown option/], [['more'], /too many arguments/]];
  for (const [args, line] of usage) {
    it(`ends with 2 and one line: register ${args.join(' ')}`, async () => {
      const { status, stdout, stderr } = await run(args);
      assert.deepEqual([status, stdout, stderr.trimEnd().split('\n').length], [2, '', 1]);
      assert.match(stderr, line);
    });
  }
});
