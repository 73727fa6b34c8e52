// Options and environment of the event service: what is missing, wrong or unknown is told at once, by name, and without showing a secret.
'use strict';

const assert = require('node:assert/strict');
const { cognigyEvents, TrunklineError } = require('../../lib/index.js');
const { makeEvent, signatureOf } = require('../support/events.js');
const { openStage } = require('../support/stage.js');

/** @type {import('../..').CognigyEventsOptions} */
const GOOD = { secrets: 'secret', apiToken: 'token', apiBaseUrl: 'http://127.0.0.1:9', dataDir: __filename, logger: false, env: {} };

/** @param {any} options @param {RegExp} message */
function assertRefused(options, message) {
  assert.throws(() => cognigyEvents(options), (error) => {
    assert.ok(error instanceof TrunklineError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
}

describe('cognigyEvents options', () => {
  it('names every missing variable at once', () => {
    assertRefused({ env: {}, logger: false }, /^missing: COGNIGY_WEBHOOK_SECRET, COGNIGY_API_TOKEN$/);
    assertRefused({ env: { COGNIGY_API_TOKEN: 'x' }, logger: false }, /^missing: COGNIGY_WEBHOOK_SECRET$/);
    assertRefused({ env: { COGNIGY_WEBHOOK_SECRET: '', COGNIGY_API_TOKEN: '' }, logger: false }, /^missing: COGNIGY_WEBHOOK_SECRET, COGNIGY_API_TOKEN$/);
  });

  it('names everything that is missing, wrong and unknown in one error', () => {
    assertRefused({ env: { COGNIGY_WEBHOOK_SECRET: 'x' }, timeoutMs: 0, respondWithinMS: 5, logger: false },
      /^missing: COGNIGY_API_TOKEN; timeoutMs: expected an integer from 1 to 600000, got 0; respondWithinMS: is not an option; known are .*respondWithinMs/);
  });

  /** @type {Array<[any, RegExp]>} */
  const wrong = [
    [{ secrets: '' }, /^secrets: expected .*got an empty string$/], [{ secrets: [] }, /^secrets: /], [{ secrets: ['hunter2', ' '] }, /^secrets: /],
    [{ apiToken: 'two words hunter2' }, /^apiToken: expected a token of visible ASCII.*got a string$/], [{ apiToken: 'hunter2\r\nX: y' }, /^apiToken: /], [{ apiToken: '' }, /^apiToken: .*got an empty string$/],
    [{ apiToken: 7 }, /^apiToken: .*got a number$/], [{ adminToken: 'hunter2 ' }, /^adminToken: /], [{ adminToken: '' }, /^adminToken: /],
    [{ apiBaseUrl: 'ftp://x' }, /^apiBaseUrl: expected a host/], [{ apiBaseUrl: '' }, /^apiBaseUrl: /], [{ apiBaseUrl: 'https://user:hunter2@x' }, /^apiBaseUrl: /],
    [{ apiBaseUrl: 'https://x/?a=hunter2' }, /^apiBaseUrl: /], [{ apiBaseUrl: 'https://x/#a' }, /^apiBaseUrl: /], [{ apiBaseUrl: 'not a host' }, /^apiBaseUrl: /], [{ apiBaseUrl: 7 }, /^apiBaseUrl: .*got 7$/],
    [{ dataDir: '' }, /^dataDir: /], [{ dataDir: 7 }, /^dataDir: expected a non-empty string, got 7$/],
    [{ respondWithinMs: -1 }, /^respondWithinMs: expected an integer from 0 to \d+, got -1$/], [{ respondWithinMs: 1.5 }, /^respondWithinMs: /], [{ respondWithinMs: 'soon' }, /^respondWithinMs: .*got a string$/],
    [{ timeoutMs: Infinity }, /^timeoutMs: /], [{ connectTimeoutMs: null }, /^connectTimeoutMs: .*got null$/], [{ maxConnections: 0 }, /^maxConnections: /], [{ maxPending: 0 }, /^maxPending: /],
    [{ allowInsecure: 'yes' }, /^allowInsecure: expected true or false/], [{ logger: {} }, /^logger: expected an object with pino's methods/], [{ logger: console.log }, /^logger: /], [{ logger: null }, /^logger: /],
    [{ routes: null }, /^routes: expected an object/], [{ routes: { a: '' } }, /^routes\.a: expected the name of a queue/], [{ routes: { a: 1 } }, /^routes\.a: .*got 1$/], [{ defaultQueue: '' }, /^defaultQueue: /],
    [{ idempotency: { capacity: 0 } }, /^idempotency\.capacity: expected an integer from 1 to \d+, got 0$/], [{ idempotency: { ttlMs: 0 } }, /^idempotency\.ttlMs: /], [{ idempotency: { size: 5 } }, /^idempotency\.size: is not an option; known are capacity, ttlMs$/],
    [{ idempotency: null }, /^idempotency: expected an object, got null$/], [{ retry: null }, /^retry: expected an object, got null$/], [{ retry: { attempts: 0 } }, /^retry\.attempts: .*got 0$/],
    [{ retry: { tries: 3 } }, /^retry\.tries: /], [{ retry: { factor: 0.5 } }, /^retry\.factor: /], [{ retry: { jitter: 'some' } }, /^retry\.jitter: /], [{ retry: { jitter: { addUpToMs: -1 } } }, /^retry\.jitter: /],
    [{ retry: { on: 'network' } }, /^retry\.on: expected an array/], [{ retry: { on: [99] } }, /^retry\.on: /], [{ retry: { on: ['dns'] } }, /^retry\.on: /],
    [{ retry: { baseMs: '5' } }, /^retry\.baseMs: .*got a string$/], [{ tls: null }, /^tls: expected an object, got null$/], [{ tls: { rejectUnauthorized: 'no' } }, /^tls\.rejectUnauthorized: /],
    [{ resource: 'nothing' }, /^resource: expected dialogState or \{ method, path, body \}/], [{ resource: { method: 'POST' } }, /^resource: /], [{ resource: { method: 'POST', path: 'x' } }, /^resource: /],
    [{ resource: { method: 'POST', path: '/{nonsense}' } }, /^resource: unknown placeholder \{nonsense\}/], [{ resource: { method: 'POST', path: '/', body: { a: '{nonsense}' } } }, /^resource: unknown placeholder/],
    [{ secret: 'hunter2' }, /^secret: is not an option; known are /], [{ env: { TRUNKLINE_RESPOND_WITHIN_MS: 'soon' } }, /^TRUNKLINE_RESPOND_WITHIN_MS: expected an integer/],
    [{ env: { TRUNKLINE_ALLOW_INSECURE_HTTP: 'maybe' } }, /^TRUNKLINE_ALLOW_INSECURE_HTTP: /], [{ env: { TRUNKLINE_ADMIN_TOKEN: 'a hunter2' } }, /^TRUNKLINE_ADMIN_TOKEN: /],
  ];
  wrong.forEach(([options, message], index) => {
    it(`refuses bad options ${index + 1}: ${message.source}`, () => assertRefused({ ...GOOD, ...options }, message));
  });

  it('takes the env\'s apiBaseUrl and secrets by the name of the variable', () => {
    assertRefused({ ...GOOD, apiBaseUrl: undefined, env: { COGNIGY_API_BASE_URL: 'ftp://x' } }, /^COGNIGY_API_BASE_URL: /);
    assertRefused({ ...GOOD, secrets: undefined, env: { COGNIGY_WEBHOOK_SECRET: 'hunter2,' } }, /^COGNIGY_WEBHOOK_SECRET: /);
    for (const options of [null, 7, 'x']) assertRefused(options, /^options: expected an object/);
  });

  for (const host of ['http://example.com', 'http://10.0.0.1:8080', 'http://localhost.example.com', 'http://[::2]', 'http://0.0.0.0', 'http://2130706433x']) {
    it(`refuses ${host} unless allowInsecure`, () => {
      assertRefused({ ...GOOD, apiBaseUrl: host }, /^base URL: plain http to .* is refused$/);
      assert.equal(typeof cognigyEvents({ ...GOOD, apiBaseUrl: host, allowInsecure: true }).handle, 'function');
      assert.equal(typeof cognigyEvents({ ...GOOD, apiBaseUrl: host, env: { TRUNKLINE_ALLOW_INSECURE_HTTP: '1' } }).handle, 'function');
    });
  }

  it('does not take a host that only begins like loopback for loopback', () => {
    for (const apiBaseUrl of ['http://127.0.0.1.example.com', 'http://localhost.', 'http://127.0.0.1x']) assertRefused({ ...GOOD, apiBaseUrl }, /^(base URL|apiBaseUrl): /);
  });

  for (const host of ['http://127.0.0.1:1', 'http://127.8.8.8', 'http://localhost:1', 'http://[::1]:1', 'https://example.com', 'example.com', 'api.example.com:8443', 'https://example.com/prefix/']) {
    it(`takes ${host} as it is`, () => assert.equal(typeof cognigyEvents({ ...GOOD, apiBaseUrl: host }).handle, 'function'));
  }
});

describe('cognigyEvents environment', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  it('takes several secrets separated by commas', async () => {
    const service = stage.service({ env: { ...stage.sandbox.env, COGNIGY_WEBHOOK_SECRET: 'new, old' } });
    for (const [secret, status] of /** @type {Array<[string, number]>} */ ([['new', 200], ['old', 200], ['new, old', 403], ['older', 403]])) {
      const body = JSON.stringify(makeEvent());
      assert.equal((await service.handle(body, signatureOf(body, secret))).status, status, secret);
    }
  });

  it('takes a secret with a comma, and a Buffer, as options', async () => {
    const service = stage.service({ secrets: ['a,b', Buffer.from([1, 2])] });
    for (const secret of ['a,b', Buffer.from([1, 2])]) {
      const body = JSON.stringify(makeEvent());
      assert.equal((await service.handle(body, signatureOf(body, secret))).status, 200);
    }
  });

  it('looks at process.env by default, and an option wins over its variable', async () => {
    const names = /** @type {const} */ (['COGNIGY_WEBHOOK_SECRET', 'COGNIGY_API_TOKEN', 'COGNIGY_API_BASE_URL', 'TRUNKLINE_DATA_DIR', 'TRUNKLINE_ADMIN_TOKEN']);
    const before = names.map((name) => process.env[name]);
    Object.assign(process.env, stage.sandbox.env, { TRUNKLINE_DATA_DIR: stage.dataDir, COGNIGY_WEBHOOK_SECRET: 'of the environment', TRUNKLINE_ADMIN_TOKEN: 'admin' });
    try {
      const service = cognigyEvents({ secrets: 'of the options', logger: false });
      const body = JSON.stringify(makeEvent());
      assert.equal((await service.handle(body, signatureOf(body, 'of the environment'))).status, 403);
      assert.equal((await service.handle(body, signatureOf(body, 'of the options'))).status, 200);
      await service.close();
    } finally {
      names.forEach((name, index) => {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      });
    }
    assert.equal(stage.posts().length, 1);
  });
});
