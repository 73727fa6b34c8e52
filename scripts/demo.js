// `npm run demo`: the event service, its registration, the profile sync and the simulated platforms, real processes on loopback, shown with real HTTP.
// Sets up and builds what is missing. Ends by itself; with --keep it stays up until Ctrl-C.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { randomBytes } = require('node:crypto');
const { setup } = require('./support/setup.js');
const { buildAddon } = require('./build.js');
const { ROOT } = require('./support/run.js');
const { Command, startCommand } = require('./support/child.js');
const { outputOf } = require('./support/toolchain.js');

const CLI = path.join(ROOT, 'lib', 'cli', 'main.js');
// Long enough for the four tries of the default policy (waits of 1, 2 and 4 s), so that the answer tells how it ended.
const RESPOND_WITHIN_MS = 20_000;
const CALL_LIMIT_MS = 30_000;

/** The first event is the one of the tutorial that this service grew from. */
const SEED_EVENT = {
  webhookEventId: 'evt_9f8e7d6c5b4a3210',
  intent: 'order_management',
  dialogId: 'dlg_abc123',
  sessionId: 'sess_xyz789',
  userContext: { customerId: 'CUST-4492', orderId: 'ORD-8831' },
};

/** @typedef {{ status: number, body: any, durationMs: number }} Reply */
/** @typedef {{ what: string, reply: Reply, note: string }} Line */

/** @param {string} url @param {RequestInit} init @returns {Promise<Reply>} */
async function call(url, init) {
  const startedMs = performance.now();
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_LIMIT_MS) });
  const text = await response.text();
  const durationMs = performance.now() - startedMs;
  try {
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), durationMs };
  } catch {
    return { status: response.status, body: text, durationMs };
  }
}

/** @param {string} url @param {unknown} body @param {Record<string, string>} [headers] */
function postJson(url, body, headers = {}) {
  return call(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
}

/** Throws unless the answer is the expected one. @param {string} what @param {Reply} reply @param {number} status @param {Record<string, unknown>} fields */
function expectReply(what, reply, status, fields) {
  const wrong = Object.entries(fields).find(([name, value]) => reply.body?.[name] !== value);
  if (reply.status !== status || wrong !== undefined) {
    throw new Error(`${what}: expected ${status} ${JSON.stringify(fields)}, got ${reply.status} ${JSON.stringify(reply.body)}`);
  }
}

/** @param {boolean} condition @param {string} message */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

class Demo {
  /** @type {Line[]} */
  #lines = [];
  #service;
  #sandbox;
  #sign;
  #adminToken;

  /** @param {{ service: string, sandbox: string, sign: (body: string) => Record<string, string>, adminToken: string }} o */
  constructor({ service, sandbox, sign, adminToken }) {
    this.#service = service;
    this.#sandbox = sandbox;
    this.#sign = sign;
    this.#adminToken = adminToken;
  }

  /** Sends an event as Cognigy would. @param {object} event @param {Record<string, string>} [headers] instead of the right signature */
  #send(event, headers) {
    const body = JSON.stringify(event);
    return call(`${this.#service}/webhook/cognigy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(headers ?? this.#sign(body)) },
      body,
    });
  }

  /** @param {string} what @param {Reply} reply @param {number} status @param {Record<string, unknown>} fields @param {string} note */
  #show(what, reply, status, fields, note) {
    expectReply(what, reply, status, fields);
    console.log(`  ${what}\n      ${reply.status} ${JSON.stringify(reply.body)}\n      ${note}`);
    this.#lines.push({ what, reply, note });
  }

  /** @returns {Promise<any[]>} the calls that reached the simulated platform since the last time */
  async #platformCalls() {
    const { body } = await call(`${this.#sandbox}/__sandbox/requests`, {});
    await call(`${this.#sandbox}/__sandbox/requests`, { method: 'DELETE' });
    return body.requests;
  }

  /** @param {object} fault */
  async #program(fault) {
    const reply = await postJson(`${this.#sandbox}/__sandbox/faults`, fault);
    expect(reply.status === 201, `programming the sandbox: expected 201, got ${reply.status} ${JSON.stringify(reply.body)}`);
  }

  async happyPath() {
    const eventId = SEED_EVENT.webhookEventId;
    const first = await this.#send(SEED_EVENT);
    const [stateCall, ...others] = await this.#platformCalls();
    expect(stateCall?.path === '/api/v1/dialogs/dlg_abc123/sessions/sess_xyz789/state' && others.length === 0, 'expected one state update for one event');
    this.#show('a signed event', first, 200, { status: 'processed', eventId }, 'stored, put in orders-queue, dialog state updated');
    const again = await this.#send(SEED_EVENT);
    const callsAgain = await this.#platformCalls();
    expect(callsAgain.length === 0, `the duplicate: expected no call to the platform, got ${callsAgain.length}`);
    this.#show('the same event again', again, 200, { status: 'duplicate_skipped', eventId }, 'no second call to the platform');
  }

  async refusals() {
    const event = { ...SEED_EVENT, webhookEventId: 'evt_forged' };
    const wrong = await this.#send(event, { 'x-cognigy-signature': '0'.repeat(64) });
    this.#show('a wrong signature', wrong, 403, { error: 'Invalid webhook signature' }, 'nothing was stored');
    const missing = await this.#send(event, {});
    this.#show('no signature', missing, 401, { error: 'Missing X-Cognigy-Signature header' }, 'nothing was stored');
  }

  async rateLimit() {
    const event = { ...SEED_EVENT, webhookEventId: 'evt_rate_limited', intent: 'billing_inquiry' };
    await this.#program({ platform: 'cognigy', method: 'POST', status: 429, headers: { 'Retry-After': '1' } });
    const reply = await this.#send(event);
    const calls = await this.#platformCalls();
    expect(calls.map(({ status }) => status).join() === '429,200', `the limited event: expected the platform to answer 429, then 200, got ${calls.map(({ status }) => status)}`);
    expect(calls[0].idempotencyKey !== null && calls[0].idempotencyKey === calls[1].idempotencyKey, 'expected both tries to carry the same Idempotency-Key');
    expect(reply.durationMs >= 1000, `expected Retry-After: 1 to be waited out, took ${reply.durationMs.toFixed(0)} ms`);
    this.#show('the platform says 429, Retry-After: 1', reply, 200, { status: 'processed', eventId: event.webhookEventId }, 'waited, tried again with the same Idempotency-Key');
  }

  async deadLetter() {
    const event = { ...SEED_EVENT, webhookEventId: 'evt_platform_down', intent: 'account_support' };
    console.log('  (the next one takes about 8 seconds: four tries, waits of 1, 2 and 4 s)');
    await this.#program({ platform: 'cognigy', method: 'POST', status: 503, times: -1 });
    const reply = await this.#send(event);
    const tries = await this.#platformCalls();
    expect(tries.length === 4, `the failing event: expected 4 tries, got ${tries.length}`);
    this.#show('the platform is down', reply, 200, { status: 'failed_queued_for_dlq', eventId: event.webhookEventId }, '4 tries, then the dead letters');

    await call(`${this.#sandbox}/__sandbox/faults`, { method: 'DELETE' });
    const replay = `${this.#service}/debug/replay`;
    const stranger = await postJson(replay, { eventId: event.webhookEventId });
    expect(stranger.status === 401, `replay without the admin token: expected 401, got ${stranger.status}`);
    const replayed = await postJson(replay, { eventId: event.webhookEventId }, { authorization: `Bearer ${this.#adminToken}` });
    const after = await this.#platformCalls();
    expect(after.length === 1 && after[0].idempotencyKey === tries[0].idempotencyKey, 'the replay: expected one call with the key of the first tries');
    this.#show('the platform is back: replay', replayed, 200, { status: 'replayed', eventId: event.webhookEventId }, 'resumed at the step that had failed, with its old key');
  }

  /** @param {string} token of the platform */
  async finalState(token) {
    const reply = await call(`${this.#sandbox}/api/v1/dialogs/dlg_abc123/sessions/sess_xyz789/state`, { headers: { authorization: `Bearer ${token}` } });
    expectReply('the dialog state', reply, 200, { externalProcessingCompleted: true, queueRoutingStatus: 'accounts-queue' });
    console.log(`\nThe dialog's state at the platform now:\n  ${JSON.stringify(reply.body)}`);
  }

  printTable() {
    const rows = this.#lines.map(({ what, reply }) => [what, String(reply.status), reply.body.status ?? reply.body.error, reply.durationMs.toFixed(1)]);
    const all = [['event', 'status', 'answer', 'ms'], ...rows];
    const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
    const format = (/** @type {string[]} */ row) => row.map((cell, column) => (column === 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ');
    console.log(`\n  ${format(all[0])}\n  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
    for (const row of rows) console.log(`  ${format(row)}`);
  }
}

/**
 * Puts TLS in front of the service and registers that with Cognigy, twice.
 * @param {string} service its URL @param {Record<string, string>} env @param {string} folder
 */
async function register(service, env, folder) {
  if (outputOf('openssl', ['version']) === undefined) return console.log('\n(The registration is left out: it needs the command openssl.)');
  const { startTlsFront } = require('./tls-front.js');
  const front = await startTlsFront(service, folder);
  try {
    const args = ['register', '--url', `${front.url}/webhook/cognigy`, '--allow-private', '--json'];
    console.log(`\nThe service behind TLS, with a CA of the demo's own: trunkline ${args.slice(0, -1).join(' ')}`);
    const run = async () => {
      const command = new Command([CLI, ...args], { ...env, NODE_EXTRA_CA_CERTS: front.caFile }, folder);
      expect((await command.ended) === 0, `${command.name}: expected exit 0, got\n${command.log()}`);
      return JSON.parse(command.stdout);
    };
    const [first, second] = [await run(), await run()];
    const { registration: { id, idempotent }, validation: { protocol, certificate }, health, gateway } = first;
    expect(!idempotent && health.verified && gateway.synced, `the registration: expected a new, active connector and a gateway that was told, got ${JSON.stringify(first)}`);
    expect(second.registration.idempotent && second.registration.id === id, `the second run: expected the connector ${id} again, got ${JSON.stringify(second)}`);
    console.log(`  first run    looked at: ${protocol}, ${certificate.daysLeft} days left; registered as ${id}; ${health.status}; gateway told`);
    console.log(`  second run   ${id} was there before: nothing is registered twice`);
  } finally {
    front.close();
  }
}

/**
 * A session and a customer profile, kept in step by the sync service; the simulated Genesys calls its webhook by itself.
 * @param {string} sandbox its URL @param {Record<string, string>} env @param {string} folder
 */
async function syncProfiles(sandbox, env, folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['serve', '--services', 'sync', '--port', String(port), '--data-dir', path.join(folder, 'sync')];
  const server = await startCommand([CLI, ...args], { ...env, MIDDLEWARE_URL: url, TRUNKLINE_LOG_LEVEL: 'warn' }, /^listening on (\S+)$/m, folder);
  try {
    console.log(`\nSessions and profiles in step: trunkline serve --services sync   ${url}  (it has registered its webhook with the simulated Genesys)`);
    await call(`${sandbox}/__sandbox/requests`, { method: 'DELETE' });
    const session = { sessionId: 'sess_xyz789', currentIntent: 'billing_inquiry', sentiment: 0.4, customerEmail: 'ann@example.com', externalCustomerId: 'CUST-4492' };
    const synced = await postJson(`${url}/webhook/sync`, session);
    expectReply('the sync', synced, 200, { success: true });
    console.log(`  a session's findings      ${JSON.stringify(synced.body)}: in the profile`);

    const basic = Buffer.from(`${env.GENESYS_CLIENT_ID}:${env.GENESYS_CLIENT_SECRET}`).toString('base64');
    const { body: { access_token: token } } = await call(`${sandbox}/oauth/token`, { method: 'POST', headers: { authorization: `Basic ${basic}` }, body: new URLSearchParams({ grant_type: 'client_credentials' }) });
    const changed = await call(`${sandbox}/api/v2/customer-profiles/profiles/CUST-4492`, {
      method: 'PATCH', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify({ attributes: { agentOverride: 'priority_routing' } }),
    });
    expectReply("the agent's change", changed, 200, {});
    const deliveries = await settledDeliveries(sandbox, 2);
    const forwards = (await call(`${sandbox}/__sandbox/requests`, {})).body.requests.filter((/** @type {any} */ { path: where }) => where === '/cognigy/webhook');
    const { body: { variables } } = await call(`${sandbox}/cognigy/sessions/sess_xyz789`, {});
    expect(JSON.stringify(variables) === '{"agentOverride":"priority_routing"}', `the session: expected the agent's change alone, got ${JSON.stringify(variables)}`);
    expect(forwards.length === 1, `expected one forward for ${deliveries} webhooks, got ${forwards.length}`);
    console.log(`  an agent's change         ${JSON.stringify(variables)}: in the session`);
    console.log(`  no echo                   Genesys called its webhook ${deliveries} times, once for our own write; the session was told once`);
  } finally {
    const status = await server.stop();
    expect(status === 0, `${server.name}: expected exit 0 after SIGTERM, got ${status}\n${server.log()}`);
  }
}

/** @param {string} sandbox @param {number} count @returns {Promise<number>} deliveries of webhooks, once there are so many */
async function settledDeliveries(sandbox, count) {
  const endMs = performance.now() + CALL_LIMIT_MS;
  for (;;) {
    const { body: { deliveries } } = await call(`${sandbox}/__sandbox/deliveries`, {});
    if (deliveries.length >= count) return deliveries.length;
    expect(performance.now() < endMs, `expected ${count} deliveries of webhooks, got ${JSON.stringify(deliveries)}`);
  }
}

/** @returns {Promise<number>} a port that nobody listens on just now: the webhook's URL has to be known before the server starts */
function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {boolean} keep */
async function show(keep) {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-demo-'));
  const adminToken = randomBytes(24).toString('hex');
  /** @type {Array<import('./support/child.js').Command>} */
  const children = [];
  try {
    // In a folder of their own, where no .env lies.
    const sandbox = await startCommand([CLI, 'sandbox', '--port', '0'], {}, /listens on (\S+?);/, dataDir);
    children.unshift(sandbox);
    const platformEnv = Object.fromEntries(await sandbox.linesLike(/^([A-Z_]+)=(.*)$/, 1));
    const server = await startCommand([CLI, 'serve', '--services', 'events', '--port', '0', '--data-dir', dataDir], {
      ...platformEnv, TRUNKLINE_ADMIN_TOKEN: adminToken, TRUNKLINE_RESPOND_WITHIN_MS: String(RESPOND_WITHIN_MS),
    }, /^listening on (\S+)$/m, dataDir);
    children.unshift(server);
    console.log(`trunkline serve    ${server.match}  (Cognigy events)\ntrunkline sandbox  ${sandbox.match}  (simulated Cognigy)\n`);

    const { SignatureVerifier } = require('../lib/index.js');
    const verifier = new SignatureVerifier({ secrets: [platformEnv.COGNIGY_WEBHOOK_SECRET] });
    const demo = new Demo({ service: server.match, sandbox: sandbox.match, sign: (body) => verifier.sign(body), adminToken });
    // The first request of a process also pays for loading its HTTP client; that is no latency of an event.
    expectReply('GET /health', await call(`${server.match}/health`, {}), 200, { status: 'ok' });
    await demo.happyPath();
    await demo.refusals();
    await demo.rateLimit();
    await demo.deadLetter();
    await demo.finalState(platformEnv.COGNIGY_API_TOKEN);
    demo.printTable();
    await register(server.match, platformEnv, path.join(dataDir, 'tls'));
    await syncProfiles(sandbox.match, platformEnv, dataDir);
    if (keep) {
      console.log('\nStill running; stop with Ctrl-C. Try:');
      console.log(`  echo -n '{"webhookEventId":"evt_mine","intent":"order_management","dialogId":"d1","sessionId":"s1"}' > event.json`);
      console.log(`  curl -H "$(npx trunkline sign --secret ${platformEnv.COGNIGY_WEBHOOK_SECRET} < event.json)" --data-binary @event.json ${server.match}/webhook/cognigy`);
      await new Promise((resolve) => { for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve); });
    }
    for (const child of children.splice(0)) {
      const status = await child.stop();
      expect(status === 0, `${child.name}: expected exit 0 after SIGTERM, got ${status}\n${child.log()}`);
    }
    console.log('\nEvery answer was as expected; all processes drained and left with 0.');
  } catch (error) {
    for (const child of children) console.error(`--- ${child.name} said:\n${child.log()}`);
    throw error;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
}

async function main() {
  const odd = process.argv.slice(2).find((flag) => flag !== '--keep');
  if (odd !== undefined) throw new Error(`expected --keep or nothing, got ${odd}`);
  if (!setup()) throw new Error('setup did not finish');
  await buildAddon();
  await show(process.argv.includes('--keep'));
}

main().catch((error) => {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
});
