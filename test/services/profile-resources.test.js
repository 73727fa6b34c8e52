// What is written to Genesys Cloud's customers and webhooks, and what is read of their answers and events.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { HttpClient } = require('../../lib/http-client.js');
const genesys = require('../../lib/platforms/genesys.js');
const { profileResources: { customerProfiles, externalContacts }, webhooks, readEvents } = require('../../lib/platforms/genesys-profiles.js');

const PROFILE = {
  externalId: 'CUST-998877',
  attributes: { cognigySessionId: 'sess-abc-123', intent: 'billing_inquiry', sentimentScore: 0.82, lastUpdated: '2024-05-20T14:30:00.000Z' },
  identities: [{ type: 'email', value: 'customer@example.com', primary: true }],
};
const URL_OF_US = 'https://middleware.example.com/webhook/genesys-to-cognigy';
const NONE = [undefined, null, 'text', 7, [], {}];

describe('Genesys Cloud: profile resources', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {HttpClient} */
  let client;
  before(async () => {
    sandbox = await createSandbox();
    const { GENESYS_DOMAIN: url, GENESYS_CLIENT_ID: clientId, GENESYS_CLIENT_SECRET: clientSecret } = sandbox.env;
    client = new HttpClient({ baseUrl: url, proxy: false, auth: { .../** @type {any} */ (genesys.auth({ login: url, clientId, clientSecret, scope: customerProfiles.scope })), requiredScopes: customerProfiles.requiredScopes } });
  });
  after(() => Promise.all([sandbox.close(), client.close()]));

  it('a customer profile is posted as the seed has it', async () => {
    const request = customerProfiles.request(PROFILE);
    assert.deepEqual(request, { method: 'POST', path: '/api/v2/customer-profiles/profiles', json: { profile: PROFILE } });
    assert.deepEqual([customerProfiles.path, customerProfiles.keyed], [request.path, true]);
    const answer = await client.request({ ...request, idempotencyKey: 'k' });
    const { id, updatedTimestamp } = answer.json().profile;
    assert.deepEqual(customerProfiles.profileOf(answer.json()), { profileId: id, updatedAt: updatedTimestamp });
  });

  it('an external contact is found by its external id, or created', () => {
    const resource = externalContacts({ externalSourceId: 'source', schemaId: 'schema' });
    assert.deepEqual(JSON.parse(JSON.stringify(resource.request(PROFILE))), {
      method: 'POST',
      path: '/api/v2/externalcontacts/contacts/enrich',
      json: {
        matchingIdentifiers: [{ type: 'ExternalId', value: 'CUST-998877', externalSource: { id: 'source' } }],
        action: 'Upsert',
        contact: {
          externalIds: [{ externalSource: { id: 'source' }, value: 'CUST-998877' }],
          personalEmail: 'customer@example.com',
          schema: { id: 'schema', version: 1 },
          customFields: PROFILE.attributes,
        },
        fieldRules: { defaultAction: 'PreferProvided' },
      },
    });
    assert.deepEqual([resource.scope, resource.requiredScopes, resource.keyed], [undefined, [], false]);
    assert.deepEqual(resource.profileOf({ id: 'c', modifyDate: '2026-01-02T03:04:05.678Z' }), { profileId: 'c', updatedAt: '2026-01-02T03:04:05.678Z' });
  });

  it('an external contact lies in the division that was asked for, with the version of its schema', () => {
    const { json } = /** @type {any} */ (externalContacts({ externalSourceId: 's', schemaId: 'c', schemaVersion: 7, divisionId: '*' }).request(PROFILE));
    assert.deepEqual([json.division, json.contact.division, json.matchingIdentifiers[0].division, json.contact.schema.version], [{ id: '*' }, { id: '*' }, { id: '*' }, 7]);
  });

  it('an external contact gets the primary address, and never a made-up one', () => {
    const emailOf = (/** @type {any[]} */ identities) => (/** @type {any} */ (externalContacts({ externalSourceId: 's', schemaId: 'c' }).request({ ...PROFILE, identities }).json)).contact.personalEmail;
    assert.equal(emailOf([{ type: 'email', value: 'anon-1@temp.local', primary: true }]), undefined);
    assert.equal(emailOf([{ type: 'phone', value: '+49', primary: true }, { type: 'email', value: 'a@example.com' }, { type: 'email', value: 'b@example.com', primary: true }]), 'b@example.com');
    assert.equal(emailOf([{ type: 'email', value: 'a@example.com' }]), 'a@example.com');
  });

  it('an answer of another shape tells nothing', () => {
    const nothing = { profileId: undefined, updatedAt: undefined };
    for (const answer of [...NONE, { profile: { id: 7, updatedTimestamp: 'soon' }, id: '', modifyDate: 8 }]) {
      for (const resource of [customerProfiles, externalContacts({ externalSourceId: 's', schemaId: 'c' })]) assert.deepEqual(resource.profileOf(answer), nothing);
    }
  });

  it('the webhook is that of the seed', () => {
    assert.deepEqual(webhooks.build({ url: URL_OF_US, headers: { 'X-Webhook-Source': 'genesys-cloud' } }), {
      name: 'Cognigy Profile Sync Listener',
      description: 'Receives profile updates and pushes to active Cognigy sessions',
      enabled: true,
      eventFilters: ['customer.profile.update'],
      httpTarget: { url: URL_OF_US, httpHeaders: { 'X-Webhook-Source': 'genesys-cloud' } },
      retryPolicy: { maxRetries: 3, retryIntervalSeconds: 60 },
    });
  });

  it('a webhook is looked up, created, and updated where it differs', async () => {
    sandbox.reset();
    const wanted = webhooks.build({ url: URL_OF_US, headers: { 'X-Webhook-Source': 'genesys-cloud' } });
    const look = async () => webhooks.named((await client.request(webhooks.list())).json(), webhooks.name)[0];
    assert.equal(await look(), undefined);
    const { id } = (await client.request(webhooks.create(wanted))).json();
    const found = await look();
    assert.deepEqual([found?.id, webhooks.isCurrent(found, wanted)], [id, true]);
    const other = webhooks.build({ url: URL_OF_US, headers: { 'X-Webhook-Source': 'genesys-cloud', Authorization: 'Bearer t' } });
    assert.equal(webhooks.isCurrent(found, other), false);
    await client.request(webhooks.update(id, other));
    assert.equal(webhooks.isCurrent(await look(), other), true);
  });

  it('are found by their name, which several may have', () => {
    const named = (/** @type {string} */ id, /** @type {string} */ url, name = webhooks.name) => ({ id, name, httpTarget: { url } });
    const entities = [null, 7, { name: webhooks.name }, named('1', 'https://elsewhere.example.com'), named('2', URL_OF_US), named('3', URL_OF_US, 'other')];
    const idsOf = (/** @type {any} */ answer, /** @type {string} */ name) => webhooks.named(answer, name).map(({ id }) => id);
    assert.deepEqual(idsOf({ entities }, webhooks.name), ['1', '2']);
    assert.deepEqual(idsOf(entities, 'other'), ['3']);
    for (const none of NONE) assert.deepEqual(idsOf(none, webhooks.name), []);
    assert.deepEqual([webhooks.pageCount({ pageCount: 3 }), ...NONE.map(webhooks.pageCount)], [3, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(webhooks.list(2).query, { pageSize: 100, pageNumber: 2 });
  });

  it('a webhook that lacks or differs in anything is not current', () => {
    const wanted = webhooks.build({ url: URL_OF_US, headers: {} });
    assert.equal(webhooks.isCurrent({ ...wanted, id: '1', version: 3 }, wanted), true);
    for (const more of [{ enabled: false }, { eventFilters: [] }, { eventFilters: ['customer.profile.update', 'other'] }, { httpTarget: undefined }, { retryPolicy: { maxRetries: 3 } }]) {
      assert.equal(webhooks.isCurrent({ ...wanted, ...more }, wanted), false, JSON.stringify(more));
    }
    for (const none of NONE) assert.equal(webhooks.isCurrent(none, wanted), false);
  });

  it('every change of an array of events is read, and nothing else', () => {
    const profile = { id: 'p-1', externalId: 'CUST-998877', attributes: { intent: 'billing_inquiry' } };
    const event = { eventType: 'customer.profile.update', timestamp: '2024-05-20T14:35:00.000Z', profile };
    const read = { eventType: 'customer.profile.update', timestamp: '2024-05-20T14:35:00.000Z', profileId: 'p-1', externalId: 'CUST-998877', attributes: { intent: 'billing_inquiry' } };
    assert.deepEqual(readEvents({ events: [event, { ...event, profile: { ...profile, id: 'p-2' } }] }), [read, { ...read, profileId: 'p-2' }]);
    assert.deepEqual(readEvents({ events: [{ ...event, timestamp: 'soon', profile: { ...profile, externalId: 7 } }] }), [{ ...read, timestamp: undefined, externalId: undefined }]);
    const odd = [...NONE, { ...event, eventType: 'other' }, { eventType: event.eventType }, ...[{ id: '' }, { id: 7 }, { attributes: null }, { attributes: [] }].map((more) => ({ ...event, profile: { ...profile, ...more } }))];
    assert.deepEqual(readEvents({ events: odd }), []);
    for (const payload of [...NONE, { events: {} }, Object.create({ events: [event] })]) assert.equal(readEvents(payload), undefined);
  });
});
