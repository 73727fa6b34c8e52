// What the user may say: where customers are, whose they are, what is written and where; and our own writes that come back as events.
'use strict';

const assert = require('node:assert/strict');
const { openEnrichmentStage, seedEvent, partnerEvent, CUSTOMER } = require('../support/enrichment-stage.js');

const TARGET = /** @type {const} */ ('participantAttributes');
const TEXTS = { ...CUSTOMER, lifetimeValue: '14250.75' };

/** @param {{ body: string }} answer */
const bodyOf = ({ body }) => JSON.parse(body);

describe('enrichment of participants', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  /** @param {string} conversationId */
  const participantsOf = async (conversationId) => (await stage.read(`/api/v2/conversations/${conversationId}`)).participants;

  it('writes to the participant that the event names, values as strings', async () => {
    const event = partnerEvent();
    const { conversationId, participantId } = event.detail.eventBody;
    const answer = await stage.handler({ target: TARGET })(event);
    assert.equal(answer.body, `{"message":"Interaction context enriched successfully","interactionId":"${conversationId}"}`);
    const [participant] = await participantsOf(conversationId);
    assert.deepEqual([participant.id, participant.attributes], [participantId, TEXTS]);
  });

  it('asks for a token without a scope, as Genesys Cloud has it', async () => {
    const platform = await stage.platform();
    await stage.handler({ env: platform.env, target: TARGET })(partnerEvent());
    assert.equal(platform.seen[1].body, 'grant_type=client_credentials');
  });

  it('makes strings of every kind of value', async () => {
    const platform = await stage.platform();
    const mapCustomer = () => ({ number: 1.5, no: false, nothing: null, list: [1], object: { a: 1 }, text: 'ü' });
    await stage.handler({ env: platform.env, target: TARGET, mapCustomer })(partnerEvent());
    assert.deepEqual(JSON.parse(platform.seen[2].body), { attributes: { number: '1.5', no: 'false', nothing: '', list: '[1]', object: '{"a":1}', text: 'ü' } });
  });

  it('looks up the conversation\'s customer where the event names no participant', async () => {
    for (const event of [partnerEvent({ participantId: undefined }), seedEvent()]) {
      const conversationId = event.detail.interactionId ?? event.detail.eventBody.conversationId;
      assert.equal((await stage.handler({ target: TARGET })(event)).statusCode, 200);
      const participants = await participantsOf(conversationId);
      assert.deepEqual(participants.map((/** @type {any} */ one) => [one.purpose, one.attributes]), [['customer', TEXTS], ['agent', {}]]);
    }
  });

  it('a conversation without a customer is answered, one that is gone skipped', async () => {
    const platform = await stage.platform(({ url }) => (url.startsWith('/api/v2/conversations/') ? (res) => res.end('{"participants":[{"id":"x","purpose":"agent"},null]}') : undefined));
    const answer = await stage.handler({ env: platform.env, target: TARGET })(seedEvent());
    assert.deepEqual([answer.statusCode, bodyOf(answer).details], [500, 'NOT_FOUND: the conversation has no participant who is a customer']);
    stage.sandbox.faults.add({ method: 'GET', path: '/api/v2/conversations', status: 404 });
    assert.equal(bodyOf(await stage.handler({ target: TARGET })(seedEvent())).skipped, true);
    assert.equal(stage.writes().length, 0);
  });

  /** @param {{ detail: any }} event @param {Record<string, unknown>} attributes */
  const echoOf = ({ detail: { eventBody } }, attributes) => partnerEvent({ ...eventBody, attributes }, { 'detail-type': 'v2.detail.events.conversation.{id}.attributes' });

  it('does not write again what comes back as an event, whatever stands beside it', async () => {
    const event = partnerEvent();
    await stage.handler({ target: TARGET })(event);
    for (const attributes of [TEXTS, { ...TEXTS, language: 'de' }]) {
      const answer = await stage.handler({ target: TARGET })(echoOf(event, attributes));
      assert.deepEqual([answer.statusCode, bodyOf(answer).skipped, bodyOf(answer).message], [200, true, 'The attributes are written already']);
    }
    assert.equal(stage.writes().length, 1);
  });

  it('writes where an event tells of other attributes, or of other values', async () => {
    const event = partnerEvent();
    for (const attributes of [{}, { language: 'de' }, { ...TEXTS, loyaltyTier: 'Gold' }, { crmAccountId: TEXTS.crmAccountId }]) {
      assert.equal(bodyOf(await stage.handler({ target: TARGET })(echoOf(event, attributes))).skipped, undefined);
    }
    assert.equal(stage.writes().length, 4);
  });

  it('the seed\'s interactions have no echo', async () => {
    assert.equal(bodyOf(await stage.handler()(partnerEvent({ attributes: TEXTS }))).skipped, undefined);
  });
});

describe('enrichment as the user likes it', () => {
  /** @type {import('../support/enrichment-stage.js').EnrichmentStage} */
  let stage;
  beforeEach(async () => { stage = await openEnrichmentStage(); });
  afterEach(() => stage.close());

  it('customerIdFrom is given the whole event, and may take its time', async () => {
    const event = partnerEvent({ externalContactId: undefined });
    /** @type {any} */
    let given;
    const answer = await stage.handler({ customerIdFrom: async (one) => { given = one; return 'CUST-1002'; } })(event);
    assert.deepEqual([answer.statusCode, given], [200, event]);
    assert.equal((await stage.contextOf(event)).crmAccountId, 'ACCT-10442');
  });

  it('a customer\'s id may be a number, and nothing else that is not text', async () => {
    const platform = await stage.platform();
    const run = (/** @type {any} */ id) => stage.handler({ env: platform.env, customerIdFrom: () => id })(seedEvent());
    assert.equal((await run(0)).statusCode, 200);
    assert.equal(platform.seen[0].url, '/customers/0');
    const before = platform.seen.length;
    for (const id of [null, undefined, '', NaN, 1.5, {}, [], true, 2 ** 60]) assert.equal((await run(id)).statusCode, 500);
    assert.equal(platform.seen.length, before);
  });

  it('finds the id where each shape has it', async () => {
    const platform = await stage.platform();
    const handler = stage.handler({ env: platform.env });
    for (const [event, id] of /** @type {Array<[any, string]>} */ ([
      [seedEvent({ externalCustomerId: 'A' }), 'A'], [partnerEvent({ externalCustomerId: 'B' }), 'B'], [partnerEvent({ attributes: { externalCustomerId: 'C' } }), 'C'], [partnerEvent({ externalContactId: 'D' }), 'D'],
    ])) {
      platform.seen.length = 0;
      await handler(event);
      assert.equal(platform.seen[0].url, `/customers/${id}`);
    }
  });

  it('mapCustomer says what is written', async () => {
    const event = seedEvent();
    /** @type {any[]} */
    const given = [];
    await stage.handler({ mapCustomer: async (...all) => { given.push(...all); return { tier: all[0].loyaltyTier, nested: { a: [1] } }; } })(event);
    assert.deepEqual(given, [CUSTOMER, event]);
    assert.deepEqual(await stage.contextOf(event), { tier: 'Platinum', nested: { a: [1] } });
  });

  it('nothing to write is nothing written', async () => {
    for (const nothing of [undefined, null, {}]) {
      const answer = await stage.handler({ mapCustomer: () => nothing })(seedEvent());
      assert.deepEqual([answer.statusCode, bodyOf(answer).skipped, bodyOf(answer).message], [200, true, 'There is nothing to write']);
    }
    const platform = await stage.platform(({ method }) => (method === 'GET' ? (res) => res.end('{"name":"nothing of ours"}') : undefined));
    assert.equal(bodyOf(await stage.handler({ env: platform.env })(seedEvent())).skipped, true);
    assert.deepEqual(platform.seen.map(({ method }) => method), ['GET']);
  });

  it('the CRM may have its customers elsewhere, and other credentials', async () => {
    const platform = await stage.platform(({ url }) => (url.startsWith('/crm/') ? (res) => res.end('[{"crmAccountId":"A"}]') : undefined));
    const answer = await stage.handler({
      env: { ...platform.env, CRM_API_KEY: undefined }, crmBaseUrl: `${platform.url}/crm`, crmAuth: { type: 'header', name: 'X-Api-Key', value: 'k 1' },
      crmResource: { path: '/v2/search?phone={customerId}&limit=1' }, customerIdFrom: (event) => event.detail.eventBody.ani, mapCustomer: ([first]) => first,
    })(partnerEvent());
    assert.equal(answer.statusCode, 200);
    const [lookUp] = platform.seen;
    assert.deepEqual([lookUp.url, lookUp.headers['x-api-key'], lookUp.headers.authorization], ['/crm/v2/search?phone=tel%3A%2B4930123456&limit=1', 'k 1', undefined]);
  });

  it('the target may be a call of one\'s own', async () => {
    const platform = await stage.platform();
    const event = partnerEvent({ conversationId: 'c/1', participantId: 'p 1' });
    await stage.handler({
      env: platform.env,
      target: { method: 'PUT', path: '/own/{interactionId}/{participantId}/{customerId}?event={eventId}', body: (attributes) => ({ all: attributes }), scope: 'own' },
    })(event);
    const [, token, put] = platform.seen;
    assert.equal(new URLSearchParams(token.body).get('scope'), 'own');
    assert.deepEqual([put.method, put.url, JSON.parse(put.body)], ['PUT', `/own/c%2F1/p%201/CUST-1001?event=${event.id}`, { all: CUSTOMER }]);
    await stage.handler({ env: platform.env, target: { method: 'POST', path: '/own' } })(seedEvent());
    assert.deepEqual(JSON.parse(platform.seen[5].body), CUSTOMER);
  });
});
