// `trunkline dlq`: beside a running service and without one.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { makeEvent } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { openSyncStage, update } = require('../support/sync-stage.js');
const { PATIENCE_MS } = require('../support/until.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');

describe('trunkline dlq', () => {
  /** @type {import('../support/sync-stage.js').SyncStage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {import('../..').CognigyEvents} */
  let service;
  /** @type {ReturnType<typeof makeEvent>} */
  let event;

  beforeEach(async () => {
    stage = await openSyncStage();
    platform = await stage.platform();
    service = stage.service({ apiBaseUrl: platform.url, idempotency: {} });
    platform.answer = answering(400);
    event = makeEvent({ intent: 'billing_inquiry' });
    await stage.handle(service, event);
  });
  afterEach(() => stage.close());

  /**
   * @param {string[]} args
   * @param {Record<string, string>} [env]
   * @returns {Promise<{ status: number, stdout: string, stderr: string }>}
   */
  function dlq(args, env = {}) {
    return new Promise((resolve) => {
      const options = { env: { PATH: process.env.PATH, ...env }, cwd: stage.folder, timeout: PATIENCE_MS };
      execFile(process.execPath, [CLI, 'dlq', ...args], options, (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr });
      }).stdin?.end();
    });
  }
  const here = () => ['--data-dir', stage.dataDir];
  const env = () => ({ ...stage.sandbox.env, COGNIGY_API_BASE_URL: platform.url });

  it('lists, as a table and as JSON', async () => {
    const { status, stdout } = await dlq(['list', ...here()]);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^\\S+Z  events  request  BAD_REQUEST 400  1 tries  ${event.webhookEventId}  Cognigy answered 400\n1 dead letter\n$`));
    const json = await dlq(['list', ...here(), '--json']);
    assert.deepEqual(JSON.parse(json.stdout), await service.deadLetters.list());
    assert.deepEqual(Object.keys(JSON.parse(json.stdout)[0]), ['eventId', 'service', 'step', 'code', 'status', 'error', 'attempts', 'tries', 'failedAt']);
  });

  it('filters', async () => {
    for (const [flags, count] of /** @type {Array<[string[], number]>} */ ([
      [['--since', '1h'], 1], [['--since', '2999-01-01'], 0], [['--code', 'BAD_REQUEST'], 1], [['--code', 'TIMEOUT'], 0],
      [['--step', 'publish'], 0], [['--intent', 'billing_inquiry'], 1], [['--id', 'nobody'], 0],
    ])) {
      assert.equal(JSON.parse((await dlq(['list', ...here(), '--json', ...flags])).stdout).length, count, flags.join(' '));
    }
  });

  it('takes TRUNKLINE_DATA_DIR for the directory, and says so where there is none', async () => {
    assert.equal((await dlq(['list'], { TRUNKLINE_DATA_DIR: stage.dataDir })).status, 0);
    const { status, stderr } = await dlq(['list']);
    assert.equal(status, 1);
    assert.match(stderr, /there is no event store at .\/trunkline-data\/events\.db/);
  });

  it('shows one with its payload and its tries', async () => {
    const { stdout } = await dlq(['show', ...here(), '--id', event.webhookEventId]);
    assert.match(stdout, /tried \S+Z {2}BAD_REQUEST 400 {2}\d+ ms/);
    const json = JSON.parse((await dlq(['show', ...here(), '--id', event.webhookEventId, '--json'])).stdout);
    assert.deepEqual(json.payload, event);
    const unknown = await dlq(['show', ...here(), '--id', 'nobody']);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /NOT_FOUND.*nobody/);
    assert.equal((await dlq(['show', ...here()])).status, 2);
  });

  it('replays what can be replayed, and says what cannot', async () => {
    const failing = await dlq(['replay', ...here()], env());
    assert.equal(failing.status, 1);
    assert.match(failing.stdout, new RegExp(`^failed {4}${event.webhookEventId} {2}BAD_REQUEST: Cognigy answered 400\n0 of 1 replayed\n$`));
    platform.answer = answering(200);
    const counted = await dlq(['replay', ...here(), '--dry-run']);
    assert.equal(counted.stdout, '1 would be replayed\n');
    const { status, stdout } = await dlq(['replay', ...here(), '--rate', '5'], env());
    assert.equal(status, 0);
    assert.equal(stdout, `replayed  ${event.webhookEventId}\n1 of 1 replayed\n`);
    assert.deepEqual(await service.deadLetters.list(), []);
    const keys = platform.seen.map(({ headers }) => headers['idempotency-key']);
    assert.equal(new Set(keys).size, 1, 'one key for all tries, in both processes');
    const none = await dlq(['replay', ...here(), '--id', event.webhookEventId, '--json'], env());
    assert.equal(none.status, 1);
    assert.match(none.stderr, /no dead letter has the event id/);
  });

  for (const [first, second] of /** @type {Array<['events' | 'sync', 'events' | 'sync']>} */ ([['sync', 'events'], ['events', 'sync']])) {
    it(`replays dead letters of ${second} no faster than --rate`, async () => {
      const sync = stage.sync({ domain: stage.sandbox.url, webhookUrl: `${platform.url}/hook`, respondWithinMs: 60_000 });
      const bury = {
        events: () => stage.handle(service, makeEvent()),
        sync: (/** @type {string} */ id) => sync.receive(update({ a: 1 }, { externalId: id, id, sessionId: id })),
      };
      await service.deadLetters.purge();
      await bury[first]('0');
      for (const id of ['1', '2', '3']) await bury[second](id);
      /** @type {number[]} */
      const seenMs = [];
      platform.answer = (res) => {
        seenMs.push(performance.now());
        res.end('{}');
      };
      const { stdout } = await dlq(['replay', ...here(), '--rate', '2'], { ...env(), COGNIGY_WEBHOOK_URL: `${platform.url}/hook` });
      assert.match(stdout, /^4 of 4 replayed$/m);
      // Counted from the other service's, which is answered before the first of these has its turn: a busy machine can only make it more.
      const tookMs = seenMs[3] - seenMs[0];
      assert.ok(tookMs >= 498, `two at once, then one every 500 ms: ${tookMs}`);
    });
  }

  it('replays when no server is running', async () => {
    await service.close();
    platform.answer = answering(200);
    const { status, stdout } = await dlq(['replay', ...here(), '--json'], env());
    assert.equal(status, 0);
    const [one, summary] = stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(one, { eventId: event.webhookEventId, status: 'replayed' });
    assert.deepEqual(summary, { matched: 1, replayed: 1, accepted: 0, failed: 0 });
  });

  it('says what is missing for a replay', async () => {
    const { status, stderr } = await dlq(['replay', ...here()]);
    assert.equal(status, 1);
    assert.match(stderr, /missing: COGNIGY_WEBHOOK_SECRET, COGNIGY_API_TOKEN/);
  });

  it('exports the events', async () => {
    const [exported] = JSON.parse((await dlq(['export', ...here()])).stdout);
    const { failedAt, ...payload } = exported;
    assert.deepEqual(payload, event);
    assert.equal(failedAt, (await service.deadLetters.list())[0].failedAt);
  });

  it('purges with --yes, and asks nobody who is not there', async () => {
    const refused = await dlq(['purge', ...here()]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /--yes/);
    assert.equal((await dlq(['purge', ...here(), '--yes'])).stdout, '1 dead letter is gone\n');
    assert.deepEqual(await service.deadLetters.list(), []);
  });

  for (const args of [['list', '--since', 'yesterday'], ['list', '--step', 'flight'], ['replay', '--rate', '0'], ['nonsense'], ['list', '--nonsense']]) {
    it(`ends with 2 and one line: ${args.join(' ')}`, async () => {
      const { status, stderr } = await dlq(args);
      assert.equal(status, 2, stderr);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
