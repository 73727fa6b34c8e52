// The intent router's hosts and resources: the tenant's own, and CXone's documented APIs, found by discovery.
'use strict';

const assert = require('node:assert/strict');
const https = require('node:https');
const { once } = require('node:events');
const { intentRouter } = require('../../lib/index.js');
const cxone = require('../../lib/platforms/cxone.js');
const { openRouterStage, CONVERSATION } = require('../support/router-stage.js');
const { Authority } = require('../support/certificates.js');
const { ForwardProxy } = require('../support/forward-proxy.js');
const { send } = require('../support/send.js');

const GOOD = { conversationId: '60123456789', intent: 'billing & more', confidence: 0.5 };
const CONFIGURATION = { area: 'na1', cluster: 'c32', domain: 'niceincontact.com', acdDomain: 'nice-incontact.com', uhDomain: 'nice-incontact.com' };

describe('intentRouter resources', () => {
  /** @type {import('../support/router-stage.js').RouterStage} */
  let stage;
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  /** A CXone of issuer, token endpoint and APIs; `configuration` is its discovery document. @param {(number: number) => [number, object]} [configuration] */
  async function documented(configuration) {
    const platform = await stage.platform();
    let asked = 0;
    const document = configuration ?? (() => [200, { ...CONFIGURATION, api_endpoint: platform.url }]);
    platform.answer = (res, { url }) => {
      const [status, body] = url.startsWith('/.well-known/cxone-configuration') ? document((asked += 1))
        : url === '/.well-known/openid-configuration' ? [200, { issuer: platform.url, token_endpoint: `${platform.url}/auth/token` }]
          : url === '/auth/token' ? [200, { access_token: 'found', token_type: 'Bearer', expires_in: 3600 }] : [204, {}];
      res.writeHead(/** @type {number} */ (status)).end(status === 204 ? undefined : JSON.stringify(body));
    };
    return platform;
  }

  describe('at the tenant', () => {
    it('sends everything of acme to acme.my.cxone.com, over TLS', async () => {
      const authorities = new Authority(stage.folder);
      /** @type {string[]} */
      const asked = [];
      const server = https.createServer(authorities.leaf('DNS:acme.my.cxone.com'), (req, res) => {
        asked.push(`${req.headers.host} ${req.method} ${req.url}`);
        res.end(req.url === '/oauth/token' ? '{"access_token":"found","token_type":"Bearer","expires_in":3600}' : '{"id":"r1"}');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      stage.add({ close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) });
      const proxy = stage.add(await new ForwardProxy().open());
      proxy.hosts = { 'acme.my.cxone.com:443': /** @type {import('node:net').AddressInfo} */ (server.address()).port };
      const router = stage.router({ tenant: 'acme', proxy: proxy.url, tls: { ca: authorities.ca } });
      await router.route(GOOD);
      await router.createRoutingRule({ intent: 'x', queueId: 'q' });
      assert.deepEqual(asked, ['POST /oauth/token', 'POST /api/v2/interactions/interactions/60123456789/context', 'POST /api/v2/routing/rules'].map((one) => `acme.my.cxone.com ${one}`));
    });

    /** @type {Array<[string, string]>} */
    const tenants = [['acme.example.com', 'acme.example.com:443'], ['https://cx.example.com:8443', 'cx.example.com:8443'], ['localhost:8443', 'localhost:8443']];
    for (const [tenant, authority] of tenants) {
      it(`asks ${authority} for the token of ${tenant}`, async () => {
        const proxy = stage.add(await new ForwardProxy().open());
        proxy.refusal = 'HTTP/1.1 403 Forbidden\r\n\r\n';
        const router = stage.router({ tenant, proxy: proxy.url, deadlineMs: 500 });
        await assert.rejects(router.route(GOOD), { platform: 'CXone' });
        assert.deepEqual([...new Set(proxy.connects)], [authority]);
      });
    }
  });

  describe('of the documented APIs', () => {
    it('finds issuer, token and hosts once, and signals with p1, p2 and p3', async () => {
      const platform = await documented();
      const router = stage.router({ resource: 'signal', tenant: '11eb-85da', issuer: platform.url });
      const results = await Promise.all(Array.from({ length: 20 }, () => router.route(GOOD)));
      assert.deepEqual([results[0].message, results[0].data], ['Signal sent to conversation 60123456789', null]);
      const urls = platform.seen.map(({ method, url }) => `${method} ${url}`);
      assert.deepEqual(urls.slice(0, 3), ['GET /.well-known/cxone-configuration?tenantId=11eb-85da', 'GET /.well-known/openid-configuration', 'POST /auth/token']);
      const token = platform.seen[2];
      assert.equal(token.headers.authorization, `Basic ${Buffer.from('sandbox-cxone-client:sandbox-cxone-client-secret').toString('base64')}`);
      assert.equal(token.body, 'grant_type=password&username=sandbox-cxone-access-key&password=sandbox-cxone-access-key-secret');
      const signals = platform.seen.slice(3);
      assert.equal(signals.length, 20);
      for (const { method, url, headers, body } of signals) {
        const { pathname, searchParams } = new URL(url, platform.url);
        assert.equal(`${method} ${pathname}`, 'POST /inContactAPI/services/v30.0/interactions/60123456789/signal');
        assert.deepEqual([...searchParams].slice(0, 2), [['p1', 'billing & more'], ['p2', '0.5']]);
        assert.match(searchParams.get('p3') ?? '', /^\d{4}-.*Z$/);
        assert.deepEqual([headers.authorization, body], ['Bearer found', '']);
      }
    });

    it('does not signal twice where the first may have arrived', async () => {
      const router = stage.router({ resource: 'signal' });
      await router.ready();
      stage.sandbox.faults.add({ method: 'POST', drop: 'mid-body' });
      await assert.rejects(router.route(GOOD));
      stage.sandbox.faults.add({ method: 'POST', status: 500 });
      await assert.rejects(router.route(GOOD), { attempts: 1 });
      stage.sandbox.faults.add({ method: 'POST', status: 503 });
      assert.equal((await router.route(GOOD)).success, true);
    });

    it('asks again after a discovery that failed for a moment, and tells one that failed for good', async () => {
      const moment = await documented((number) => (number === 1 ? [503, {}] : [200, { ...CONFIGURATION, api_endpoint: moment.url }]));
      await stage.router({ resource: 'signal', tenant: 'a', issuer: moment.url }).route(GOOD);
      const gone = await documented(() => [404, {}]);
      const url = await stage.startRouter({ resource: 'signal', tenant: 'a', issuer: gone.url });
      for (const number of [1, 2]) {
        const { status, json } = await stage.route(url);
        assert.deepEqual([status, json], [500, { success: false, error: 'CONFIG_INVALID: finding the hosts of the tenant: CXone answered 404' }]);
        assert.equal(gone.seen.length, number);
      }
    });

    it('counts discovery among the deadline', async () => {
      const platform = await documented();
      platform.answer = () => {};
      const router = stage.router({ resource: 'signal', tenant: 'a', issuer: platform.url, deadlineMs: 100 });
      await assert.rejects(router.route(GOOD), { code: 'TIMEOUT' });
      const closing = stage.router({ resource: 'signal', tenant: 'a', issuer: platform.url, deadlineMs: 300 });
      const late = closing.route(GOOD).catch((error) => error.code);
      await closing.close();
      assert.equal(await late, 'TIMEOUT');
      await assert.rejects(closing.route(GOOD), { code: 'CLOSED' });
    });

    /** @type {Array<[string, any]>} */
    const documents = [
      ['nothing', {}], ['no JSON object', 7], ['an area that is no label', { ...CONFIGURATION, api_endpoint: 'https://x.example', area: 'na1.evil.example/' }],
      ['a domain that is none', { ...CONFIGURATION, api_endpoint: 'https://x.example', domain: 'evil' }], ['another scheme', { ...CONFIGURATION, api_endpoint: 'ftp://x.example' }],
    ];
    for (const [what, document] of documents) {
      it(`refuses a discovery document of ${what}`, async () => {
        const platform = await documented(() => [200, document]);
        await assert.rejects(stage.router({ resource: 'digitalCustomFields', tenant: 'a', issuer: platform.url }).route(GOOD), { code: 'MALFORMED_RESPONSE' });
        assert.equal(platform.seen.length, 1);
      });
    }

    it('sends no token over plain http to a host that discovery names', async () => {
      const platform = await documented(() => [200, { ...CONFIGURATION, api_endpoint: 'http://api.example.com' }]);
      await assert.rejects(stage.router({ resource: 'signal', tenant: 'a', issuer: platform.url, allowInsecure: true }).route(GOOD), { code: 'CONFIG_INVALID' });
      assert.equal(platform.seen.length, 1);
    });

    it('finds Digital by area and domain', async () => {
      assert.deepEqual(cxone.hostsOf({ ...CONFIGURATION, api_endpoint: 'https://api-na1.niceincontact.com' }),
        { acd: 'https://api-na1.niceincontact.com', digital: 'https://api-de-na1.niceincontact.com' });
      assert.equal(cxone.hostsOf({ ...CONFIGURATION, area: 'na2', api_endpoint: 'https://x.example' })?.digital, 'https://api-de-na2.nicecxone-gov.com');
      const platform = await documented();
      const proxy = stage.add(await new ForwardProxy().open());
      proxy.refusal = 'HTTP/1.1 403 Forbidden\r\n\r\n';
      const authority = new URL(platform.url).host;
      proxy.hosts = { [authority]: Number(authority.split(':')[1]) };
      const router = stage.router({ resource: 'digitalCustomFields', tenant: 'a', issuer: platform.url, proxy: proxy.url, deadlineMs: 500 });
      await assert.rejects(router.route(GOOD), { code: 'CONNECTION_FAILED' });
      assert.deepEqual([...new Set(proxy.connects)], ['api-de-na1.niceincontact.com:443']);
    });

    it('sets Digital custom fields as texts, and the routing queue by the intent', async () => {
      const fields = stage.router({ resource: 'digitalCustomFields', attributeNames: { intent: 'intent', confidence: 'score', time: 'at' } });
      await fields.route({ ...GOOD, conversationId: CONVERSATION });
      const queue = stage.router({ env: { ...stage.sandbox.env, CXONE_RESOURCE: 'routingQueue', CXONE_ROUTES: '{"billing":4711}', CXONE_DEFAULT_QUEUE: '7' } });
      const answers = [];
      for (const intent of ['billing', 'constructor']) {
        assert.equal((await queue.route({ conversationId: CONVERSATION, intent })).message, `Routing queue set for conversation ${CONVERSATION}`);
        answers.push(await contact(CONVERSATION));
      }
      assert.deepEqual(answers.map(({ skillId }) => skillId), [4711, 7]);
      const [intent, score, at] = answers[0].customFields;
      assert.deepEqual([intent, score, at.ident], [{ ident: 'intent', value: 'billing & more' }, { ident: 'score', value: '0.5' }, 'at']);
    });

    it('refuses an intent that has no queue', async () => {
      const url = await stage.startRouter({ resource: 'routingQueue', routes: { billing: 4711 } });
      const { status, json } = await stage.route(url, { intent: 'toString' });
      assert.deepEqual([status, json], [400, { success: false, error: 'Invalid fields: intent (no queue is configured for it)' }]);
    });

    /** What the simulated Digital holds. @param {string} id */
    async function contact(id) {
      const { CXONE_CLIENT_ID: client_id, CXONE_CLIENT_SECRET: client_secret } = stage.sandbox.env;
      const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret }).toString();
      const token = (await send(`${stage.sandbox.url}/auth/token`, { body: form })).json.access_token;
      return (await send(`${stage.sandbox.url}/dfo/3.0/contacts/${id}`, { method: 'GET', headers: { authorization: `Bearer ${token}` } })).json;
    }
  });

  it('takes a resource of your own', async () => {
    const platform = await stage.cxone();
    const router = stage.router({
      ...platform.options,
      resource: { method: 'PATCH', path: ({ conversationId }) => `/own/${conversationId}`, query: ({ confidence }) => ({ confidence }), json: ({ intent, time }) => ({ intent, time }) },
    });
    assert.equal((await router.route(GOOD)).message, 'Routed conversation 60123456789');
    const [{ method, url, body }] = platform.calls;
    assert.deepEqual([method, url, JSON.parse(body).intent], ['PATCH', '/own/60123456789?confidence=0.5', 'billing & more']);
  });

  describe('options', () => {
    const env = { CXONE_TENANT: 'acme', CXONE_CLIENT_ID: 'id', CXONE_CLIENT_SECRET: 'hunter2' };

    /** @type {Array<[any, RegExp]>} */
    const refused = [
      [{ env: {} }, /^missing: CXONE_TENANT, CXONE_CLIENT_ID, CXONE_CLIENT_SECRET$/],
      [{ env: { ...env, CXONE_RESOURCE: 'signal' } }, /^missing: CXONE_ACCESS_KEY_ID, CXONE_ACCESS_KEY_SECRET$/],
      [{ env: { ...env, CXONE_RESOURCE: 'constructor' } }, /^CXONE_RESOURCE: expected interactionContext, signal, digitalCustomFields, routingQueue or an object, got a string$/],
      [{ resource: { method: 'POST', path: '/x' } }, /^resource: expected \{ method, path\(facts\), … \}/], [{ resource: { method: 'POST', path: () => '/', host: 'x' } }, /^resource: /],
      [{ resource: 7 }, /^resource: expected interactionContext, .*, got 7$/], [{ resource: null }, /^resource: .*got null$/], [{ env: { ...env, CXONE_RESOURCE: '{}' } }, /^resource: /],
      [{ resource: 'routingQueue', accessKeyId: 'k', accessKeySecret: 's' }, /^missing: CXONE_ROUTES$/],
      [{ resource: 'routingQueue', accessKeyId: 'k', accessKeySecret: 's', routes: { a: '7' } }, /^routes\.a \(CXONE_ROUTES\): expected the id of a skill/],
      [{ env: { ...env, CXONE_ROUTES: '[1]' } }, /^CXONE_ROUTES: expected an object/], [{ env: { ...env, CXONE_ROUTES: '{' } }, /^CXONE_ROUTES: expected an object/],
      [{ attributeNames: 'constructor' }, /^attributeNames: expected routedAt, lastUpdated or an object/], [{ attributeNames: { intent: 'a' } }, /^attributeNames/],
      [{ attributeNames: { intent: 'a', confidence: 'a', time: 'b' } }, /^attributeNames/], [{ env: { ...env, CXONE_ATTRIBUTE_NAMES: 'a,b,c' } }, /^CXONE_ATTRIBUTE_NAMES: expected/],
      [{ tenant: 'http://cx.example.com' }, /plain http to .* is refused/], [{ tenant: 'a b' }, /^tenant: expected a host/], [{ tenant: 7 }, /^tenant: expected a non-empty string, got 7$/],
      [{ tenant: 'acme.example.com', resource: 'signal', accessKeyId: 'k', accessKeySecret: 's' }, /^tenant \(CXONE_TENANT\): expected the id of the tenant/],
      [{ deadlineMs: 0 }, /^deadlineMs: /], [{ retry: null }, /^retry: expected an object, got null$/], [{ retry: { tries: 1 } }, /^retry\.tries: /], [{ logger: {} }, /^logger: /],
      [{ corsOrigin: 'example.com' }, /^corsOrigin \(CORS_ORIGIN\): expected origins/], [{ corsOrigin: ['https://a.example/path'] }, /^corsOrigin/], [{ env: { ...env, CORS_ORIGIN: 'https://a.example,ftp://b' } }, /^corsOrigin/],
      [{ tenat: 'x' }, /^tenat: is not an option; known are accessKeyId, /], [{ clientSecret: '' }, /^clientSecret: expected a non-empty string, got an empty string$/],
    ];
    refused.forEach(([options, message], index) => {
      it(`refuses bad options ${index + 1}: ${message.source.slice(0, 70)}`, () => {
        assert.throws(() => intentRouter({ env, logger: false, ...options }), (/** @type {any} */ error) => {
          assert.equal(error.code, 'CONFIG_INVALID');
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /hunter2/);
          return true;
        });
      });
    });
  });
});
