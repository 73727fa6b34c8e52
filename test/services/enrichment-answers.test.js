// The enrichment's answers: what each event leads to, and that nothing is written where nothing may be.
'use strict';

const assert = require('node:assert/strict');
const { answering } = require('../support/platform.js');
const { openEnrichmentStage, seedEvent, partnerEvent, CUSTOMER } = require('../support/enrichment-stage.js');

/** @param {{ body: string }} answer */
const bodyOf = ({ body }) => JSON.parse(body);

describe('enrichment answers', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  it('writes what the CRM says to the interaction, and says so', async () => {
    const event = seedEvent();
    const answer = await stage.handler()(event, {});
    assert.deepEqual(answer, {
      statusCode: 200, body: `{"message":"Interaction context enriched successfully","interactionId":"${event.detail.interactionId}"}`,
    });
    assert.deepEqual(await stage.contextOf(event), CUSTOMER);
    assert.equal(stage.writes().length, 1);
  });

  it('takes the event of Genesys Cloud\'s own event source', async () => {
    const event = partnerEvent();
    const answer = await stage.handler()(event, {});
    assert.deepEqual([answer.statusCode, bodyOf(answer).interactionId], [200, event.detail.eventBody.conversationId]);
    assert.deepEqual(await stage.contextOf(event), CUSTOMER);
  });

  it('sends exactly the requests of the seed, with the credentials in headers and not in URLs', async () => {
    const platform = await stage.platform();
    const event = seedEvent({ interactionId: '8f7e6d5c' });
    await stage.handler({ env: platform.env })(event);
    const [lookUp, token, patch] = platform.seen;
    assert.deepEqual([lookUp.method, lookUp.url, lookUp.headers.authorization, lookUp.headers.accept], ['GET', '/customers/CUST-1001', `Bearer ${platform.env.CRM_API_KEY}`, 'application/json']);
    assert.deepEqual([token.method, token.url, token.headers['content-type']], ['POST', '/oauth/token', 'application/x-www-form-urlencoded']);
    assert.equal(token.headers.authorization, `Basic ${Buffer.from('sandbox-genesys-client:sandbox-genesys-secret').toString('base64')}`);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(token.body)), { grant_type: 'client_credentials', scope: 'interaction:read interaction:write' });
    assert.deepEqual([patch.method, patch.url, patch.headers.authorization, patch.headers['content-type']], ['PATCH', '/api/v2/interactions/8f7e6d5c', 'Bearer tok-1', 'application/json']);
    assert.equal(patch.headers['idempotency-key'], event.id);
    assert.deepEqual(JSON.parse(patch.body), { context: CUSTOMER });
    assert.equal(platform.seen.length, 3);
  });

  it('writes the four fields alone, and of them those that are there', async () => {
    const platform = await stage.platform(({ method }) => (method === 'GET' ? (res) => res.end('{"crmAccountId":"A","loyaltyTier":null,"password":"hunter2"}') : undefined));
    await stage.handler({ env: platform.env })(seedEvent());
    assert.deepEqual(JSON.parse(platform.seen[2].body), { context: { crmAccountId: 'A', loyaltyTier: null } });
  });

  it('fetches one token for many events', async () => {
    const handler = stage.handler();
    await Promise.all(Array.from({ length: 20 }, () => handler(seedEvent())));
    await handler(seedEvent());
    assert.equal(stage.sandbox.requests.list().filter(({ path }) => path === '/oauth/token').length, 1);
    assert.equal(stage.writes().length, 21);
  });

  it('takes a new token where the platform refuses the old one', async () => {
    const handler = stage.handler();
    await handler(seedEvent());
    stage.sandbox.tokens.revoke();
    assert.equal((await handler(seedEvent())).statusCode, 200);
    assert.equal(stage.writes().length, 2);
  });

  /** @type {Array<[string, any, RegExp]>} */
  const hopeless = [
    ['another source', seedEvent({}, { source: 'aws.ec2' }), /Invalid event source/],
    ['no source', { id: 'x', detail: {} }, /Invalid event source/],
    ['a source that only begins alike', seedEvent({}, { source: 'genesys.cloud.example' }), /Invalid event source/],
    ['a partner of another name', partnerEvent({}, { source: 'aws.partner/genesys.com.example/x' }), /Invalid event source/],
    ['no interaction', seedEvent({ interactionId: undefined }), /Missing interactionId/],
    ['an empty interaction', seedEvent({ interactionId: '' }), /Missing interactionId/],
    ['an interaction that is no text', seedEvent({ interactionId: { a: 1 } }), /Missing interactionId/],
    ['no detail', { source: 'genesys.cloud', detail: null }, /Missing interactionId/],
    ['a partner event without a conversation', partnerEvent({ conversationId: undefined }), /Missing interactionId/],
    ['no customer', seedEvent({ externalCustomerId: undefined }), /names no customer/],
    ['an empty customer', seedEvent({ externalCustomerId: '' }), /names no customer/],
    ['a customer that is no id', seedEvent({ externalCustomerId: ['CUST-1001'] }), /names no customer/],
    ['a customer that leads to another path', seedEvent({ externalCustomerId: '..' }), /customerId: expected an id/],
    ['a customer in half a character', seedEvent({ externalCustomerId: 'a\ud800' }), /customerId: expected well-formed/],
    ['a customer without end', seedEvent({ externalCustomerId: 'x'.repeat(2000) }), /customerId: expected at most/],
    ['nothing', undefined, /Invalid event source/], ['null', null, /Invalid event source/], ['a text', 'event', /Invalid event source/], ['an array', [], /Invalid event source/],
  ];
  for (const [what, event, details] of hopeless) {
    it(`answers 500 to ${what}, and asks nobody`, async () => {
      const answer = await stage.handler()(event, {});
      assert.equal(answer.statusCode, 500);
      assert.deepEqual(Object.keys(bodyOf(answer)), ['error', 'details']);
      assert.equal(bodyOf(answer).error, 'Enrichment failed');
      assert.match(bodyOf(answer).details, details);
      assert.equal(stage.sandbox.requests.total, 0, 'there is no customer by default');
    });
  }

  it('writes nothing for a customer that the CRM does not know', async () => {
    const answer = await stage.handler()(seedEvent({ externalCustomerId: 'CUST-0' }));
    assert.equal(answer.statusCode, 500);
    assert.deepEqual(bodyOf(answer), { error: 'Enrichment failed', details: 'NOT_FOUND: CRM answered 404' });
    assert.equal(stage.writes().length, 0);
    assert.equal(stage.sandbox.requests.total, 1);
  });

  for (const id of ['a/b', 'a?b=c#d', 'ü 7', '../admin', '%2e%2e']) {
    it(`asks the CRM for ${id} and nobody else`, async () => {
      const platform = await stage.platform();
      await stage.handler({ env: platform.env })(seedEvent({ externalCustomerId: id, interactionId: id }));
      assert.equal(platform.seen[0].url, `/customers/${encodeURIComponent(id)}`);
      assert.equal(platform.seen[2].url, `/api/v2/interactions/${encodeURIComponent(id)}`);
    });
  }

  for (const status of [404, 410]) {
    it(`skips an interaction that is gone (${status})`, async () => {
      const event = seedEvent();
      stage.sandbox.faults.add({ method: 'PATCH', status });
      const answer = await stage.handler()(event);
      assert.deepEqual([answer.statusCode, bodyOf(answer)], [200, { message: 'The interaction is gone', interactionId: event.detail.interactionId, skipped: true }]);
      assert.equal(stage.sandbox.requests.list().filter(({ method }) => method === 'PATCH').length, 1, 'without another try');
      const [line] = stage.logger.lines;
      assert.deepEqual([line.level, line.msg, line.fields.skipped], ['warn', 'The interaction is gone', true]);
      assert.match(line.fields.hint, /participantAttributes/);
    });
  }

  it('does not take a token server\'s 404 for an interaction that is gone', async () => {
    const platform = await stage.platform(({ url }) => (url === '/oauth/token' ? answering(404) : undefined));
    const answer = await stage.handler({ env: platform.env })(seedEvent());
    assert.equal(answer.statusCode, 500);
    assert.match(bodyOf(answer).details, /NOT_FOUND: .*token server/);
  });

  for (const [who, method, status, code] of /** @type {Array<[string, string, number, string]>} */ ([
    ['the CRM', 'GET', 400, 'BAD_REQUEST'], ['the CRM', 'GET', 401, 'AUTHENTICATION_FAILED'], ['the CRM', 'GET', 403, 'AUTHORIZATION_FAILED'],
    ['Genesys Cloud', 'PATCH', 400, 'BAD_REQUEST'], ['Genesys Cloud', 'PATCH', 403, 'AUTHORIZATION_FAILED'], ['Genesys Cloud', 'PATCH', 409, 'CONFLICT'],
  ])) {
    it(`answers 500 to a ${status} of ${who}, without another try`, async () => {
      stage.sandbox.faults.add({ method, status, times: -1 });
      const answer = await stage.handler()(seedEvent());
      assert.equal(answer.statusCode, 500);
      assert.match(bodyOf(answer).details, new RegExp(`^${code}: `));
      assert.equal(stage.sandbox.requests.list().filter((request) => request.method === method).length, 1);
      assert.equal(stage.writes().length, 0);
    });
  }

  for (const status of [201, 202, 204]) {
    it(`takes no ${status} of the CRM for a customer`, async () => {
      stage.sandbox.faults.add({ method: 'GET', status, body: '{"crmAccountId":"A"}', times: -1 });
      const answer = await stage.handler()(seedEvent());
      assert.deepEqual([answer.statusCode, bodyOf(answer).details], [500, `UNEXPECTED_STATUS: CRM answered ${status} instead of 200`]);
      assert.equal(stage.writes().length, 0);
    });
  }
});
