// The time that Lambda leaves bounds every wait, and nothing runs on after the answer.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { answering } = require('../support/platform.js');
const { failure } = require('../support/client-stage.js');
const { within } = require('../support/until.js');
const { openEnrichmentStage, seedEvent, sqsBatch, lambdaContext } = require('../support/enrichment-stage.js');

/** Waits so long that only the invocation's time can end them. */
const SLOW_RETRY = { attempts: 4, baseMs: 60_000, factor: 1, maxMs: 60_000, jitter: /** @type {const} */ ('none') };

describe('enrichment and the time that is left', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  const PLACES = [['a CRM', '/customers'], ['a token server', '/oauth'], ['an interaction', '/api']];

  it('a CRM, a token server or an interaction that hangs is given up in time, and its connection closed', async () => {
    await Promise.all(PLACES.map(async ([what, path]) => {
      const closed = /** @type {Promise<void>[]} */ ([]);
      const platform = await stage.platform(({ url }) => (url.startsWith(path) ? (res) => { closed.push(once(res, 'close').then(() => {})); } : undefined));
      const context = lambdaContext(3000);
      await failure(stage.handler({ env: platform.env, retry: SLOW_RETRY, deadlineMarginMs: 1000 })(seedEvent(), context), 'TIMEOUT');
      assert.ok(context.getRemainingTimeInMillis() > 0, `${what}: Lambda has not cut it off`);
      if (path !== '/oauth') await within(Promise.all(closed), 'the connection to close');
      assert.equal(closed.length, 1, what);
    }));
  });

  for (const [what, path] of PLACES) {
    it(`${what} that is down is not waited for longer than there is time`, async () => {
      const platform = await stage.platform(({ url }) => (url.startsWith(path) ? answering(503) : undefined));
      const context = lambdaContext(5000);
      const error = await stage.handler({ env: platform.env, retry: SLOW_RETRY })(seedEvent(), context).then(() => assert.fail(), (/** @type {any} */ thrown) => thrown);
      assert.ok(['TIMEOUT', 'UPSTREAM_ERROR'].includes(error.code), error.code);
      assert.ok(context.getRemainingTimeInMillis() > 0);
    });
  }

  it('a Retry-After beyond the time is not waited for', async () => {
    stage.sandbox.faults.add({ platform: 'genesys', status: 429, headers: { 'retry-after': '30' } });
    const context = lambdaContext(30_000);
    const error = await failure(stage.handler()(seedEvent(), context), 'RATE_LIMITED');
    assert.equal(error.retryAfterMs, 30_000);
    assert.ok(context.getRemainingTimeInMillis() > 0);
  });

  it('a CRM that hangs leaves the fallback its time', async () => {
    const platform = await stage.platform(({ url }) => (url.startsWith('/customers') ? () => {} : undefined));
    const answer = await stage.handler({ env: platform.env, fallback: { a: 1 } })(seedEvent(), lambdaContext(2000));
    assert.deepEqual([answer.statusCode, JSON.parse(answer.body).fallback], [200, true]);
    assert.deepEqual(JSON.parse(platform.seen.find(({ method }) => method === 'PATCH')?.body ?? ''), { context: { a: 1 } });
  });

  for (const left of [0, 1, 300, -5]) {
    it(`with ${left} ms left nothing is begun`, async () => {
      const error = await failure(stage.handler()(seedEvent(), { getRemainingTimeInMillis: () => left }), 'TIMEOUT');
      assert.deepEqual([error.message, stage.sandbox.requests.total], ['the invocation has no time left', 0]);
    });
  }

  it('of a batch, what there was no time for comes again, and the rest is done', async () => {
    let calls = 0;
    // Time for the first message's two calls.
    const context = { getRemainingTimeInMillis: () => ((calls += 1) > 2 ? 0 : 60_000) };
    const answer = await stage.handler({ batchConcurrency: 1 })(sqsBatch([seedEvent(), seedEvent(), seedEvent()]), context);
    assert.deepEqual(answer, { batchItemFailures: [{ itemIdentifier: 'message-1' }, { itemIdentifier: 'message-2' }] });
    assert.equal(stage.writes().length, 1);
  });

  for (const context of [undefined, null, {}, { getRemainingTimeInMillis: () => NaN }]) {
    it(`without Lambda's context (${JSON.stringify(context)}) there is no limit`, async () => {
      assert.equal((await stage.handler()(seedEvent(), context)).statusCode, 200);
    });
  }

  it('close() waits for what is under way, and takes nothing more', async () => {
    const handler = stage.handler();
    stage.sandbox.faults.add({ platform: 'crm', delayMs: 100 });
    const answer = handler(seedEvent());
    await stage.sandbox.requests.waitFor(() => true, { count: 0 });
    const closed = handler.close();
    await failure(handler(seedEvent()), 'CLOSED');
    await closed;
    assert.equal(stage.writes().length, 1);
    assert.equal((await answer).statusCode, 200);
    assert.equal(handler.close(), handler.close());
  });
});
