// An event that is delivered more than once: worked on once in an environment, unless that failed.
'use strict';

const assert = require('node:assert/strict');
const { failure } = require('../support/client-stage.js');
const { openEnrichmentStage, seedEvent, CUSTOMER } = require('../support/enrichment-stage.js');

/** @param {{ body: string }} answer */
const bodyOf = ({ body }) => JSON.parse(body);

describe('enrichment duplicates', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  it('the second delivery asks and writes nothing, and says duplicate', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    await handler(event);
    const before = stage.sandbox.requests.total;
    const answer = await handler(structuredClone(event));
    assert.deepEqual([answer.statusCode, bodyOf(answer)], [200, { message: 'The event has been seen before', interactionId: event.detail.interactionId, duplicate: true }]);
    assert.equal(stage.sandbox.requests.total, before);
  });

  it('deliveries at the same time wait for the first, and are written once', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    const answers = await Promise.all(Array.from({ length: 10 }, () => handler(event)));
    assert.deepEqual(answers.map((answer) => [answer.statusCode, bodyOf(answer).duplicate]), [[200, undefined], ...Array(9).fill([200, true])]);
    assert.equal(stage.writes().length, 1);
  });

  it('the same interaction in another event is another piece of work', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    await handler(event);
    assert.equal(bodyOf(await handler({ ...event, id: 'another' })).duplicate, undefined);
    assert.equal(stage.writes().length, 2);
  });

  it('an event that failed is worked on again, and so are those that waited for it', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: 4 });
    await Promise.all([failure(handler(event), 'UPSTREAM_ERROR'), failure(handler(event), 'UPSTREAM_ERROR')]);
    assert.equal(bodyOf(await handler(event)).duplicate, undefined);
    assert.deepEqual(await stage.contextOf(event), CUSTOMER);
  });

  it('an event that was refused is looked at again: what was wrong may be mended', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'genesys', method: 'PATCH', status: 403 });
    assert.equal((await handler(event)).statusCode, 500);
    assert.equal((await handler(event)).statusCode, 200);
    assert.equal(stage.writes().length, 1);
  });

  it('an interaction that is gone is not asked for again', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    stage.sandbox.faults.add({ method: 'PATCH', status: 404 });
    assert.equal(bodyOf(await handler(event)).skipped, true);
    assert.equal(bodyOf(await handler(event)).duplicate, true);
  });

  it('an event without an id is worked on each time', async () => {
    const handler = stage.handler();
    for (const id of [undefined, '', 7, 'two\r\nlines', 'x'.repeat(300)]) {
      stage.sandbox.requests.clear();
      const event = seedEvent({}, { id });
      for (let delivery = 0; delivery < 2; delivery += 1) assert.equal((await handler(event)).statusCode, 200);
      assert.deepEqual(stage.writes().map(({ idempotencyKey }) => idempotencyKey), [null, null]);
    }
  });

  it('as many ids are remembered as one likes, and for as long', async () => {
    const handler = stage.handler({ idempotency: { capacity: 1 } });
    const events = [seedEvent(), seedEvent()];
    for (const event of [...events, ...events]) await handler(event);
    assert.equal(stage.writes().length, 2, 'the far side honours the key');
    assert.equal(stage.sandbox.requests.list().filter(({ method }) => method === 'PATCH').length, 4);
  });
});
