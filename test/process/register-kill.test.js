// A registration run that is killed in any phase and run again, or that runs twice at once, ends in one connector.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { openRegistrarStage } = require('../support/registrar-stage.js');
const { runCli, startCli } = require('../support/cli.js');
const { until } = require('../support/until.js');

const CONNECTORS = '/api/v1/connectors';
/** Longer than any test: nobody waits for it, because the command is killed in it. */
const HANG_MS = 600_000;

describe('trunkline register, killed', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  /** @type {Record<string, string>} */
  let env;
  /** Does the target answer? */
  let mute = false;
  let asked = 0;
  before(async () => {
    stage = await openRegistrarStage();
    url = await stage.target({ handler: (_req, res) => { asked += 1; if (!mute) res.end(); } });
    const file = path.join(stage.folder, 'extra.pem');
    fs.writeFileSync(file, stage.authority.ca);
    env = { ...stage.sandbox.env, NODE_EXTRA_CA_CERTS: file };
  });
  beforeEach(() => stage.sandbox.reset());
  after(() => stage.close());

  const args = () => ['register', '--url', url, '--allow-private', '--json'];

  /** A fault, and whether it has been met. @param {import('../../sandbox').FaultOptions} options */
  const meet = (options) => {
    const { id } = stage.sandbox.faults.add({ ...options, times: -1 });
    return () => (stage.sandbox.faults.list().find((fault) => fault.id === id)?.hits ?? 0) > 0;
  };

  /** What holds the run up in each phase, so that it can be killed there. @type {Array<[string, boolean, () => () => boolean]>} */
  const phases = [
    ['while the target is looked at', false, () => {
      mute = true;
      const before = asked;
      return () => asked > before;
    }],
    ['while it waits for a token', false, () => meet({ platform: 'login', delayMs: HANG_MS })],
    ['before Cognigy has taken the registration', false, () => meet({ method: 'POST', path: CONNECTORS, delayMs: HANG_MS })],
    ['when Cognigy has taken it and the answer is lost', true, () => meet({ method: 'POST', path: CONNECTORS, drop: 'after' })],
    ['while it waits until it is active', true, () => meet({ method: 'GET', path: `${CONNECTORS}/*`, delayMs: HANG_MS })],
    ['while it tells the gateway', true, () => meet({ platform: 'gateway', delayMs: HANG_MS })],
  ];
  for (const [when, known, arrange] of phases) {
    it(`${when}, and run again: one connector`, async () => {
      const reached = arrange();
      const first = startCli(args(), env, stage.folder);
      await until(reached, 'the phase to be reached');
      first.kill('SIGKILL');
      assert.equal(await first.ended, 'SIGKILL');
      assert.equal(first.stdout, '');

      mute = false;
      stage.sandbox.faults.clear();
      const again = await runCli(args(), env, stage.folder);
      assert.equal(again.status, 0, again.stderr);
      const { registration, gateway } = JSON.parse(again.stdout);
      assert.deepEqual((await stage.connectors()).map(({ id, status }) => [id, status]), [[registration.id, 'active']]);
      assert.deepEqual([registration.idempotent, gateway.synced, (await stage.gatewayEvents()).length], [known, true, 1]);
    });
  }

  it('two runs at once: one connector', async () => {
    // Held up for their token, so that neither is done before the other has begun.
    const { id } = stage.sandbox.faults.add({ platform: 'login', delayMs: 1000, times: 2 });
    const runs = await Promise.all([runCli(args(), env, stage.folder), runCli(args(), env, stage.folder)]);
    assert.equal(stage.sandbox.faults.list().some((fault) => fault.id === id), false);
    const results = runs.map(({ status, stdout, stderr }) => {
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout).registration;
    });
    assert.deepEqual(results.map(({ idempotent }) => idempotent).sort(), [false, true]);
    assert.deepEqual((await stage.connectors()).map(({ id: connector }) => connector), [results[0].id]);
    assert.equal(results[0].id, results[1].id);
  });
});
