// The event service's log lines, and that nothing it says anywhere holds a secret, a token or a signature.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { makeEvent, signatureOf } = require('../support/events.js');
const { answering } = require('../support/platform.js');
const { FAST_RETRY, openStage } = require('../support/stage.js');
const { send } = require('../support/send.js');
const { PATIENCE_MS } = require('../support/until.js');

const LATENCY = /^\[LATENCY\] Event: (\S+) \| Status: (SUCCESS|FAILURE) \| Duration: (\d+\.\d\d)ms$/;

describe('cognigyEvents logs', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;

  beforeEach(async () => { stage = await openStage(); });
  afterEach(() => stage.close());

  for (const [status, expected, level] of /** @type {Array<[number, string, string]>} */ ([[200, 'SUCCESS', 'info'], [401, 'FAILURE', 'error']])) {
    it(`tells of a ${expected} in exactly one latency line, with the same facts as fields`, async () => {
      const platform = await stage.platform();
      platform.answer = answering(status);
      const { url } = await stage.start({ apiBaseUrl: platform.url });
      const event = makeEvent();
      const beganMs = performance.now();
      await stage.post(url, event);
      await stage.post(url, event);
      const line = await stage.logger.latencyOf(event.webhookEventId);
      const elapsedMs = performance.now() - beganMs;
      const [, eventId, told, duration] = LATENCY.exec(line.msg) ?? assert.fail(line.msg);
      assert.deepEqual([eventId, told, line.level], [event.webhookEventId, expected, level]);
      const { durationMs, hint, ...fields } = line.fields;
      assert.deepEqual(fields, { eventId, status: expected, attempts: 1, ...(status === 401 ? { code: 'AUTHENTICATION_FAILED' } : {}) });
      assert.equal(durationMs, Number(duration));
      assert.ok(durationMs > 0 && durationMs <= elapsedMs + 1, `${durationMs} of ${elapsedMs} ms`);
      assert.equal(typeof hint, status === 401 ? 'string' : 'undefined');
      assert.equal(stage.logger.lines.filter(({ msg }) => LATENCY.test(msg)).length, 1);
    });
  }

  it('tells of a store that cannot be opened, with a hint', async () => {
    const service = stage.service({ dataDir: __filename });
    await assert.rejects(service.ready());
    const [{ level, fields }] = await stage.logger.waitFor(/^STORE_UNAVAILABLE: /);
    assert.deepEqual([level, fields.code, typeof fields.hint], ['error', 'STORE_UNAVAILABLE', 'string']);
  });

  it('never tells a secret, a token or a signature: in lines, answers, errors, dead letters or counters', async () => {
    const hidden = { secret: 'hidden-secret-1', old: 'hidden-secret-2', apiToken: 'hidden-token-3', adminToken: 'hidden-token-4', wrongToken: 'hidden-token-5', echoed: 'hidden-echo-6' };
    const platform = await stage.platform();
    // The worst of platforms: it gives back what it got, wherever it can.
    platform.answer = (res, seen, number) => {
      const status = [200, 401, 500, 429, 302, 503][number % 6];
      res.writeHead(status, { 'x-echo': `${seen.headers.authorization} ${hidden.echoed}`, location: `http://x/?t=${hidden.apiToken}`, 'retry-after': hidden.apiToken });
      res.end(JSON.stringify({ error: seen.headers.authorization, token: hidden.apiToken, echoed: hidden.echoed }));
    };
    const { service, url } = await stage.start({ apiBaseUrl: platform.url, secrets: [hidden.secret, hidden.old], apiToken: hidden.apiToken, adminToken: hidden.adminToken, retry: { ...FAST_RETRY, attempts: 2 } });
    /** @type {unknown[]} */
    const said = [];
    const signatures = [];
    for (let i = 0; i < 12; i += 1) {
      const body = JSON.stringify(makeEvent());
      const signature = signatureOf(body, i % 2 ? hidden.secret : hidden.old);
      signatures.push(signature);
      for (const headers of [{ 'x-cognigy-signature': signature }, { 'x-cognigy-signature': `${signature}0` }]) said.push(await send(`${url}/webhook/cognigy`, { body, headers }));
      const authorization = `Bearer ${i % 2 ? hidden.adminToken : hidden.wrongToken}`;
      said.push(await send(`${url}/debug/replay`, { body, headers: { authorization } }));
      said.push(await service.replay(JSON.parse(body)).catch((error) => ({ ...error, message: error.message, stack: error.stack })));
    }
    const malformed = `{"token":"${hidden.echoed}`;
    said.push(await send(`${url}/webhook/cognigy`, { body: malformed, headers: { 'x-cognigy-signature': signatureOf(malformed, hidden.secret) } }));
    const letters = await service.deadLetters.list();
    assert.ok(letters.length > 0);
    await service.close();
    said.push(letters, service.stats(), service, stage.logger.text());
    assert.ok(stage.logger.lines.length >= 12);
    const text = said.map((one) => (typeof one === 'string' ? one : `${JSON.stringify(one)} ${require('node:util').inspect(one, { depth: 10, showHidden: true })}`)).join('\n');
    for (const word of [...Object.values(hidden), ...signatures]) assert.ok(!text.includes(word), `${word} was told`);
  });

  it('writes JSON lines to stderr by default, and nothing with logger: false', () => {
    const script = `
      const { cognigyEvents } = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
      const options = { secrets: 'x', apiToken: 'y', apiBaseUrl: 'http://127.0.0.1:9', dataDir: process.argv[1] };
      const events = cognigyEvents(process.argv[2] === 'silent' ? { ...options, logger: false } : options);
      events.ready().catch(() => {});`;
    /** @param {string} how */
    const run = (how) => spawnSync(process.execPath, ['-e', script, __filename, how], { encoding: 'utf8', timeout: PATIENCE_MS });
    const loud = run('loud');
    assert.equal(loud.stdout, '');
    const line = JSON.parse(loud.stderr.trim());
    assert.match(line.msg, /^STORE_UNAVAILABLE/);
    assert.match(line.time, /^\d{4}-/);
    const { stdout, stderr, status } = run('silent');
    assert.deepEqual({ stdout, stderr, status }, { stdout: '', stderr: '', status: 0 });
  });
});
