// Failures that may pass: tried again, then thrown for Lambda's own retry and dead letters, or answered, or bridged by a fallback.
'use strict';

const assert = require('node:assert/strict');
const { answering } = require('../support/platform.js');
const { failure } = require('../support/client-stage.js');
const { openEnrichmentStage, seedEvent, lambdaContext, CUSTOMER } = require('../support/enrichment-stage.js');

/** @param {{ body: string }} answer */
const bodyOf = ({ body }) => JSON.parse(body);

describe('enrichment failures', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  /** @param {string} method */
  const requests = (method) => stage.sandbox.requests.list().filter((request) => request.method === method);

  for (const status of [500, 502, 503, 504, 429, 408]) {
    it(`asks the CRM four times at ${status}, then throws`, async () => {
      stage.sandbox.faults.add({ platform: 'crm', status, times: -1 });
      const error = await failure(stage.handler()(seedEvent(), {}), status === 429 ? 'RATE_LIMITED' : status === 408 ? 'TIMEOUT' : 'UPSTREAM_ERROR');
      assert.deepEqual([error.status, error.platform, error.attempts, error.retryable], [status, 'CRM', 4, true]);
      assert.deepEqual([requests('GET').length, stage.writes().length], [4, 0]);
    });
  }

  it('writes four times at 503, then throws', async () => {
    stage.sandbox.faults.add({ platform: 'genesys', status: 503, times: -1 });
    const error = await failure(stage.handler()(seedEvent()), 'UPSTREAM_ERROR');
    assert.deepEqual([error.platform, error.attempts], ['Genesys Cloud', 4]);
    assert.equal(requests('PATCH').length, 4);
  });

  it('comes through three failures of each platform', async () => {
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: 3 });
    stage.sandbox.faults.add({ platform: 'genesys', drop: 'before', times: 3 });
    assert.equal((await stage.handler()(event)).statusCode, 200);
    assert.deepEqual(await stage.contextOf(event), CUSTOMER);
  });

  it('repeats a write whose answer was lost, under the same key, so that it is written once', async () => {
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'genesys', drop: 'after' });
    assert.equal((await stage.handler()(event)).statusCode, 200);
    assert.deepEqual(requests('PATCH').map(({ idempotencyKey, replayed }) => [idempotencyKey, replayed]), [[event.id, false], [event.id, true]]);
  });

  it('repeats a write without a key too, because it merges', async () => {
    stage.sandbox.faults.add({ platform: 'genesys', drop: 'after' });
    assert.equal((await stage.handler()(seedEvent({}, { id: undefined }))).statusCode, 200);
    assert.equal(requests('PATCH').length, 2);
  });

  it('gives the next delivery, and another environment, the same key', async () => {
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'genesys', drop: 'after', times: 4 });
    const handler = stage.handler();
    await failure(handler(event), 'CONNECTION_FAILED');
    assert.equal((await handler(event)).statusCode, 200);
    assert.equal((await stage.handler()(event)).statusCode, 200);
    assert.deepEqual(requests('PATCH').map(({ idempotencyKey }) => idempotencyKey), Array(6).fill(event.id));
    assert.deepEqual(requests('PATCH').slice(4).map(({ replayed }) => replayed), [true, true]);
  });

  it('throws where the CRM hangs, after its tries', async () => {
    const platform = await stage.platform(({ method }) => (method === 'GET' ? () => {} : undefined));
    const error = await failure(stage.handler({ env: platform.env, crmTimeoutMs: 20 })(seedEvent()), 'TIMEOUT');
    assert.equal(error.attempts, 4);
    assert.ok(platform.seen.every(({ method }) => method === 'GET'));
  });

  for (const text of ['<html>', '"text"', 'null', '7', '']) {
    it(`throws where the CRM answers ${text || 'nothing'}`, async () => {
      const platform = await stage.platform(({ method }) => (method === 'GET' ? (res) => res.end(text) : undefined));
      const error = await failure(stage.handler({ env: platform.env })(seedEvent()), 'MALFORMED_RESPONSE');
      assert.deepEqual([error.platform, error.message, platform.seen.length], ['CRM', 'CRM answered with no JSON object', 1]);
    });
  }

  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    const handler = stage.handler();
    for (const asDate of [false, true]) {
      await handler(seedEvent()); // the token is there
      stage.sandbox.requests.clear();
      // HTTP's dates are whole seconds.
      const untilMs = asDate ? Math.ceil(Date.now() / 1000) * 1000 + 1000 : Date.now() + 1000;
      stage.sandbox.faults.add({ platform: 'genesys', status: 429, headers: { 'retry-after': asDate ? new Date(untilMs).toUTCString() : '1' } });
      assert.equal((await handler(seedEvent())).statusCode, 200);
      assert.ok(Date.now() >= untilMs - 5, `${untilMs - Date.now()} ms too early`);
      assert.equal(requests('PATCH').length, 2);
    }
  });

  it('does not wait for a Retry-After that is too long, and tells it', async () => {
    stage.sandbox.faults.add({ platform: 'genesys', status: 429, headers: { 'retry-after': '3600' } });
    const error = await failure(stage.handler()(seedEvent()), 'RATE_LIMITED');
    assert.deepEqual([error.retryAfterMs, error.attempts, requests('PATCH').length], [3_600_000, 1, 1]);
  });

  it('answers 500 instead where onTransientFailure is respond', async () => {
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: -1 });
    const answer = await stage.handler({ onTransientFailure: 'respond' })(seedEvent());
    assert.equal(answer.statusCode, 500);
    assert.deepEqual(bodyOf(answer), { error: 'Enrichment failed', details: 'UPSTREAM_ERROR: CRM answered 503' });
  });

  it('throws also what will not pass where onPermanentFailure is throw', async () => {
    const handler = stage.handler({ onPermanentFailure: 'throw' });
    await failure(handler(seedEvent({}, { source: 'x' })), 'MALFORMED_PAYLOAD');
    await failure(handler(seedEvent({ externalCustomerId: 'CUST-0' })), 'NOT_FOUND');
  });

  it('a mistake in a function of the user\'s throws, so that the event is not lost', async () => {
    const wrong = () => { throw new RangeError('mine'); };
    const event = seedEvent();
    await assert.rejects(stage.handler({ mapCustomer: wrong })(event), RangeError);
    await assert.rejects(stage.handler({ customerIdFrom: wrong })(event), RangeError);
    await assert.rejects(stage.handler({ mapCustomer: /** @type {any} */ (() => 'text') })(event), /TypeError: mapCustomer: expected an object of attributes/);
    assert.equal(stage.writes().length, 0);
  });

  describe('fallback', () => {
    beforeEach(() => { stage.sandbox.faults.add({ platform: 'crm', status: 503, times: -1 }); });

    it('an object is written as it is when the CRM is down', async () => {
      const event = seedEvent();
      const answer = await stage.handler({ fallback: { crmStatus: 'unavailable' } })(event);
      assert.deepEqual([answer.statusCode, bodyOf(answer).fallback], [200, true]);
      assert.deepEqual(await stage.contextOf(event), { crmStatus: 'unavailable' });
      assert.equal(requests('GET').filter(({ path }) => path.startsWith('/customers')).length, 4, 'its tries are used up first');
    });

    it('a function is told the event and the error, and may say no', async () => {
      const event = seedEvent();
      /** @type {any[]} */
      const told = [];
      const answer = await stage.handler({ fallback: async (given, error) => { told.push(given, error.code); return { a: 1 }; } })(event);
      assert.deepEqual([answer.statusCode, told[0], told[1]], [200, event, 'UPSTREAM_ERROR']);
      for (const nothing of [undefined, null]) await failure(stage.handler({ fallback: () => nothing })(seedEvent()), 'UPSTREAM_ERROR');
      assert.equal(stage.writes().length, 1);
    });

    it('is not for a customer who is not known, nor for a refused key', async () => {
      for (const status of [404, 401, 403]) {
        stage.sandbox.reset();
        stage.sandbox.faults.add({ platform: 'crm', status, times: -1 });
        assert.equal((await stage.handler({ fallback: { a: 1 } })(seedEvent())).statusCode, 500);
        assert.equal(stage.writes().length, 0);
      }
    });

    it('is not for a write that fails', async () => {
      stage.sandbox.reset();
      stage.sandbox.faults.add({ platform: 'genesys', status: 503, times: -1 });
      await failure(stage.handler({ fallback: { a: 1 } })(seedEvent()), 'UPSTREAM_ERROR');
    });
  });

  it('no error, answer or log line holds a secret', async () => {
    const secrets = [stage.sandbox.env.CRM_API_KEY, stage.sandbox.env.GENESYS_CLIENT_SECRET, 'tok-1'];
    /** @param {number} status @param {string} part */
    const texts = async (status, part) => {
      const platform = await stage.platform(({ url, headers, body }) => (url.startsWith(part) ? (res) => res.writeHead(status).end(JSON.stringify({ ...headers, url, body })) : undefined));
      const options = { env: platform.env, retry: { attempts: 1 } };
      const answer = stage.handler({ ...options, onTransientFailure: 'respond' })(seedEvent(), lambdaContext(600));
      const error = stage.handler({ ...options, onPermanentFailure: 'throw' })(seedEvent(), lambdaContext(600));
      return [JSON.stringify(await answer), await error.then(() => assert.fail(), (/** @type {any} */ thrown) => `${JSON.stringify({ ...thrown })} ${thrown.stack}`)];
    };
    const told = await Promise.all([400, 401, 403, 429, 503].flatMap((status) => ['/customers', '/oauth', '/api'].map((part) => texts(status, part))));
    assert.equal(told.length, 15);
    for (const secret of secrets) assert.equal([...told.flat(), stage.logger.text()].some((text) => text.includes(secret)), false, secret);
  });

  it('each failure is one line in the log, with its facts', async () => {
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: -1 });
    await failure(stage.handler()(event), 'UPSTREAM_ERROR');
    const [line, ...more] = stage.logger.lines;
    assert.equal(more.length, 0);
    assert.deepEqual([line.level, line.msg], ['error', 'Enrichment failed: UPSTREAM_ERROR: CRM answered 503']);
    const { durationMs, hint, ...facts } = line.fields;
    assert.deepEqual(facts, { eventId: event.id, code: 'UPSTREAM_ERROR', status: 503, attempts: 4, platform: 'CRM' });
    assert.ok(Number.isInteger(durationMs) && typeof hint === 'string');
  });

  it('a token server that is down throws, and a refused client is answered', async () => {
    const down = await stage.platform(({ url }) => (url === '/oauth/token' ? answering(503, { 'retry-after': '3600' }) : undefined));
    await failure(stage.handler({ env: down.env })(seedEvent()), 'UPSTREAM_ERROR');
    const refusing = await stage.platform(({ url }) => (url === '/oauth/token' ? answering(401) : undefined));
    const answer = await stage.handler({ env: refusing.env })(seedEvent());
    assert.deepEqual([answer.statusCode, bodyOf(answer).details.split(':')[0]], [500, 'AUTHENTICATION_FAILED']);
  });
});
