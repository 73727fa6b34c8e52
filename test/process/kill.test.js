// What a killed server owes: an event that was accepted is finished by the next start, with the keys of its first tries.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createHmac } = require('node:crypto');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { startCommand } = require('../../scripts/support/child.js');
const { PATIENCE_MS } = require('../support/until.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const EVENTS = 20;

describe('kill -9', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {string} */
  let folder;

  before(async () => {
    sandbox = await createSandbox();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-kill-'));
  });
  after(async () => {
    await sandbox.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function start() {
    const env = { ...sandbox.env, TRUNKLINE_RESPOND_WITHIN_MS: '1' };
    return startCommand([CLI, 'serve', '--services', 'events', '--port', '0', '--data-dir', path.join(folder, 'data')], env, /^listening on (\S+)$/m, folder);
  }

  /** @param {string} url @param {number} number */
  async function post(url, number) {
    const body = JSON.stringify({ webhookEventId: `evt_${number}`, intent: 'billing_inquiry', dialogId: `dlg_${number}`, sessionId: 'sess_1' });
    const signature = createHmac('sha256', sandbox.env.COGNIGY_WEBHOOK_SECRET).update(body).digest('hex');
    const response = await fetch(`${url}/webhook/cognigy`, { method: 'POST', body, headers: { 'x-cognigy-signature': signature } });
    return { status: response.status, body: /** @type {any} */ (await response.json()) };
  }

  it('loses no accepted event', async () => {
    // The platform handles each request but never answers: the worst moment to be killed in.
    const { id } = sandbox.faults.add({ drop: 'after', times: -1 });
    const first = await start();
    const answers = await Promise.all(Array.from({ length: EVENTS }, (_, number) => post(first.match, number)));
    for (const { status, body } of answers) assert.ok(status === 202 && body.status === 'accepted', JSON.stringify(body));
    const tried = await sandbox.requests.waitFor(() => true, { count: EVENTS, timeoutMs: PATIENCE_MS });
    first.kill('SIGKILL');
    assert.equal(await first.ended, 'SIGKILL');

    sandbox.faults.remove(id);
    const second = await start();
    const done = await sandbox.requests.waitFor(({ status }) => status === 200, { count: EVENTS, timeoutMs: PATIENCE_MS });
    const keysOf = (/** @type {typeof done} */ entries) => new Map(entries.map(({ path: place, idempotencyKey }) => [place, idempotencyKey]));
    assert.deepEqual(keysOf(done), keysOf([...tried, ...done].reverse()), 'each event kept its key');
    assert.equal(keysOf(done).size, EVENTS);
    assert.ok(done.every(({ replayed }) => replayed), 'the platform knew each of them already');

    const again = await post(second.match, 0);
    assert.deepEqual(again, { status: 200, body: { status: 'duplicate_skipped', eventId: 'evt_0' } });
    assert.equal(await second.stop(), 0, second.log());
  });
});
