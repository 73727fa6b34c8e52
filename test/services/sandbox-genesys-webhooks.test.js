// The simulated Genesys Cloud's webhooks: kept as they are posted, and delivered, in order, again where they were not taken.
'use strict';

const assert = require('node:assert/strict');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { Deliveries } = require('../../lib/sandbox/deliveries.js');
const { openPlatform, answering } = require('../support/platform.js');
const { genesysCaller } = require('../support/sandbox-caller.js');
const { send } = require('../support/send.js');

const PROFILES = '/api/v2/customer-profiles/profiles';
const WEBHOOKS = '/api/v2/webhooks';
const HOUR_MS = 3_600_000;

describe('sandbox: Genesys Cloud, its webhooks', () => {
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {Awaited<ReturnType<typeof openPlatform>>} */
  let receiver;
  /** @type {Awaited<ReturnType<typeof genesysCaller>>} */
  let call;
  beforeEach(async () => {
    [sandbox, receiver] = await Promise.all([createSandbox(), openPlatform()]);
    call = await genesysCaller(sandbox);
    sandbox.settings.genesys.retryIntervalMs = 1;
  });
  afterEach(() => Promise.all([sandbox.close(), receiver.close()]));

  /** @param {object} [more] */
  const webhook = (more) => ({
    name: 'Listener', description: 'd', enabled: true, eventFilters: ['customer.profile.update'],
    httpTarget: { url: `${receiver.url}/webhook/genesys?key=secret`, httpHeaders: { 'X-Webhook-Source': 'genesys-cloud' } },
    retryPolicy: { maxRetries: 3, retryIntervalSeconds: 60 }, ...more,
  });
  /** @param {object} [more] @returns {Promise<string>} its id */
  const register = async (more) => (await call('POST', WEBHOOKS, webhook(more))).json.id;
  /** @param {Record<string, unknown>} attributes @param {string} [externalId] @returns {Promise<any>} */
  const write = async (attributes, externalId = 'c-1') => (await call('POST', PROFILES, { profile: { externalId, attributes } })).json.profile;
  const bodies = () => receiver.seen.map(({ body }) => JSON.parse(body));

  it('are kept as they are posted, a name as often as it is posted', async () => {
    const first = await call('POST', WEBHOOKS, webhook());
    const { id, ...rest } = first.json;
    assert.deepEqual([first.status, rest], [201, webhook()]);
    const second = await register();
    assert.notEqual(second, id);
    const { json } = await call('GET', WEBHOOKS);
    assert.deepEqual([json.total, json.pageCount, json.entities.map((/** @type {any} */ one) => one.id)], [2, 1, [id, second]]);
    const page = (await call('GET', `${WEBHOOKS}?pageSize=1&pageNumber=2`)).json;
    assert.deepEqual([page.pageCount, page.entities.length, page.entities[0].id], [2, 1, second]);
  });

  it('are changed in whole with PUT, in part with PATCH, and taken away with DELETE', async () => {
    const id = await register();
    assert.deepEqual((await call('PUT', `${WEBHOOKS}/${id}`, webhook({ description: 'new' }))).json, { id, ...webhook({ description: 'new' }) });
    assert.deepEqual((await call('PATCH', `${WEBHOOKS}/${id}`, { enabled: false })).json, { id, ...webhook({ description: 'new', enabled: false }) });
    assert.equal((await call('GET', `${WEBHOOKS}/${id}`)).json.enabled, false);
    assert.equal((await call('DELETE', `${WEBHOOKS}/${id}`)).status, 204);
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      assert.equal((await call(method, `${WEBHOOKS}/${id}`, method[0] === 'P' ? webhook() : undefined)).status, 404, method);
    }
  });

  it('ask for the scopes of the seed, and refuse what could not be delivered', async () => {
    for (const scope of ['webhook:write', 'customer:profile:webhook']) {
      assert.equal((await (await genesysCaller(sandbox, scope))('POST', WEBHOOKS, webhook())).status, 403, scope);
    }
    for (const more of [{ name: '' }, { enabled: 'yes' }, { eventFilters: [] }, { httpTarget: {} }, { httpTarget: { url: 'ftp://x' } }, { httpTarget: { url: 'http://x', httpHeaders: { 'a b': 'c' } } },
      { retryPolicy: { maxRetries: 11 } }, { retryPolicy: { retryIntervalSeconds: 0 } }]) {
      assert.equal((await call('POST', WEBHOOKS, webhook(more))).status, 400, JSON.stringify(more));
    }
    for (const query of ['pageSize=0', 'pageSize=101', 'pageNumber=x']) assert.equal((await call('GET', `${WEBHOOKS}?${query}`)).status, 400, query);
  });

  it('deliver every change of a profile, whole, with the headers that were asked for', async () => {
    const id = await register();
    const written = await write({ intent: 'a' });
    await call('PATCH', `${PROFILES}/c-1`, { attributes: { agentOverride: 'x' } });
    const [first] = await receiver.requests(2);
    assert.deepEqual([first.method, first.url, first.headers['x-webhook-source'], first.headers['content-type']], ['POST', '/webhook/genesys?key=secret', 'genesys-cloud', 'application/json']);
    assert.deepEqual(bodies()[0], { events: [{
      eventType: 'customer.profile.update', timestamp: written.updatedTimestamp, profile: { id: written.id, externalId: 'c-1', attributes: { intent: 'a' } },
    }] });
    assert.deepEqual(bodies()[1].events[0].profile.attributes, { intent: 'a', agentOverride: 'x' });
    await sandbox.deliveries.idle();
    const { at, ...entry } = sandbox.deliveries.list()[0];
    assert.equal(new Date(at).toISOString(), at);
    assert.deepEqual(entry, {
      number: 1, webhookId: id, url: `${receiver.url}/webhook/genesys`, eventType: 'customer.profile.update', externalId: 'c-1', status: 200, code: null, attempts: 1,
    });
  });

  it('deliver to each that wants to know, and to no other', async () => {
    await Promise.all([register(), register()]);
    await register({ enabled: false });
    await register({ eventFilters: ['something.else'] });
    await write({});
    await sandbox.deliveries.idle();
    assert.equal(receiver.seen.length, 2);
  });

  it('deliver nothing for an answer that was remembered', async () => {
    await register();
    for (let i = 0; i < 2; i += 1) await call('POST', PROFILES, { profile: { externalId: 'c-1', attributes: {} } }, { 'idempotency-key': 'k' });
    await sandbox.deliveries.idle();
    assert.equal(receiver.seen.length, 1);
  });

  it('deliver again what was not taken, as often as the policy says, and what comes after it after it', async () => {
    await register();
    receiver.answer = (res, seen, number) => answering(number <= 2 ? [404, 500][number - 1] : 204)(res, seen, number);
    for (const value of [1, 2, 3]) await write({ value });
    await sandbox.deliveries.idle();
    assert.deepEqual(bodies().map(({ events: [event] }) => event.profile.attributes.value), [1, 1, 1, 2, 3]);
    assert.deepEqual(sandbox.deliveries.list().map(({ status, attempts }) => [status, attempts]), [[204, 3], [204, 1], [204, 1]]);
  });

  it('give up after the last try, and go on with the next', async () => {
    await register({ retryPolicy: { maxRetries: 1, retryIntervalSeconds: 60 } });
    receiver.answer = (res, seen, number) => answering(number <= 2 ? 302 : 200)(res, seen, number);
    for (const value of [1, 2]) await write({ value });
    await sandbox.deliveries.idle();
    assert.deepEqual(sandbox.deliveries.list().map(({ status, code, attempts }) => [status, code, attempts]), [[302, 'UNEXPECTED_STATUS', 2], [200, null, 1]]);
  });

  it('deliver again where nobody answered', async () => {
    await register();
    receiver.answer = (res, seen, number) => (number === 1 ? res.destroy() : res.end('{}'));
    await write({});
    const [{ status, attempts }] = await sandbox.deliveries.waitFor(() => true);
    assert.deepEqual([status, attempts], [200, 2]);
  });

  it('wait as long as the policy says, unless told otherwise', async () => {
    sandbox.settings.genesys.retryIntervalMs = undefined;
    await register({ retryPolicy: { maxRetries: 3, retryIntervalSeconds: 3600 } });
    receiver.answer = (res, { url }) => answering(url === '/other' ? 200 : 503)(res, receiver.seen[0], 0);
    await write({ value: 1 });
    await receiver.requests(1);
    const other = await register({ httpTarget: { url: `${receiver.url}/other` } });
    for (const value of [2, 3, 4]) await write({ value });
    await sandbox.deliveries.waitFor(({ webhookId }) => webhookId === other, { count: 3 });
    assert.deepEqual([receiver.seen.length, sandbox.deliveries.pending, sandbox.deliveries.total], [4, 4, 3]);
  });

  it('a webhook that is taken away, a reset and the end of the sandbox drop what is pending', async () => {
    sandbox.settings.genesys.retryIntervalMs = HOUR_MS;
    receiver.answer = answering(503);
    const id = await register();
    for (let i = 0; i < 3; i += 1) await write({ i });
    await receiver.requests(1);
    assert.equal(sandbox.deliveries.pending, 3);
    await call('DELETE', `${WEBHOOKS}/${id}`);
    await sandbox.deliveries.idle();
    assert.equal(sandbox.deliveries.total, 0);

    await register();
    await write({});
    await receiver.requests(2);
    sandbox.reset();
    assert.deepEqual([sandbox.deliveries.pending, sandbox.settings.genesys.retryIntervalMs], [0, undefined]);

    call = await genesysCaller(sandbox);
    await register();
    await write({});
    await receiver.requests(3);
    await sandbox.close();
    assert.equal(sandbox.deliveries.pending, 0);
    sandbox = await createSandbox();
  });

  it('more than can be kept are dropped, and counted', async () => {
    receiver.answer = answering(503);
    const delivery = {
      webhookId: 'w', url: new URL(receiver.url), headers: {}, retry: { attempts: 2, intervalMs: HOUR_MS }, facts: { eventType: 't', externalId: 'c' }, body: '{"events":[]}',
    };
    for (const bounds of [{ maxPending: 2 }, { maxPendingBytes: 2 * delivery.body.length }]) {
      const deliveries = new Deliveries(bounds);
      for (let i = 0; i < 5; i += 1) deliveries.add(delivery);
      assert.deepEqual([deliveries.pending, deliveries.dropped], [2, 3]);
      await deliveries.forget('w');
      deliveries.add(delivery);
      assert.deepEqual([deliveries.pending, deliveries.dropped], [1, 3]);
      await deliveries.close();
      deliveries.add(delivery);
      assert.equal(deliveries.pending, 0);
    }
  });

  it('the control interface shows the deliveries, and forgets them', async () => {
    await register();
    await write({});
    await sandbox.deliveries.idle();
    const path = `${sandbox.url}/__sandbox/deliveries`;
    const { json } = await send(path, { method: 'GET' });
    assert.deepEqual([json.total, json.pending, json.dropped, json.deliveries], [1, 0, 0, sandbox.deliveries.list()]);
    assert.ok(!JSON.stringify(json).includes('secret'));
    assert.equal((await send(path, { method: 'DELETE' })).status, 204);
    assert.deepEqual([sandbox.deliveries.total, sandbox.deliveries.list()], [0, []]);
  });
});
