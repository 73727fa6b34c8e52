// Several servers on one data directory: an id is one server's alone, and what a killed server leaves the others finish.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const { startCommand } = require('../../scripts/support/child.js');
const { makeEvent, statePath } = require('../support/events.js');
const { openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

const SERVER = path.join(__dirname, '..', 'support', 'server-child.js');

describe('servers that share a data directory', function sharedDirectory() {
  this.timeout(300_000);
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {Array<Awaited<ReturnType<typeof startCommand>>>} */
  let servers;

  beforeEach(async () => {
    stage = await openStage();
    servers = [];
  });
  afterEach(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map((server) => server.ended));
    await stage.close();
  });

  async function startServer() {
    const server = await startCommand([SERVER, stage.dataDir], stage.sandbox.env, /^listening on (\S+)$/m);
    servers.push(server);
    return server;
  }
  /** @param {Awaited<ReturnType<typeof startServer>>} server @param {string} what @returns {Promise<any>} */
  const ask = async (server, what) => (await fetch(`${server.match}/${what}`)).json();
  /** Keys that the platform saw, by path. */
  function keysByPath() {
    /** @type {Map<string, Set<string | null>>} */
    const keys = new Map();
    for (const { path: place, idempotencyKey } of stage.sandbox.requests.list()) keys.set(place, (keys.get(place) ?? new Set()).add(idempotencyKey));
    return keys;
  }

  it('let one of them have an event that is sent to all at once', async () => {
    await Promise.all([startServer(), startServer(), startServer()]);
    const events = Array.from({ length: 100 }, (_, number) => makeEvent({ dialogId: `d-${number}` }));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 60 });
    const answers = await Promise.all(events.map((event) => Promise.all(servers.map((server) => stage.post(server.match, event, { agent })))));
    agent.destroy();
    for (const three of answers) {
      // 503 where the one that has it takes long to store it: whoever is asked by the same sender meanwhile cannot vouch for that.
      const others = three.filter(({ status, json }) => status === 503 || json.status === 'duplicate_skipped');
      assert.equal(others.length, 2, JSON.stringify(three.map(({ status, json }) => [status, json])));
    }
    await until(async () => (await Promise.all(servers.map((server) => ask(server, 'stats')))).every(({ pending }) => pending === 0), 'everything to be finished');
    assert.equal(stage.posts().length, events.length, 'each was worked on once');
    assert.equal(new Set(stage.posts().map((entry) => entry.path)).size, events.length);
  });

  it('know each other\'s ids and dead letters', async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    stage.sandbox.faults.add({ status: 400, times: -1 });
    const event = makeEvent();
    await stage.post(first.match, event);
    await until(async () => (await ask(first, 'dead-letters')).length === 1, 'the dead letter');
    assert.equal((await ask(second, 'dead-letters'))[0].eventId, event.webhookEventId);
    assert.equal((await stage.post(second.match, event)).json.status, 'duplicate_skipped');
  });

  it('finish within seconds what a killed one has left, under its keys', async () => {
    const survivor = await startServer();
    const { faults, requests } = stage.sandbox;
    /** @type {any[]} */
    const acknowledged = [];
    for (let round = 0; round < 10; round += 1) {
      // The platform handles the calls, but answers none: all of them are under way when the server dies.
      const deaf = faults.add({ path: `/api/v1/dialogs/dying-${round}-**`, drop: 'after', times: -1 });
      const dying = await startServer();
      const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
      const events = Array.from({ length: 20 }, (_, number) => makeEvent({ dialogId: `dying-${round}-${number}` }));
      await Promise.all(events.map(async (event, number) => {
        const answer = await stage.post(dying.match, event, { agent }).catch(() => null);
        if (answer?.status === 202) acknowledged.push(event);
        if (number % 5 === 0) await stage.post(survivor.match, makeEvent({ dialogId: `own-${round}-${number}` }), { agent });
        if (acknowledged.length >= round * 10 + 5) dying.kill('SIGKILL');
      }));
      agent.destroy();
      dying.kill('SIGKILL');
      assert.equal(await dying.ended, 'SIGKILL');
      faults.remove(deaf.id);
    }
    assert.ok(acknowledged.length >= 50, `${acknowledged.length} acknowledged`);
    const dead = async () => new Set((await ask(survivor, 'dead-letters')).map((/** @type {any} */ letter) => letter.eventId));
    const done = () => new Set(requests.list().filter(({ status }) => status === 200).map((entry) => entry.path));
    const missing = async () => {
      const [letters, succeeded] = [await dead(), done()];
      return acknowledged.filter((event) => !succeeded.has(statePath(event)) && !letters.has(event.webhookEventId));
    };
    await until(async () => (await missing()).length === 0, 'all that was acknowledged to be accounted for');
    for (const [place, keys] of keysByPath()) assert.equal(keys.size, 1, `${place} has several keys`);
    assert.equal((await stage.post(survivor.match, acknowledged[0])).json.status, 'duplicate_skipped');
  });

  it('take the sender\'s event again when its server died before it was on disk', async () => {
    const survivor = await startServer();
    const event = makeEvent();
    for (let round = 0; round < 5; round += 1) {
      const dying = await startServer();
      const posted = stage.post(dying.match, event).catch(() => null);
      dying.kill('SIGKILL');
      await posted;
      await dying.ended;
    }
    await until(async () => (await stage.post(survivor.match, event)).status === 200, 'the event to be taken');
    await until(() => stage.sandbox.requests.list().some(({ status, path: place }) => status === 200 && place === statePath(event)), 'it to be processed');
    for (const [place, keys] of keysByPath()) assert.equal(keys.size, 1, place);
  });
});
