// The Cognigy Extension, end to end: packed, unpacked and loaded as Cognigy.AI does it, its nodes against the running services.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { spawnSync, execFileSync } = require('node:child_process');
const { profileSync } = require('../../lib/index.js');
const { openRouterStage, CONVERSATION } = require('../support/router-stage.js');
const { packExtension, unpack, loadExtension, Session, ROOT } = require('../support/extension.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { signatureOf, statePath } = require('../support/events.js');
const { genesysCaller } = require('../support/sandbox-caller.js');
const { answering } = require('../support/platform.js');
const { PATIENCE_MS } = require('../support/until.js');

const DONE = { routingSuccess: true, detectedIntent: 'billing_inquiry', routingError: null, routingErrorMessage: null };

describe('Cognigy Extension', () => {
  /** @type {string} */ let archive;
  /** @type {string} */ let folder;
  /** @type {ReturnType<typeof loadExtension>} */ let extension;
  /** @type {import('../support/router-stage.js').RouterStage} */ let stage;
  before(function build() {
    this.timeout(60_000); // the TypeScript compiler
    archive = packExtension();
    folder = makeTempDir();
    unpack(archive, folder);
    extension = loadExtension(folder);
  });
  after(() => removeTempDir(folder));
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  /** @param {string} type */
  const nodeOf = (type) => {
    const node = extension.nodes.find((one) => one.type === type);
    assert.ok(node, type);
    return node;
  };

  /** @param {Session} session @param {string} type @param {string} error @param {RegExp} message */
  function assertFailed(session, type, error, message) {
    const { routingSuccess, routingError, routingErrorMessage } = session.variables;
    assert.deepEqual([routingSuccess, routingError, session.next], [false, error, `the ${type}OnError`], routingErrorMessage);
    assert.match(routingErrorMessage, message);
    assert.match(session.logs.at(-1) ?? '', /^error: /);
    assert.ok(session.calls <= 10, String(session.calls));
  }

  describe('archive', () => {
    it('holds what Cognigy.AI needs, and no more', () => {
      const entries = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
      for (const file of ['package.json', 'README.md', 'icon.png', 'build/module.js']) assert.ok(entries.includes(file), file);
      const strange = entries.filter((entry) => !/^(build\/([\w/-]+\.js|nodes\/)?|package(-lock)?\.json|README\.md|icon\.png)$/.test(entry));
      assert.deepEqual(strange, []);
    });

    it('names what it depends on, trunkline in the version that it is built with', () => {
      const { main, dependencies, engines } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const { version, engines: ours } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
      assert.deepEqual([main, engines], ['build/module.js', ours]);
      assert.deepEqual(dependencies, { '@cognigy/extension-tools': '^0.14.0', trunkline: `^${version}` });
    });

    it('is CommonJS that loads nothing else', () => {
      const files = /** @type {string[]} */ (fs.readdirSync(path.join(folder, 'build'), { recursive: true })).filter((name) => name.endsWith('.js'));
      const required = files.flatMap((name) => [...fs.readFileSync(path.join(folder, 'build', name), 'utf8').matchAll(/require\(["']([^."'][^"']*)["']\)/g)].map(([, module]) => module));
      assert.deepEqual([...new Set(required)].sort(), ['@cognigy/extension-tools', 'trunkline']);
    });

    it('has an icon of 64 by 64 pixels', () => {
      const png = fs.readFileSync(path.join(folder, 'icon.png'));
      assert.equal(png.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
      assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]], [64, 64, 8, 6]);
      /** @type {Record<string, Buffer>} */
      const chunks = {};
      for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
        const end = at + 8 + png.readUInt32BE(at);
        assert.equal(png.readUInt32BE(end), zlib.crc32(png.subarray(at + 4, end)));
        chunks[png.toString('latin1', at + 4, at + 8)] = png.subarray(at + 8, end);
      }
      assert.deepEqual(Object.keys(chunks), ['IHDR', 'IDAT', 'IEND']);
      assert.equal(zlib.inflateSync(chunks.IDAT).length, 64 * (1 + 64 * 4));
    });
  });

  it('has three nodes with two children each, and two connections that hold the secrets', () => {
    const { nodes, connections, options } = extension;
    assert.deepEqual(nodes.filter(({ parentType }) => !parentType).map(({ type, defaultLabel }) => [type, defaultLabel]),
      [['sendSignedEvent', 'Send signed event'], ['routeToCxone', 'Route to CXone'], ['syncCustomerProfile', 'Sync customer profile']]);
    for (const { type, dependencies, fields = [], form = [], sections = [] } of nodes.filter(({ parentType }) => !parentType)) {
      assert.deepEqual(nodes.filter(({ parentType }) => parentType === type).map((one) => one.type), dependencies?.children);
      const shown = [...form.filter((one) => one.type === 'field').map(({ key }) => key), ...sections.flatMap((one) => one.fields)];
      assert.deepEqual(shown.sort(), fields.map(({ key }) => key).sort());
      const { connectionType } = /** @type {any} */ (fields.find((one) => one.type === 'connection')?.params ?? {});
      assert.ok(connections.some((one) => one.type === connectionType));
      assert.ok(!fields.some(({ key }) => /secret|token|password/i.test(key)), 'a secret is no field');
    }
    assert.deepEqual(connections.flatMap((one) => one.fields.map((/** @type {any} */ each) => each.fieldName)), ['baseUrl', 'webhookSecret', 'baseUrl', 'inboundToken']);
    assert.deepEqual(options, { label: 'trunkline' });
  });

  describe('Send signed event', () => {
    /** @param {import('../..').CognigyEventsOptions} [options] */
    async function connected(options) {
      const { url } = await stage.start(options);
      return { baseUrl: url, webhookSecret: stage.secret };
    }

    it('sends an event that the event service takes, once', async () => {
      const connection = await connected();
      const session = new Session();
      await session.run(nodeOf('sendSignedEvent'), { connection, dialogId: 'dlg', userContext: { tier: 'gold' } });
      assert.deepEqual(session.variables, DONE);
      assert.equal(session.next, 'the sendSignedEventOnSuccess');
      assert.deepEqual(session.context.sendSignedEvent, { status: 'processed', eventId: 'input-1' });
      assert.equal((await stage.stateAt(statePath({ dialogId: 'dlg', sessionId: 'session-1' }))).queueRoutingStatus, 'billing-queue');
      await session.run(nodeOf('sendSignedEvent'), { connection, dialogId: 'dlg' });
      assert.equal(session.context.sendSignedEvent.status, 'duplicate_skipped');
      assert.equal(stage.posts().length, 1);
    });

    it('signs the very bytes that it sends', async () => {
      const platform = await stage.platform();
      platform.answer = (res) => res.end('{"status":"processed","eventId":"e"}');
      const session = new Session({ intent: 'grüße — 😀', flowName: 'Überweisung' });
      await session.run(nodeOf('sendSignedEvent'), { connection: { baseUrl: platform.url, webhookSecret: 's' }, eventId: 'e', userContext: { a: 1 } });
      const [{ method, url, headers, body }] = platform.seen;
      assert.deepEqual([method, url, headers['content-type']], ['POST', '/webhook/cognigy', 'application/json']);
      assert.equal(headers['x-cognigy-signature'], signatureOf(body, 's'));
      assert.deepEqual(JSON.parse(body), { webhookEventId: 'e', intent: 'grüße — 😀', dialogId: 'Überweisung', sessionId: 'session-1', userContext: { a: 1 } });
    });

    it('ends in its error child when the event ends in the dead letters, or the secret is wrong', async () => {
      const connection = await connected({ retry: { attempts: 1 } });
      stage.sandbox.faults.add({ platform: 'cognigy', status: 503 });
      const session = new Session();
      await session.run(nodeOf('sendSignedEvent'), { connection });
      assertFailed(session, 'sendSignedEvent', 'failed_queued_for_dlq', /UPSTREAM_ERROR: Cognigy answered 503/);
      await session.run(nodeOf('sendSignedEvent'), { connection: { ...connection, webhookSecret: 'wrong-secret' }, eventId: 'other' });
      assertFailed(session, 'sendSignedEvent', 'AUTHORIZATION_FAILED', /^Invalid webhook signature$/);
      await session.run(nodeOf('sendSignedEvent'), { connection: { baseUrl: connection.baseUrl } });
      assertFailed(session, 'sendSignedEvent', 'CONFIG_INVALID', /secret/);
      assert.doesNotMatch(JSON.stringify([session.context, session.logs]), /wrong-secret/);
    });
  });

  describe('Route to CXone', () => {
    const TOKEN = 'inbound-token';
    /** @param {import('../..').IntentRouterOptions} [options] */
    const connected = async (options) => ({ baseUrl: await stage.startRouter({ inboundToken: TOKEN, ...options }), inboundToken: TOKEN });

    it('routes, with the intent and the score of the input', async () => {
      const session = new Session();
      session.context.cxoneConversationId = CONVERSATION;
      await session.run(nodeOf('routeToCxone'), { connection: await connected() });
      assert.deepEqual(session.variables, DONE);
      assert.equal(session.next, 'the routeToCxoneOnSuccess');
      const { attributes } = session.context.routeToCxone.data;
      assert.deepEqual([attributes.cognigyDetectedIntent, attributes.cognigyConfidence], ['billing_inquiry', 0.93]);
      assert.ok(session.calls <= 10);
    });

    it('ends in its error child, with what the service says', async () => {
      const connection = await connected({ retry: { attempts: 1 } });
      /** @type {Array<[Record<string, unknown>, any, string, RegExp]>} */
      const cases = [
        [{ conversationId: '0' }, {}, 'NOT_FOUND', /^Conversation not found in CXone$/],
        [{ conversationId: 'abc' }, {}, 'BAD_REQUEST', /^Invalid fields: conversationId/],
        [{ conversationId: undefined }, {}, 'MALFORMED_PAYLOAD', /^Missing CXone Conversation ID in session variables$/],
        [{ confidence: 'high' }, {}, 'MALFORMED_PAYLOAD', /^Confidence: /],
        [{ confidence: '1.5' }, {}, 'BAD_REQUEST', /confidence/],
        [{}, { intent: undefined }, 'No intent detected', /^No intent detected$/],
        [{ connection: { ...connection, inboundToken: 'wrong-token' } }, {}, 'AUTHENTICATION_FAILED', /^A valid bearer token or signature is required$/],
        [{ connection: { ...connection, inboundToken: 'two\r\nlines' } }, {}, 'CONFIG_INVALID', /Authorization/],
        [{ connection: undefined }, {}, 'CONFIG_INVALID', /no connection/], [{ connection: {} }, {}, 'CONFIG_INVALID', /baseUrl/],
        [{ connection: { baseUrl: 'http://trunkline.example.com' } }, {}, 'CONFIG_INVALID', /plain http/],
        [{ timeoutMs: 60_000 }, {}, 'CONFIG_INVALID', /^Time-out: /], [{ timeoutMs: 'soon' }, {}, 'CONFIG_INVALID', /^Time-out: /],
      ];
      for (const [config, input, error, message] of cases) {
        const session = new Session(input);
        await session.run(nodeOf('routeToCxone'), { connection, conversationId: CONVERSATION, ...config });
        assertFailed(session, 'routeToCxone', error, message);
        assert.equal(session.variables.detectedIntent, 'intent' in input ? null : 'billing_inquiry');
        assert.doesNotMatch(JSON.stringify([session.context, session.logs]), /wrong-token|two/);
      }
      stage.sandbox.faults.add({ path: '/api/v2/**', status: 429, headers: { 'retry-after': '30' } });
      const limited = new Session();
      await limited.run(nodeOf('routeToCxone'), { connection, conversationId: CONVERSATION });
      assertFailed(limited, 'routeToCxone', 'RATE_LIMITED', /^Rate limited by CXone$/);
      // A success wipes away what an earlier failure has left.
      await limited.run(nodeOf('routeToCxone'), { connection, conversationId: CONVERSATION });
      assert.deepEqual(limited.variables, DONE);
    });

    it('does without children, and without an api that can do anything', async () => {
      const connection = await connected();
      const { cognigy } = new Session();
      const run = nodeOf('routeToCxone').function;
      await run?.({ cognigy, config: { connection, conversationId: CONVERSATION }, childConfigs: [], nodeId: 'n' });
      assert.equal(cognigy.context.routingSuccess, true);
      await run?.({ cognigy: { ...cognigy, api: {} }, config: {}, childConfigs: [], nodeId: 'n' });
    });

    it('takes no longer than its time-out', async () => {
      const silent = await stage.platform();
      silent.answer = () => {};
      const session = new Session();
      const startedMs = performance.now();
      await session.run(nodeOf('routeToCxone'), { connection: { baseUrl: silent.url, inboundToken: 't' }, conversationId: '1', timeoutMs: 300 });
      assertFailed(session, 'routeToCxone', 'TIMEOUT', /./);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= 290 && tookMs < 4000, String(tookMs));
    });

    it('tries a service again that has no room, but not what CXone refused', async () => {
      const busy = await stage.platform();
      busy.answer = (res, _seen, number) => answering(number === 1 ? 503 : 200)(res, _seen, number);
      const session = new Session();
      await session.run(nodeOf('routeToCxone'), { connection: { baseUrl: busy.url, inboundToken: 't' }, conversationId: '1' });
      assert.deepEqual([session.variables.routingSuccess, busy.seen.length], [true, 2]);
      busy.answer = answering(500);
      await session.run(nodeOf('routeToCxone'), { connection: { baseUrl: busy.url, inboundToken: 't' }, conversationId: '1' });
      assert.deepEqual([session.variables.routingError, busy.seen.length], ['UPSTREAM_ERROR', 3]);
    });
  });

  describe('Sync customer profile', () => {
    it('posts the session to the sync route, and keeps the profile\'s id', async () => {
      const service = await stage.platform();
      service.answer = (res) => res.end('{"success":true,"profileId":"p-1"}');
      const connection = { baseUrl: service.url, inboundToken: 'inbound-token' };
      const session = new Session();
      session.context.externalCustomerId = 'CUST 1';
      await session.run(nodeOf('syncCustomerProfile'), { connection, sentiment: 'positive' });
      assert.deepEqual(session.variables, DONE);
      assert.deepEqual(session.context.syncCustomerProfile, { success: true, profileId: 'p-1' });
      const [{ method, url, headers, body }] = service.seen;
      assert.deepEqual([method, url, headers.authorization], ['POST', '/webhook/sync', 'Bearer inbound-token']);
      assert.deepEqual(JSON.parse(body), { sessionId: 'session-1', currentIntent: 'billing_inquiry', sentiment: 'positive', customerEmail: 'ann@example.com', externalCustomerId: 'CUST 1' });
    });

    it('writes the profile in Genesys Cloud, end to end', async () => {
      const sync = stage.add(profileSync({ env: stage.sandbox.env, dataDir: stage.dataDir, inboundToken: 'inbound-token', logger: stage.logger }));
      const connection = { baseUrl: await stage.serve(sync.router()), inboundToken: 'inbound-token' };
      const session = new Session();
      session.context.externalCustomerId = 'CUST-1';
      await session.run(nodeOf('syncCustomerProfile'), { connection, sentiment: 'positive' });
      assert.deepEqual(session.variables, DONE);
      const { json } = await (await genesysCaller(stage.sandbox))('GET', '/api/v2/customer-profiles/profiles/CUST-1');
      const { id, attributes, identities } = json.profile;
      assert.deepEqual(session.context.syncCustomerProfile, { success: true, profileId: id });
      assert.deepEqual([attributes.cognigySessionId, attributes.intent, attributes.sentimentScore], ['session-1', 'billing_inquiry', 'positive']);
      assert.equal(identities[0].value, 'ann@example.com');
    });

    it('writes nothing without a customer', async () => {
      const service = await stage.platform();
      const session = new Session();
      await session.run(nodeOf('syncCustomerProfile'), { connection: { baseUrl: service.url, inboundToken: 't' } });
      assertFailed(session, 'syncCustomerProfile', 'MALFORMED_PAYLOAD', /^externalCustomerId is required$/);
      assert.equal(service.seen.length, 0);
    });
  });

  it('loads without the native core, and then ends in the error child; a process is free to end', () => {
    const script = (/** @type {string} */ prelude) => `${prelude}
      const { nodes } = require(${JSON.stringify(path.join(folder, 'build', 'module.js'))}).default;
      const node = nodes.find(({ type }) => type === 'routeToCxone');
      const api = { addToContext: (key, value) => { if (key === 'routingErrorMessage') console.log(value); }, setNextNode: (id) => console.log(id) };
      node.function({ cognigy: { input: { intent: 'x' }, context: {}, profile: {}, api }, nodeId: 'n', childConfigs: [{ id: 'error', type: 'routeToCxoneOnError', config: {} }],
        config: { connection: { baseUrl: 'http://127.0.0.1:9' }, conversationId: '1', timeoutMs: 1000 } });`;
    const without = "require('node:module')._extensions['.node'] = () => { throw new Error('not allowed here'); };";
    for (const [prelude, expected] of [[without, /^trunkline's native addon .* cannot be loaded on .*not allowed here.*\nerror\n$/], ['', /^.*127\.0\.0\.1.*\nerror\n$/]]) {
      const { stdout, status, stderr } = spawnSync(process.execPath, ['-e', script(/** @type {string} */ (prelude))], { encoding: 'utf8', timeout: PATIENCE_MS });
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /** @type {RegExp} */ (expected));
    }
  });
});
