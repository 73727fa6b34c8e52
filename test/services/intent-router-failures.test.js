// The intent router when CXone fails: what is tried again, within which time, what the caller is told, and what nobody is.
'use strict';

const assert = require('node:assert/strict');
const { openRouterStage, CONVERSATION } = require('../support/router-stage.js');
const { answering } = require('../support/platform.js');

const CONTEXT = '/api/v2/interactions/**';
const GOOD = { conversationId: CONVERSATION, intent: 'x' };

describe('intentRouter failures', () => {
  /** @type {import('../support/router-stage.js').RouterStage} */
  let stage;
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  /** @param {number} status @param {unknown} body @returns {import('../support/platform.js').Answer} */
  const saying = (status, body) => (res) => res.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));

  /** @type {Array<[number, unknown, string]>} */
  const texts = [
    [503, { errors: [{ message: 'Down for maintenance' }] }, 'CXone API Error 503: Down for maintenance'],
    [500, { errors: [{ message: 'first' }, { message: 'second' }] }, 'CXone API Error 500: first'],
    [400, { errors: [{ code: 7, message: 'attributes: too many' }] }, 'CXone API Error 400: attributes: too many'],
    [403, { errors: [{ message: 'scope' }] }, 'CXone API Error 403: scope'], [409, { errors: [{ message: 'busy' }] }, 'CXone API Error 409: busy'],
    [302, '', 'CXone API Error 302: Unknown'],
    [503, '<html>', 'CXone API Error 503: Unknown'], [503, '', 'CXone API Error 503: Unknown'], [503, 'null', 'CXone API Error 503: Unknown'],
    [503, { errors: [] }, 'CXone API Error 503: Unknown'], [503, { errors: 'x' }, 'CXone API Error 503: Unknown'], [503, { errors: [{ message: ' ' }] }, 'CXone API Error 503: Unknown'],
    [503, { errors: [{ message: { a: 1 } }] }, 'CXone API Error 503: Unknown'],
    [503, { errors: [{ message: 'two\r\nlines\u0000\u202e' }] }, 'CXone API Error 503: two lines '],
    [503, { errors: [{ message: 'x'.repeat(1000) }] }, `CXone API Error 503: ${'x'.repeat(300)}`],
  ];
  for (const [status, body, error] of texts) {
    it(`answers 500 to ${status} ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const cxone = await stage.cxone();
      cxone.answer = saying(status, body);
      const answer = await stage.route(await stage.startRouter(cxone.options));
      assert.deepEqual([answer.status, answer.json], [500, { success: false, error }]);
    });
  }

  it('tells nobody a secret, whoever repeats it', async () => {
    const cxone = await stage.cxone();
    const secret = stage.sandbox.env.CXONE_CLIENT_SECRET;
    cxone.answer = (res, { headers }) => saying(400, { errors: [{ message: `${headers.authorization}, that is very-secret-token, of ${secret}` }] })(res, /** @type {any} */ ({}), 1);
    const url = await stage.startRouter(cxone.options);
    const { json } = await stage.route(url);
    assert.equal(json.error, 'CXone API Error 400: Bearer [redacted], that is [redacted], of [redacted]');
    const error = await stage.router(cxone.options).route(GOOD).catch((caught) => caught);
    for (const text of [stage.logger.text(), error.stack, JSON.stringify(error), error.response.body.toString().replaceAll(secret, '')]) {
      assert.doesNotMatch(text, /very-secret-token|client-secret|Bearer (?!\[redacted\])/);
    }
    assert.equal(stage.logger.lines.filter(({ level }) => level === 'error').length, 2);
  });

  it('tries 408, 429, 5xx and lost connections three times in all, and nothing else twice', async () => {
    const router = stage.router();
    /** @type {Array<[object, string, number]>} */
    const faults = [
      [{ status: 429 }, 'RATE_LIMITED', 3], [{ status: 500 }, 'UPSTREAM_ERROR', 3], [{ status: 502 }, 'UPSTREAM_ERROR', 3], [{ status: 503 }, 'UPSTREAM_ERROR', 3],
      [{ status: 408 }, 'TIMEOUT', 3], [{ drop: 'mid-body' }, 'MALFORMED_RESPONSE', 3], [{ garbage: true }, 'MALFORMED_RESPONSE', 3],
      [{ status: 501 }, 'UPSTREAM_ERROR', 1], [{ status: 400 }, 'BAD_REQUEST', 1], [{ status: 403 }, 'AUTHORIZATION_FAILED', 1], [{ status: 404 }, 'NOT_FOUND', 1],
    ];
    for (const [fault, code, tries] of faults) {
      stage.sandbox.faults.clear();
      stage.sandbox.requests.clear();
      const { id } = stage.sandbox.faults.add({ path: CONTEXT, times: -1, ...fault });
      const error = await router.route(GOOD).catch((caught) => caught);
      assert.deepEqual([error.code, error.attempts], [code, tries], JSON.stringify(fault));
      assert.ok(stage.calls().length >= tries);
      stage.sandbox.faults.remove(id);
      stage.sandbox.faults.add({ path: CONTEXT, times: tries - 1 || 1, ...fault });
      const second = await router.route(GOOD).then(() => 'done', () => 'failed');
      assert.equal(second, tries === 3 ? 'done' : 'failed', JSON.stringify(fault));
    }
  });

  it('waits one second, then two, inside of the five that a caller waits', async () => {
    const router = stage.router({ retry: undefined });
    stage.sandbox.faults.add({ path: CONTEXT, status: 429, times: 2 });
    assert.equal((await router.route(GOOD)).success, true);
    const [first, second, third] = stage.calls().map(({ at }) => Date.parse(at));
    // Up to half a second is added to each; the log's clock is another one, and may be a little behind.
    assert.ok(second - first >= 950 && third - second >= 1950, `${second - first}, ${third - second}`);
  });

  it('passes a 429 on with its Retry-After, which it does not wait for past the deadline', async () => {
    const url = await stage.startRouter();
    stage.sandbox.faults.add({ path: CONTEXT, status: 429, headers: { 'retry-after': '30' }, times: -1 });
    const long = await stage.route(url);
    assert.deepEqual([long.status, long.headers['retry-after'], long.json], [429, '30', { success: false, error: 'Rate limited by CXone' }]);
    assert.equal(stage.calls().length, 1);
    stage.sandbox.faults.clear();
    stage.sandbox.faults.add({ path: CONTEXT, status: 429, times: -1 });
    const bare = await stage.route(url);
    assert.deepEqual([bare.status, bare.headers['retry-after']], [429, '1']);
  });

  it('waits for a Retry-After that is within the deadline', async () => {
    const router = stage.router();
    stage.sandbox.faults.add({ path: CONTEXT, status: 429, headers: { 'retry-after': '1' } });
    assert.equal((await router.route(GOOD)).success, true);
    const [first, second] = stage.calls().map(({ at }) => Date.parse(at));
    assert.ok(second - first >= 950);
  });

  it('answers 404 for a conversation that CXone does not know', async () => {
    const { status, json } = await stage.route(await stage.startRouter(), { conversationId: '0' });
    assert.deepEqual([status, json], [404, { success: false, error: 'Conversation not found in CXone' }]);
  });

  it('answers at the deadline when CXone does not', async () => {
    const url = await stage.startRouter({ deadlineMs: 200 });
    await stage.route(url); // the token is there
    stage.sandbox.faults.add({ path: CONTEXT, delayMs: 600_000, times: -1 });
    const startedMs = performance.now();
    const { status, json } = await stage.route(url);
    assert.deepEqual([status, json.success], [500, false]);
    assert.match(json.error, /^TIMEOUT: /);
    assert.ok(performance.now() - startedMs >= 190);
  });

  it('counts the wait for a token among the deadline, which the environment may set', async () => {
    stage.sandbox.faults.add({ path: '/oauth/token', delayMs: 600_000, times: -1 });
    const url = await stage.startRouter({ env: { ...stage.sandbox.env, CXONE_DEADLINE_MS: '100' } });
    assert.match((await stage.route(url)).json.error, /^TIMEOUT: /);
    assert.equal(stage.calls().length, 0);
  });

  it('answers 500 and says so when CXone cannot be reached', async () => {
    const url = await stage.startRouter({ tenant: 'http://127.0.0.1:9', deadlineMs: 100 });
    const { status, json } = await stage.route(url);
    assert.equal(status, 500);
    assert.match(json.error, /^(CONNECTION_FAILED|TIMEOUT): /);
  });

  it('tells wrong credentials apart, and does not try them twice', async () => {
    const url = await stage.startRouter({ clientSecret: 'wrong-secret' });
    const { status, json } = await stage.route(url);
    assert.deepEqual([status, json], [500, { success: false, error: 'Invalid CXone Client ID or Secret' }]);
    assert.equal(stage.sandbox.requests.list().length, 1);
    assert.equal(stage.calls().length, 0);
    assert.doesNotMatch(stage.logger.text(), /wrong-secret/);
  });

  it('a revoked token is renewed once, unseen; a second 401 is told', async () => {
    const url = await stage.startRouter();
    await stage.route(url);
    stage.sandbox.tokens.revoke();
    assert.equal((await stage.route(url)).status, 200);
    stage.sandbox.faults.add({ path: CONTEXT, status: 401, body: { errors: [{ message: 'no' }] }, times: 2 });
    assert.equal((await stage.route(url)).json.error, 'CXone API Error 401: no');
  });

  it('a token server that is not there is no unknown conversation', async () => {
    const cxone = await stage.platform();
    cxone.answer = answering(404);
    const url = await stage.startRouter({ tenant: cxone.url });
    const gone = await stage.route(url);
    assert.equal(gone.status, 500);
    assert.match(gone.json.error, /^NOT_FOUND: The token server answered 404/);
  });

  it('names the scope that is lacking', async () => {
    const router = stage.router({ clientId: 'sandbox-cxone-reader', clientSecret: 'sandbox-cxone-reader-secret' });
    const error = await router.route(GOOD).catch((caught) => caught);
    assert.deepEqual([error.code, error.hint], ['AUTHORIZATION_FAILED', 'Grant the scope interaction:write to the API client of CXone.']);
    assert.equal(stage.logger.lines[0].fields.hint, error.hint);
  });

  it('logs every end with the conversation, the tries and the time', async () => {
    const router = stage.router();
    await router.route(GOOD);
    stage.sandbox.faults.add({ path: CONTEXT, status: 503, times: -1, body: { errors: [{ message: 'down' }] } });
    await router.route(GOOD).catch(() => {});
    const [done, failed] = stage.logger.lines;
    assert.deepEqual([done.level, done.msg, done.fields.attempts], ['info', `Context updated for conversation ${CONVERSATION}`, 1]);
    assert.deepEqual([failed.level, failed.msg], ['error', 'CXone API Error 503: down']);
    const { durationMs, hint, ...fields } = failed.fields;
    assert.deepEqual(fields, { conversationId: CONVERSATION, intent: 'x', code: 'UPSTREAM_ERROR', status: 503, attempts: 3 });
    assert.ok(durationMs > 0 && hint.length > 20);
  });
});
