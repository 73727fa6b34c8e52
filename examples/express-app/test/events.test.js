// The app against simulated platforms: no account, no network, and faults on demand.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { SignatureVerifier } = require('trunkline');
const { createSandbox } = require('trunkline/sandbox');
const { createApp } = require('../server.js');

const EVENT = { webhookEventId: 'evt_1', intent: 'order_management', dialogId: 'dlg_1', sessionId: 'sess_1' };

describe('events', () => {
  /** @type {import('trunkline/sandbox').Sandbox} */
  let sandbox;
  /** @type {ReturnType<typeof createApp>['events']} */
  let events;
  /** @type {import('node:http').Server} */
  let server;
  /** @type {string} */
  let dataDir;

  beforeEach(async () => {
    sandbox = await createSandbox();
    dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'my-events-'));
    const created = createApp({ env: sandbox.env, dataDir, logger: false, retry: { baseMs: 1, jitter: 'none' } });
    events = created.events;
    server = created.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    server.close();
    await events.close();
    await sandbox.close();
    fs.rmSync(dataDir, { recursive: true });
  });

  /** @param {object} event @param {string} [secret] @returns {Promise<{ status: number, body: any }>} */
  async function post(event, secret = sandbox.env.COGNIGY_WEBHOOK_SECRET) {
    const body = JSON.stringify(event);
    const headers = { 'content-type': 'application/json', connection: 'close', ...new SignatureVerifier({ secrets: secret }).sign(body) };
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    const answer = await fetch(`http://127.0.0.1:${port}/webhook/cognigy`, { method: 'POST', headers, body });
    return { status: answer.status, body: await answer.json() };
  }

  const stateUpdates = () => sandbox.requests.list().filter((request) => request.platform === 'cognigy');

  it('are processed, once', async () => {
    assert.deepEqual(await post(EVENT), { status: 200, body: { status: 'processed', eventId: 'evt_1' } });
    assert.deepEqual(await post(EVENT), { status: 200, body: { status: 'duplicate_skipped', eventId: 'evt_1' } });
    assert.equal(stateUpdates().length, 1);
  });

  it('are tried again when the platform fails, under the same key', async () => {
    sandbox.faults.add({ platform: 'cognigy', status: 503, times: 2 });
    assert.equal((await post(EVENT)).body.status, 'processed');
    assert.deepEqual(stateUpdates().map((request) => request.status), [503, 503, 200]);
    assert.equal(new Set(stateUpdates().map((request) => request.idempotencyKey)).size, 1);
  });

  it('become dead letters when it goes on failing, and can be replayed', async () => {
    sandbox.faults.add({ platform: 'cognigy', status: 503, times: -1 });
    assert.equal((await post(EVENT)).body.status, 'failed_queued_for_dlq');
    sandbox.faults.clear();
    assert.equal((await events.deadLetters.replay()).replayed, 1);
    assert.deepEqual(await events.deadLetters.list(), []);
  });

  it('of somebody else are refused', async () => {
    assert.equal((await post(EVENT, 'another secret')).status, 403);
    assert.equal(stateUpdates().length, 0);
  });
});
