// kill -9 under load, again and again: what was answered with a 2xx is processed or a dead letter in the end, under one key each.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const { startCommand } = require('../../scripts/support/child.js');
const { makeEvent, statePath } = require('../support/events.js');
const { openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

const SERVER = path.join(__dirname, '..', 'support', 'server-child.js');
const ROUNDS = 20;
const EVENTS = 40;
/** What the platform does to an event, by its dialog. */
const KINDS = ['good', 'slow', 'flaky', 'bad'];

describe('kill -9 under load', function killUnderLoad() {
  this.timeout(300_000);
  /** @type {import('../support/stage.js').Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  const startServer = () => startCommand([SERVER, stage.dataDir], stage.sandbox.env, /^listening on (\S+)$/m);

  /** @param {number} number */
  const dialogOf = (number) => `${KINDS[number % KINDS.length]}-${number}`;

  /**
   * Posts all events at once and kills the server once `answers` of them are answered.
   * @param {number} round
   * @param {number} answers
   * @returns {Promise<any[]>} the events that were answered with a 2xx
   */
  async function postAndKill(round, answers) {
    const server = await startServer();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    /** @type {any[]} */
    const acknowledged = [];
    await Promise.all(Array.from({ length: EVENTS }, async (_, number) => {
      const event = makeEvent({ dialogId: dialogOf(round * EVENTS + number) });
      const answer = await stage.post(server.match, event, { agent }).catch(() => null); // the server is gone
      if (!answer) return;
      assert.ok([200, 202].includes(answer.status), answer.text);
      acknowledged.push(event);
      if (acknowledged.length === answers) server.kill('SIGKILL');
    }));
    agent.destroy();
    assert.equal(await server.ended, 'SIGKILL');
    return acknowledged;
  }

  it('loses no acknowledged event, finishes what it had begun, and gives no event two keys', async () => {
    const { faults, requests } = stage.sandbox;
    faults.add({ method: 'POST', path: '/api/v1/dialogs/slow-**', delayMs: 200, times: -1 });
    const flaky = faults.add({ method: 'POST', path: '/api/v1/dialogs/flaky-**', status: 503, times: -1 });
    faults.add({ method: 'POST', path: '/api/v1/dialogs/bad-**', status: 503, times: -1 });

    /** @type {any[]} */
    const acknowledged = [];
    for (let round = 0; round < ROUNDS; round += 1) acknowledged.push(...await postAndKill(round, 1 + (round * 7) % (EVENTS - 5)));
    assert.ok(acknowledged.length >= ROUNDS * 10, `${acknowledged.length} acknowledged`);

    faults.remove(flaky.id);
    const last = await startServer();
    /** @param {string} what @returns {Promise<any>} */
    const ask = async (what) => (await fetch(`${last.match}/${what}`)).json();
    await until(async () => (await ask('stats')).pending === 0, 'everything to be finished');
    const dead = new Set((await ask('dead-letters')).map((/** @type {any} */ letter) => letter.eventId));

    const succeeded = new Set(requests.list().filter(({ status }) => status === 200).map((entry) => entry.path));
    for (const event of acknowledged) {
      assert.ok(succeeded.has(statePath(event)) || dead.has(event.webhookEventId), `${event.dialogId} was acknowledged and is lost`);
      if (/^(good|slow)/.test(event.dialogId)) assert.ok(succeeded.has(statePath(event)), `${event.dialogId} never reached the platform`);
    }

    // Killed between commit and answer: nobody was told, but what the platform had been asked once is finished all the same.
    /** @type {Map<string, Set<string | null>>} */
    const keys = new Map();
    for (const { path: place, idempotencyKey } of requests.list()) keys.set(place, (keys.get(place) ?? new Set()).add(idempotencyKey));
    for (const [place, used] of keys) {
      assert.equal(used.size, 1, `${place} has several keys`);
      if (/dialogs\/(good|slow)/.test(place)) assert.ok(succeeded.has(place), `${place} was begun and is lost`);
    }
    assert.ok(requests.list().some(({ replayed }) => replayed), 'some call was repeated, so that the keys mattered');

    const again = await stage.post(last.match, acknowledged[0]);
    assert.equal(again.json.status, 'duplicate_skipped');
    assert.equal(await last.stop(), 0, last.log());
  });
});
