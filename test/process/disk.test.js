// A server on a disk that is full, turns read-only or dies: whatever it cannot store it refuses, what it has accepted it finishes, and it goes on when it can.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Command, startCommand } = require('../../scripts/support/child.js');
const { makeEvent, statePath } = require('../support/events.js');
const { SmallDisk, lacking } = require('../support/small-disk.js');
const { openStage } = require('../support/stage.js');
const { until } = require('../support/until.js');

const SERVER = path.join(__dirname, '..', 'support', 'server-child.js');
const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const FULL = /is full|No space left/;
const READ_ONLY = /Read-only|readonly/;
const NOBODY = 65_534;

/** @typedef {Awaited<ReturnType<typeof startCommand>>} Server */
/** @typedef {ReturnType<typeof makeEvent>} Event */

/**
 * A suite with a disk, or a line that says why there is none.
 * @param {string} title
 * @param {'tmpfs' | 'ext4'} kind
 * @param {(scene: Scene) => void} define
 */
function describeWithDisk(title, kind, define) {
  const why = lacking(kind);
  (why ? describe.skip : describe)(`${title}${why ? ` (left out: ${why})` : ''}`, function onDisk() {
    this.timeout(120_000);
    const scene = new Scene();
    beforeEach(() => scene.open(kind));
    afterEach(() => scene.close());
    define(scene);
  });
}

class Scene {
  /** @type {import('../support/stage.js').Stage} */ stage = /** @type {any} */ (undefined);
  /** @type {SmallDisk} where there is one */ disk = /** @type {any} */ (undefined);
  /** @type {Server[]} */ #servers = [];
  /** Answered with a 2xx. @type {Event[]} */ acknowledged = [];
  /** Answered with 503. @type {Event[]} */ refused = [];

  /** @param {'tmpfs' | 'ext4'} kind */
  async open(kind) {
    this.stage = await openStage();
    this.disk = new SmallDisk({ kind, megabytes: kind === 'ext4' ? 16 : 8 }).open();
    this.#servers = [];
    this.acknowledged = [];
    this.refused = [];
  }

  async close() {
    for (const server of this.#servers) server.kill('SIGKILL');
    await Promise.all(this.#servers.map((server) => server.ended));
    this.disk?.close();
    await this.stage.close();
  }

  /** @param {string[]} [args] of Node */
  async start(args = [SERVER, path.join(this.disk.path, 'data')]) {
    const server = await startCommand(args, { ...this.stage.sandbox.env, ATTEMPTS: '1000' }, /^listening on (\S+)$/m);
    this.#servers.push(server);
    return server;
  }

  /** From now on the platform answers nobody: what is accepted stays under way. */
  hold() {
    this.stage.sandbox.faults.add({ method: 'POST', path: '/api/v1/dialogs/**', delayMs: 600_000, times: -1 });
  }

  /** @param {Server} server */
  async kill(server) {
    server.kill('SIGKILL');
    assert.equal(await server.ended, 'SIGKILL');
  }

  /**
   * Posts one, and keeps what was said of it.
   * @param {Server} server
   * @param {RegExp} [why] what a refusal says
   * @param {Event} [event]
   * @returns {Promise<number>} the status
   */
  async post(server, why = /never/, event = makeEvent({ dialogId: `d-${this.acknowledged.length + this.refused.length}`, text: 'x'.repeat(2000) })) {
    const { status, headers, json } = await this.stage.post(server.match, event);
    if (status === 503) {
      assert.match(json.error, /^STORE_UNAVAILABLE: /);
      assert.match(json.error, why);
      assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
      this.refused.push(event);
      return status;
    }
    assert.ok([200, 202].includes(status), `${status}: ${JSON.stringify(json)}`);
    assert.notEqual(json.status, 'duplicate_skipped');
    this.acknowledged.push(event);
    return status;
  }

  /** Posts until one is refused, and some more. @param {Server} server @param {RegExp} why */
  async postUntilRefused(server, why) {
    for (let tries = 0; tries < 2000; tries += 1) {
      if (await this.post(server, why) === 503) {
        for (let i = 0; i < 5; i += 1) await this.post(server, why);
        return;
      }
    }
    assert.fail('nothing was refused');
  }

  /** Everything that was acknowledged has arrived, once; nothing else has; and what was refused may come again. @param {Server} server */
  async settle(server) {
    const arrived = () => new Set(this.stage.sandbox.requests.list().filter(({ status }) => status === 200).map((entry) => entry.path));
    await until(() => this.acknowledged.every((event) => arrived().has(statePath(event))), 'everything that was acknowledged to arrive');
    for (const event of this.refused) assert.ok(!arrived().has(statePath(event)), `${event.dialogId} was refused, and sent all the same`);
    await until(async () => /** @type {any} */ (await (await fetch(`${server.match}/stats`)).json()).pending === 0, 'everything to be recorded');
    const again = this.refused;
    this.refused = [];
    for (const event of again) await this.post(server, undefined, event);
    assert.deepEqual(this.refused, []);
    for (const event of this.acknowledged.slice(0, 5)) assert.equal((await this.stage.post(server.match, event)).json.status, 'duplicate_skipped');
    await until(() => this.acknowledged.every((event) => arrived().has(statePath(event))), 'what was refused before to arrive');
    const keys = new Map();
    for (const { path: place, idempotencyKey } of this.stage.sandbox.requests.list()) {
      assert.equal(keys.get(place) ?? idempotencyKey, idempotencyKey, `${place} has two keys`);
      keys.set(place, idempotencyKey);
    }
  }
}

describeWithDisk('a server whose disk is full', 'tmpfs', (scene) => {
  it('refuses what it cannot store, and takes it again once there is room', async () => {
    const server = await scene.start();
    for (let i = 0; i < 5; i += 1) await scene.post(server);
    scene.disk.fill();
    await scene.postUntilRefused(server, FULL);
    scene.disk.free();
    await scene.post(server);
    await scene.settle(server);
    assert.equal(await server.stop(), 0, server.log());
  });

  it('finishes what it had accepted, dead letters too, once there is room', async () => {
    const server = await scene.start();
    const held = scene.stage.sandbox.faults.add({ method: 'POST', path: '/api/v1/dialogs/**', status: 503, times: -1 });
    for (let i = 0; i < 10; i += 1) await scene.post(server);
    scene.disk.fill();
    await scene.postUntilRefused(server, FULL);
    scene.stage.sandbox.faults.remove(held.id);
    scene.stage.sandbox.faults.add({ method: 'POST', path: '/api/v1/dialogs/d-3/**', status: 400, times: -1 });
    const dead = scene.acknowledged.splice(3, 1)[0];
    await until(() => scene.stage.sandbox.requests.list().some(({ status }) => status === 400), 'the platform to refuse one');
    scene.disk.free();
    await scene.settle(server);
    const letters = /** @type {any} */ (await (await fetch(`${server.match}/dead-letters`)).json());
    assert.deepEqual(letters.map((/** @type {any} */ { eventId, code }) => [eventId, code]), [[dead.webhookEventId, 'BAD_REQUEST']]);
  });

  it('says so when it is full at the start, and takes events once there is room', async () => {
    scene.disk.fill();
    const server = await scene.start();
    for (let i = 0; i < 3; i += 1) assert.equal(await scene.post(server, FULL), 503);
    scene.disk.free();
    await scene.post(server);
    await scene.settle(server);
  });

  it('is killed with it, and loses nothing', async () => {
    const first = await scene.start();
    scene.hold();
    for (let i = 0; i < 10; i += 1) await scene.post(first);
    scene.disk.fill();
    await scene.postUntilRefused(first, FULL);
    await scene.kill(first);
    scene.stage.sandbox.faults.clear();
    const second = await scene.start();
    await scene.postUntilRefused(second, FULL);
    scene.disk.free();
    await scene.post(second);
    await scene.settle(second);
  });

  it('`trunkline serve` ends with 1, the reason and what to do', async () => {
    scene.disk.fill();
    const command = new Command([CLI, 'serve', '--services', 'events', '--port', '0', '--data-dir', path.join(scene.disk.path, 'data')], scene.stage.sandbox.env, scene.stage.folder);
    assert.equal(await command.ended, 1);
    assert.match(command.stderr, /^trunkline: .*No space left on device\n {2}.*Free some space/m);
  });
});

describe('a server whose user may not write its data directory', () => {
  const scene = new Scene();
  beforeEach(async () => { scene.stage = await openStage(); });
  afterEach(() => scene.close());

  it('says so, and takes events once it may', async () => {
    const parent = path.join(scene.stage.folder, 'of-another');
    fs.mkdirSync(parent);
    fs.chmodSync(parent, 0o555);
    fs.chmodSync(scene.stage.folder, 0o755);
    // Root may write everywhere.
    const asNobody = `if (process.getuid() === 0) { process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); }`;
    const server = await scene.start(['-e', `${asNobody} process.argv.splice(1, 0, ''); require(${JSON.stringify(SERVER)});`, path.join(parent, 'data')]);
    for (let i = 0; i < 3; i += 1) assert.equal(await scene.post(server, /Permission denied/), 503);
    fs.chmodSync(parent, 0o777);
    await scene.post(server);
    await scene.settle(server);
  });
});

describeWithDisk('a server whose disk is read-only at the start', 'tmpfs', (scene) => {
  for (const known of [false, true]) {
    it(`says so, and takes events once it may write${known ? '; what it had accepted before arrives' : ''}`, async () => {
      if (known) {
        const first = await scene.start();
        scene.hold();
        for (let i = 0; i < 5; i += 1) await scene.post(first);
        await scene.kill(first);
        scene.stage.sandbox.faults.clear();
      }
      scene.disk.remount('ro');
      const server = await scene.start();
      for (let i = 0; i < 3; i += 1) assert.equal(await scene.post(server, READ_ONLY), 503);
      scene.disk.remount('rw');
      await scene.post(server);
      await scene.settle(server);
    });
  }
});

describeWithDisk('a server whose disk turns read-only', 'ext4', (scene) => {
  it('refuses events, says why, and the next start on a good disk finishes what was accepted', async () => {
    const first = await scene.start();
    scene.hold();
    for (let i = 0; i < 10; i += 1) await scene.post(first);
    scene.disk.abort();
    await scene.postUntilRefused(first, READ_ONLY);
    await scene.kill(first);
    scene.disk.repair();
    scene.stage.sandbox.faults.clear();
    const second = await scene.start();
    await scene.post(second);
    await scene.settle(second);
  });
});
