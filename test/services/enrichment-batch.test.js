// Batches of Amazon SQS: each message on its own, and those to be delivered again named.
'use strict';

const assert = require('node:assert/strict');
const { openEnrichmentStage, seedEvent, partnerEvent, sqsBatch, CUSTOMER } = require('../support/enrichment-stage.js');

const DONE = { batchItemFailures: [] };

describe('enrichment of batches', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  it('takes events of either shape', async () => {
    const events = [seedEvent(), partnerEvent(), seedEvent()];
    assert.deepEqual(await stage.handler()(sqsBatch(events), {}), DONE);
    for (const event of events) assert.deepEqual(await stage.contextOf(event), CUSTOMER);
  });

  it('names those that may succeed later, and no others', async () => {
    const events = [seedEvent(), seedEvent({ externalCustomerId: 'down' }), seedEvent({ externalCustomerId: 'nobody' }), 'not JSON', seedEvent({}, { source: 'x' }), seedEvent()];
    stage.sandbox.faults.add({ path: '/customers/down', status: 503, times: -1 });
    assert.deepEqual(await stage.handler()(sqsBatch(events), {}), { batchItemFailures: [{ itemIdentifier: 'message-1' }] });
    assert.equal(stage.writes().length, 2);
    assert.equal(stage.logger.lines.filter(({ level }) => level === 'error').length, 4, 'each has its line');
  });

  it('names all that failed where onPermanentFailure is throw, for the queue\'s own dead letters', async () => {
    const events = [seedEvent(), 'not JSON', seedEvent({ externalCustomerId: 'nobody' })];
    const { batchItemFailures } = await stage.handler({ onPermanentFailure: 'throw' })(sqsBatch(events), {});
    assert.deepEqual(batchItemFailures.map((/** @type {any} */ one) => one.itemIdentifier).sort(), ['message-1', 'message-2']);
  });

  it('onTransientFailure is for single events: a message that failed is always named', async () => {
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: -1 });
    const { batchItemFailures } = await stage.handler({ onTransientFailure: 'respond' })(sqsBatch([seedEvent()]), {});
    assert.equal(batchItemFailures.length, 1);
  });

  it('an event that is in it twice is written once, and fails twice', async () => {
    const handler = stage.handler();
    const event = seedEvent();
    stage.sandbox.faults.add({ platform: 'crm', status: 503, times: 4 });
    assert.equal((await handler(sqsBatch([event, event]), {})).batchItemFailures.length, 2);
    assert.deepEqual(await handler(sqsBatch([event, event]), {}), DONE);
    assert.equal(stage.writes().length, 1);
  });

  it('an empty batch is done', async () => {
    assert.deepEqual(await stage.handler()(sqsBatch([]), {}), DONE);
  });

  it('works on as many messages at a time as it may', async () => {
    for (const batchConcurrency of [1, 4, 10]) {
      let under = 0;
      let most = 0;
      const customerIdFrom = async () => {
        most = Math.max(most, (under += 1));
        await new Promise(setImmediate);
        under -= 1;
        return 'CUST-1001';
      };
      assert.deepEqual(await stage.handler({ batchConcurrency, customerIdFrom })(sqsBatch(Array.from({ length: 30 }, () => seedEvent())), {}), DONE);
      assert.equal(most, batchConcurrency);
    }
  });

  it('keeps the order of a FIFO queue\'s groups: what follows on a failure waits for it', async () => {
    const group = ['a', 'a', 'b', 'a', 'b', 'c'];
    const events = group.map((_, index) => seedEvent(index === 1 ? { externalCustomerId: 'down' } : {}));
    stage.sandbox.faults.add({ path: '/customers/down', status: 503, times: -1 });
    const answer = await stage.handler()(sqsBatch(events, (index) => ({ attributes: { MessageGroupId: group[index] } })), {});
    assert.deepEqual(answer, { batchItemFailures: [{ itemIdentifier: 'message-1' }, { itemIdentifier: 'message-3' }] });
    assert.equal(stage.writes().length, 4);
  });

  it('takes no other batches for its own', async () => {
    for (const eventSource of ['aws:kinesis', undefined]) {
      const answer = await stage.handler()(sqsBatch([seedEvent()], () => ({ eventSource })), {});
      assert.deepEqual([answer.statusCode, stage.sandbox.requests.total], [500, 0]);
    }
  });
});
