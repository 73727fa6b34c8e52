// After the registration: how it is polled, what an unverified one is, what the gateway is told and what its failure means, and the audit records of all that.
'use strict';

const assert = require('node:assert/strict');
const native = require('../../lib/native.js');
const { Options } = require('../../lib/options.js');
const { readRetryPolicy } = require('../../lib/retry-policy.js');
const { POLL_POLICY } = require('../../lib/services/registrar.js');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage } = require('../support/registrar-stage.js');

const CONNECTORS = '/api/v1/connectors';
const GATEWAY = '/gateway/callback';

describe('registrar, after the registration', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {string} */
  let url;
  beforeEach(async () => {
    stage = await openRegistrarStage();
    url = await stage.target();
  });
  afterEach(() => stage.close());

  const polls = () => stage.calls().filter((call) => /^GET \/api\/v1\/connectors\//.test(call)).map((call) => call.split(' ')[2]);

  it('polls at once, then after 2, 4, 8 and 16 s, five times in all', () => {
    const options = new Options({}, {});
    const policy = readRetryPolicy(options, POLL_POLICY);
    options.finish();
    assert.equal(policy.attempts, 5);
    assert.deepEqual([1, 2, 3, 4].map((attempt) => native.backoffMs(policy, attempt)), [2000, 4000, 8000, 16_000]);
  });

  it('waits as it says by default', async () => {
    stage.sandbox.settings.cognigy.pollsUntilActive = 2;
    const { latencyMs, health } = await stage.registrar({ poll: undefined }).register({ url });
    assert.deepEqual([health.verified, polls().length], [true, 2]);
    assert.ok(latencyMs >= 2000, String(latencyMs));
  });

  it('stops when it is active', async () => {
    stage.sandbox.settings.cognigy.pollsUntilActive = 3;
    /** @type {unknown[]} */
    const seen = [];
    await stage.registrar().register({ url, onStep: ({ step, state, detail }) => { if (step === 'verify' && state === 'progress') seen.push([detail.poll, detail.status]); } });
    assert.deepEqual(seen, [[1, 'pending'], [2, 'pending'], [3, 'active']]);
  });

  it('is no success without, keeps the registration, and does not wait after the last poll', async () => {
    stage.sandbox.settings.cognigy.pollsUntilActive = 6;
    const unverified = await stage.registrar().register({ url });
    assert.deepEqual([unverified.success, unverified.health, unverified.gateway], [false, { verified: false, status: 'pending' }, { synced: false }]);
    assert.equal(unverified.registration.id, (await stage.connectors())[0].id);
    assert.deepEqual(polls(), ['200', '200', '200', '200', '200']);
    assert.equal((await stage.gatewayEvents()).length, 0);
    const [audit] = stage.audits();
    assert.deepEqual([audit.status, audit.details.healthVerified, audit.details.idempotent, audit.details.error], ['FAILURE', false, false, undefined]);

    // Would it wait once more, this would last an hour.
    const once = await stage.registrar({ poll: { attempts: 1, baseMs: 3_600_000, maxMs: 3_600_000 } }).register({ url, deploymentId: 'd2' });
    assert.deepEqual(once.health, { verified: false, status: 'pending' });

    // The next run finds it again, and may see it active.
    stage.sandbox.settings.cognigy.pollsUntilActive = 1;
    assert.equal((await stage.registrar().register({ url })).success, true);
  });

  it('tells any other status as it is', async () => {
    stage.sandbox.faults.add({ method: 'GET', path: `${CONNECTORS}/*`, status: 200, body: { status: 'disabled' }, times: -1 });
    assert.deepEqual((await stage.registrar().register({ url })).health, { verified: false, status: 'disabled' });
  });

  it('polls on where a poll fails, or nothing is there yet', async () => {
    for (const status of [503, 404, 429]) stage.sandbox.faults.add({ method: 'GET', path: `${CONNECTORS}/*`, status, headers: { 'Retry-After': '0' } });
    stage.sandbox.faults.add({ method: 'GET', path: `${CONNECTORS}/*`, drop: 'after' });
    assert.equal((await stage.registrar().register({ url })).success, true);
    assert.deepEqual(polls(), ['503', '404', '429', 'null', '200']);
  });

  it('ends where polls are refused for good, and says why', async () => {
    stage.sandbox.faults.add({ method: 'GET', path: `${CONNECTORS}/*`, status: 403, times: -1 });
    const { success, registration, health } = await stage.registrar().register({ url });
    assert.deepEqual([success, health.verified, polls()], [false, false, ['403']]);
    assert.match(String(health.error), /^AUTHORIZATION_FAILED: /);
    assert.match(registration.id, /^conn_/);
    assert.equal(stage.audits()[0].status, 'FAILURE');
  });

  describe('the gateway', () => {
    it('is told of the active connector, under a key', async () => {
      const { registration } = await stage.registrar().register({ url });
      const [event, ...others] = await stage.gatewayEvents();
      assert.deepEqual([event.event, event.connector.id, event.connector.status, others], ['connector.registered', registration.id, 'active', []]);
      assert.equal(new Date(event.timestamp).toISOString(), event.timestamp);
      await stage.registrar().register({ url });
      const calls = stage.sandbox.requests.list().filter(({ path, method }) => path === GATEWAY && method === 'POST');
      assert.deepEqual(calls.map(({ replayed }) => replayed), [false, true]);
      assert.match(String(calls[0].idempotencyKey), /^[0-9a-f-]{36}$/);
    });

    it('is tried again', async () => {
      stage.sandbox.faults.add({ platform: 'gateway', status: 503 });
      stage.sandbox.faults.add({ platform: 'gateway', drop: 'before' });
      assert.deepEqual((await stage.registrar().register({ url })).gateway, { synced: true });
      assert.equal((await stage.gatewayEvents()).length, 1);
    });

    it('does not make a live registration a failure, but is reported', async () => {
      stage.sandbox.faults.add({ platform: 'gateway', status: 500, times: -1 });
      const { success, gateway } = await stage.registrar().register({ url });
      assert.deepEqual([success, gateway.synced], [true, false]);
      assert.match(String(gateway.error), /^UPSTREAM_ERROR: /);
      assert.equal(stage.audits()[0].status, 'SUCCESS');
      const [warning] = stage.logger.lines.filter(({ level }) => level === 'warn');
      assert.match(warning.msg, /^registered, but the gateway was not told: UPSTREAM_ERROR/);
      assert.deepEqual([warning.fields.code, warning.fields.attempts], ['UPSTREAM_ERROR', 4]);
    });

    it('may want a user and a password, and a query', async () => {
      const platform = await stage.platform();
      await stage.registrar({ gatewayUrl: platform.url.replace('//', '//ann:p%40ss@') + '/in?a=1' }).register({ url });
      assert.deepEqual(platform.seen.map(({ url: path, headers }) => [path, headers.authorization]), [['/in?a=1', `Basic ${Buffer.from('ann:p@ss').toString('base64')}`]]);
    });

    it('need not be there', async () => {
      const env = { ...stage.sandbox.env, GATEWAY_CALLBACK_URL: '' };
      assert.deepEqual((await stage.registrar({ env }).register({ url })).gateway, { synced: false });
    });
  });

  describe('the audit record', () => {
    it('of a success has exactly the fields of seed T4', async () => {
      const { latencyMs } = await stage.registrar().register({ url });
      const [{ fields: record, level, msg }] = stage.logger.lines;
      const { timestamp, details: { validation, ...details }, ...rest } = record;
      assert.deepEqual([level, msg, stage.logger.lines.length], ['info', '', 1]);
      assert.equal(new Date(timestamp).toISOString(), timestamp);
      assert.deepEqual(rest, { action: 'WEBHOOK_REGISTRATION', status: 'SUCCESS', latencyMs });
      assert.deepEqual(details, { domain: stage.sandbox.url, targetUrl: url, idempotent: false, healthVerified: true });
      const { responseTimeMs, ...judged } = validation;
      assert.deepEqual(judged, { tlsValid: true, reachable: true, contentType: 'application/octet-stream' });
      assert.ok(Number.isInteger(responseTimeMs));
    });

    it('is there for every failure, before the rejection', async () => {
      const bad = await stage.target({ certificate: stage.authority.leaf('DNS:other.example.com') });
      /** @type {Array<[import('../..').RegistrationOptions, import('../..').RegistrarOptions, string]>} */
      const cases = [
        [{ url: bad }, {}, 'TLS_FAILED'], [{ url: 'http://127.0.0.1/in' }, {}, 'CONFIG_INVALID'], [{ url }, { clientSecret: 'wrong' }, 'AUTHENTICATION_FAILED'],
        [{ url }, {}, 'UPSTREAM_ERROR'], [{ url }, { allowPrivate: false }, 'ADDRESS_FORBIDDEN'],
      ];
      stage.sandbox.faults.add({ method: 'POST', path: CONNECTORS, status: 501 });
      for (const [options, more, code] of cases) {
        const error = await failure(stage.registrar(more).register(options), code);
        const record = stage.audits().at(-1);
        assert.ok(record);
        const { timestamp, latencyMs, ...rest } = record;
        assert.ok(timestamp && Number.isInteger(latencyMs));
        assert.deepEqual(rest, {
          action: 'WEBHOOK_REGISTRATION', status: 'FAILURE', details: { domain: more.domain ?? stage.sandbox.url, targetUrl: options.url, error: error.summary },
        });
      }
      assert.equal(stage.audits().length, cases.length);
    });
  });
});
