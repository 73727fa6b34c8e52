// HttpClient with an OpenID issuer instead of a token URL: found once, checked, asked again when it fails, and never trusted with another's secrets.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { openClientStage, failure } = require('../support/client-stage.js');
const { until } = require('../support/until.js');

const ROOT = path.join(__dirname, '..', '..');
const CONFIGURATION = '/.well-known/openid-configuration';

describe('HttpClient discovery', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** The issuer's answer; `number` counts from 1. @type {(number: number) => [number, object]} */
  let configuration;
  /** Each test has an issuer of its own: what was found is kept for the whole process. */
  let issuer = '';
  beforeEach(async () => {
    stage = await openClientStage();
    issuer = `${stage.platform.url}/tenant`;
    let asked = 0;
    configuration = () => [200, { issuer, token_endpoint: `${stage.platform.url}/auth/token`, jwks_uri: 'https://x', scopes_supported: ['openid'] }];
    stage.platform.answer = (res, { url }) => {
      const [status, body] = url.endsWith(CONFIGURATION) ? configuration((asked += 1))
        : [200, url === '/auth/token' ? { access_token: 'found', token_type: 'Bearer', expires_in: 3600 } : {}];
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  });
  afterEach(() => stage.close());

  /** @param {object} [more] @returns {any} */
  const oauth = (more) => ({ type: 'oauth2', issuer, clientId: 'id', clientSecret: 'very-secret', ...more });
  const urls = () => stage.platform.seen.map(({ url }) => url);
  /** @param {string} url */
  const requests = (url) => stage.platform.seen.filter((one) => one.url === url);

  it('asks the issuer, then its token endpoint, then the platform', async () => {
    await stage.client({ auth: oauth({ grant: 'password', username: 'key', password: 'p' }) }).request({ path: '/contacts' });
    assert.deepEqual(urls(), [`/tenant${CONFIGURATION}`, '/auth/token', '/contacts']);
    const [asked, token, call] = stage.platform.seen;
    assert.deepEqual([asked.method, asked.headers.authorization, asked.body], ['GET', undefined, '']);
    assert.equal(token.headers.authorization, `Basic ${Buffer.from('id:very-secret').toString('base64')}`);
    assert.equal(token.body, 'grant_type=password&username=key&password=p');
    assert.equal(call.headers.authorization, 'Bearer found');
  });

  it('asks once for a thousand calls of several credentials, clients and worker threads', async () => {
    const clients = ['a', 'b'].map((clientId) => stage.client({ auth: oauth({ clientId }) }));
    const source = `const { workerData } = require('node:worker_threads');
      const { HttpClient } = require(${JSON.stringify(ROOT)});
      const client = new HttpClient({ ...workerData, logger: false });
      client.request({ path: '/' }).then(() => client.close());`;
    const worker = new Worker(source, { eval: true, workerData: { baseUrl: stage.platform.url, auth: oauth({ clientId: 'c' }) } });
    const ended = new Promise((resolve, reject) => { worker.once('error', reject).once('exit', resolve); });
    await Promise.all(Array.from({ length: 1000 }, (_, number) => clients[number % 2].request({ path: '/' })));
    assert.equal(await ended, 0);
    assert.deepEqual([requests(`/tenant${CONFIGURATION}`).length, requests('/auth/token').length], [1, 3]);
  });

  it('an issuer that fails for a moment is asked again', async () => {
    const good = configuration;
    configuration = (number) => (number === 1 ? [503, {}] : good(number));
    await stage.client({ auth: oauth() }).request({ path: '/' });
    assert.equal(requests(`/tenant${CONFIGURATION}`).length, 2);
  });

  /** @type {Array<[string, () => [number, object], string]>} */
  const bad = [
    ['a configuration of another issuer', () => [200, { issuer: 'https://evil.example', token_endpoint: `${stage.platform.url}/auth/token` }], 'CONFIG_INVALID'],
    ['no configuration', () => [404, {}], 'NOT_FOUND'],
  ];
  for (const [what, answer, code] of bad) {
    it(`${what} is ${code}, and the secret is sent to nobody`, async () => {
      configuration = answer;
      const client = stage.client({ auth: oauth() });
      const startMs = performance.now();
      const errors = await Promise.all(Array.from({ length: 20 }, () => failure(client.request({ path: '/' }), code)));
      await failure(stage.client({ auth: oauth({ clientId: 'other' }) }).request({ path: '/' }), code);
      assert.equal(errors[0].retryable, false);
      assert.deepEqual([...new Set(urls())], [`/tenant${CONFIGURATION}`]);
      assert.ok(urls().length <= 1 + Math.floor((performance.now() - startMs) / 1000), 'an error answers everyone for a second');
      assert.doesNotMatch(errors.map((error) => `${error.stack} ${error.hint}`).join(), /very-secret|evil/);
    });
  }

  it('a token endpoint that cannot be one is malformed, and the secret is sent to nobody', async () => {
    /** Over plain http to another machine, none, no URL, another scheme. @type {Record<string, string | undefined>} */
    const endpoints = { '/a': 'http://login.example/token', '/b': undefined, '/c': 'token', '/d': 'ftp://127.0.0.1/token' };
    const place = (/** @type {string} */ tenant) => `${tenant}${CONFIGURATION}`;
    stage.platform.answer = (res, { url }) => {
      const tenant = url.slice(0, 2);
      res.end(JSON.stringify({ issuer: stage.platform.url + tenant, token_endpoint: endpoints[tenant] }));
    };
    const controller = new AbortController();
    const ended = Object.keys(endpoints).map((tenant) => failure(
      stage.client({ auth: oauth({ issuer: stage.platform.url + tenant }), allowInsecure: true }).request({ path: '/', signal: controller.signal }), 'ABORTED'));
    // What is malformed may be better a moment later: each is asked again.
    await until(() => Object.keys(endpoints).every((tenant) => requests(place(tenant)).length >= 2), 'every issuer to be asked twice');
    controller.abort();
    await Promise.all(ended);
    assert.deepEqual([...new Set(urls())].sort(), Object.keys(endpoints).map(place));
  });

  it('exactly one of issuer and tokenUrl, and an issuer that is a URL', async () => {
    const tokenUrl = 'https://login.example/token';
    assert.match((await failure(() => stage.client({ auth: oauth({ tokenUrl }) }), 'CONFIG_INVALID')).message, /auth\.issuer: expected either this or tokenUrl/);
    assert.match((await failure(() => stage.client({ auth: oauth({ issuer: undefined }) }), 'CONFIG_INVALID')).message, /missing: auth\.tokenUrl/);
    assert.match((await failure(() => stage.client({ auth: oauth({ issuer: 'https://a?b' }) }), 'CONFIG_INVALID')).message, /auth\.issuer: expected a host/);
    await failure(() => stage.client({ auth: oauth({ issuer: 'http://login.example' }) }), 'CONFIG_INVALID');
    stage.client({ auth: oauth({ issuer: 'cxone.niceincontact.com' }) });
    assert.equal(stage.platform.seen.length, 0);
  });
});
