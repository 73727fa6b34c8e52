// Options and environment of the enrichment: what is missing, wrong or unknown is told at once, by name, and without showing a secret; where a host leads.
'use strict';

const assert = require('node:assert/strict');
const { enrichmentHandler, TrunklineError } = require('../../lib/lambda.js');
const genesys = require('../../lib/platforms/genesys.js');
const { readEnrichmentOptions } = require('../../lib/services/enrichment-options.js');
const { openEnrichmentStage, seedEvent } = require('../support/enrichment-stage.js');

/** @type {import('../../lambda').EnrichmentOptions} */
const GOOD = { clientId: 'id', clientSecret: 'hunter2', environment: 'http://127.0.0.1:9', crmBaseUrl: 'http://127.0.0.1:9', crmApiKey: 'hunter2', logger: false, env: {} };

/** @param {any} options @param {RegExp} message */
function assertRefused(options, message) {
  assert.throws(() => enrichmentHandler(options), (error) => {
    assert.ok(error instanceof TrunklineError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
}

describe('enrichment options', () => {
  it('names every missing variable at once', () => {
    assertRefused({ env: {}, logger: false }, /^missing: GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, CRM_API_BASE_URL, CRM_API_KEY$/);
    assertRefused({ env: { CRM_API_KEY: 'x', GENESYS_CLIENT_ID: 'x' }, logger: false }, /^missing: GENESYS_CLIENT_SECRET, CRM_API_BASE_URL$/);
  });

  /** @type {Array<[any, RegExp]>} */
  const wrong = [
    [{ clientId: '' }, /^clientId: expected a non-empty string/], [{ clientSecret: 7 }, /^clientSecret: .*got a number$/], [{ crmApiKey: 'two words hunter2' }, /^crmApiKey: expected a token/],
    [{ environment: 'ftp://x' }, /^environment: expected a host/], [{ environment: 'mypurecloud.com/v2' }, /^environment: expected a host without a path/], [{ crmBaseUrl: 'not a host' }, /^crmBaseUrl: /],
    [{ environment: undefined, env: { GENESYS_ENVIRONMENT: 'mypurecloud.com/v2' } }, /^GENESYS_ENVIRONMENT: expected a host without a path/], [{ environment: 'https://user:hunter2@x' }, /^environment: /], [{ environment: '' }, /^environment: /],
    [{ target: 'interactions' }, /^target: expected interactionContext, participantAttributes or \{ method, path, body \}/], [{ target: 'constructor' }, /^target: /], [{ target: null }, /^target: .*got null$/],
    [{ target: { method: 'PATCH', path: '/{nonsense}' } }, /^target: /], [{ target: { method: 'PATCH', path: 'x' } }, /^target: /], [{ target: { path: '/x' } }, /^target: /], [{ target: { method: 'PUT', path: '/x', body: {} } }, /^target: /],
    [{ crmResource: 'accounts' }, /^crmResource: expected customers or \{ path \}.*holds \{customerId\}/], [{ crmResource: { path: '/customers/me' } }, /^crmResource: /], [{ crmResource: { path: '/{customerId}/{interactionId}' } }, /^crmResource: /],
    [{ crmAuth: { type: 'magic' } }, /^auth\.type: /], [{ customerIdFrom: 'externalContactId' }, /^customerIdFrom: expected a function, got a string$/], [{ mapCustomer: {} }, /^mapCustomer: expected a function/],
    [{ fallback: 'nothing' }, /^fallback: expected an object of attributes, or a function/], [{ fallback: null }, /^fallback: /], [{ fallback: [] }, /^fallback: .*got an array$/],
    [{ onTransientFailure: 'ignore' }, /^onTransientFailure: expected throw or respond/], [{ onPermanentFailure: true }, /^onPermanentFailure: expected respond or throw, got true$/],
    [{ batchConcurrency: 0 }, /^batchConcurrency: /], [{ deadlineMarginMs: -1 }, /^deadlineMarginMs: /], [{ crmTimeoutMs: 0 }, /^crmTimeoutMs: /], [{ timeoutMs: 'soon' }, /^timeoutMs: /],
    [{ idempotency: { capacity: 0 } }, /^idempotency\.capacity: /], [{ retry: { attempts: 0 } }, /^retry\.attempts: /], [{ rateLimit: { requests: 1 } }, /^rateLimit\.perMs: /], [{ logger: {} }, /^logger: /],
    [{ secret: 'hunter2' }, /^secret: is not an option; known are /], [{ environment: 'http://example.com' }, /^base URL: plain http to example\.com is refused$/],
  ];
  for (const [options, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => assertRefused({ ...GOOD, ...options }, message));
  }

  it('takes no key where there are other credentials', () => {
    assert.equal(typeof enrichmentHandler({ ...GOOD, crmApiKey: undefined, crmAuth: { type: 'basic', username: 'u', password: 'p' } }), 'function');
  });

  it('gives each platform its own time-out and credentials, the rate to Genesys Cloud alone, and keeps tokens to their end', () => {
    const { crmClient, genesysClient } = readEnrichmentOptions({ ...GOOD, rateLimit: { requests: 5, perMs: 1000 }, timeoutMs: 700, maxConnections: 3, retry: { attempts: 2 } });
    assert.deepEqual([crmClient.timeoutMs, genesysClient.timeoutMs, readEnrichmentOptions(GOOD).genesysClient.timeoutMs], [3000, 700, undefined]);
    assert.deepEqual([crmClient.rateLimit, genesysClient.rateLimit], [undefined, { requests: 5, perMs: 1000 }]);
    for (const { maxConnections, retry } of [crmClient, genesysClient]) assert.deepEqual([maxConnections, retry], [3, { attempts: 2 }]);
    assert.deepEqual(crmClient.auth, { type: 'bearer', token: 'hunter2' });
    assert.deepEqual(genesysClient.auth, {
      type: 'oauth2', tokenUrl: 'http://127.0.0.1:9/oauth/token', clientId: 'id', clientSecret: 'hunter2', scope: 'interaction:read interaction:write', refreshBeforeMs: 0,
    });
  });

  it('looks at process.env by default, and an option wins over its variable', async () => {
    const stage = await openEnrichmentStage();
    const names = ['GENESYS_CLIENT_ID', 'GENESYS_CLIENT_SECRET', 'GENESYS_ENVIRONMENT', 'CRM_API_BASE_URL', 'CRM_API_KEY'];
    const before = names.map((name) => process.env[name]);
    Object.assign(process.env, stage.sandbox.env, { CRM_API_KEY: 'wrong' });
    try {
      const refused = enrichmentHandler({ logger: false });
      assert.equal(/** @type {any} */ (await refused(seedEvent())).statusCode, 500);
      const handler = enrichmentHandler({ logger: false, crmApiKey: stage.sandbox.env.CRM_API_KEY });
      assert.equal(/** @type {any} */ (await handler(seedEvent())).statusCode, 200);
      await Promise.all([refused.close(), handler.close()]);
    } finally {
      names.forEach((name, index) => {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      });
      await stage.close();
    }
  });
});

describe('the hosts of Genesys Cloud', () => {
  for (const region of ['mypurecloud.com', 'mypurecloud.com.au', 'usw2.pure.cloud', 'use2.us-gov-pure.cloud', 'edee1.eusc-pure.cloud']) {
    it(`${region} has its API and its tokens at hosts of their own`, () => {
      for (const given of [region, `api.${region}`, `login.${region}`]) {
        assert.deepEqual(genesys.urlsOf(given), { api: `https://api.${region}`, login: `https://login.${region}` });
      }
    });
  }

  it('what is no region has both where the seed has them', () => {
    assert.deepEqual(genesys.urlsOf('genesys.example.com'), { api: 'https://api.genesys.example.com', login: 'https://api.genesys.example.com' });
  });

  it('an absolute URL has everything, its path kept', async () => {
    const stage = await openEnrichmentStage();
    const platform = await stage.platform(({ url }) => (url.endsWith('/oauth/token') ? (res) => res.end('{"access_token":"t"}') : undefined));
    await stage.handler({ env: platform.env, environment: `${platform.url}/genesys/` })(seedEvent({ interactionId: 'i' }));
    assert.deepEqual(platform.seen.map(({ url }) => url), ['/customers/CUST-1001', '/genesys/oauth/token', '/genesys/api/v2/interactions/i']);
    await stage.close();
  });
});
