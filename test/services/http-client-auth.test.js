// HttpClient: bearer, basic and header credentials, and OAuth tokens: one for everyone, renewed when refused, never hammered.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { openClientStage, failure } = require('../support/client-stage.js');

const ROOT = path.join(__dirname, '..', '..');

describe('HttpClient auth', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** What the token server answers; `number` counts its requests from 1. @type {(number: number) => [number, object]} */
  let grant;
  /** Statuses for API requests by their Authorization header. @type {(authorization: string) => number} */
  let judge;
  beforeEach(async () => {
    stage = await openClientStage();
    let tokens = 0;
    grant = (number) => [200, { access_token: `token-${number}`, token_type: 'Bearer', expires_in: 3600 }];
    judge = () => 200;
    stage.platform.answer = (res, { url, headers }) => {
      if (!url.startsWith('/token')) return res.writeHead(judge(headers.authorization ?? '')).end('{}');
      const [status, body] = grant((tokens += 1));
      return res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  });
  afterEach(() => stage.close());

  const tokenRequests = () => stage.platform.seen.filter(({ url }) => url.startsWith('/token'));
  const apiRequests = () => stage.platform.seen.filter(({ url }) => !url.startsWith('/token'));
  /** @param {object} [more] @returns {any} */
  const oauth = (more) => ({ type: 'oauth2', tokenUrl: `${stage.platform.url}/token`, clientId: 'client', clientSecret: 'very-secret', ...more });

  it('sends a bearer token, a basic pair, a header of any name, or nothing', async () => {
    /** @type {Array<[any, string, string | undefined]>} */
    const table = [
      [{ type: 'bearer', token: 'abc.def' }, 'authorization', 'Bearer abc.def'],
      [{ type: 'basic', username: 'ann', password: 'p:ä ss' }, 'authorization', `Basic ${Buffer.from('ann:p:ä ss').toString('base64')}`],
      [{ type: 'basic', username: 'ann' }, 'authorization', `Basic ${Buffer.from('ann:').toString('base64')}`],
      [{ type: 'header', name: 'X-Api-Key', value: 'k 1' }, 'x-api-key', 'k 1'],
      [undefined, 'authorization', undefined],
    ];
    for (const [auth, name, value] of table) {
      await stage.client({ auth }).request({ path: '/' });
      assert.equal(stage.platform.seen[stage.platform.seen.length - 1].headers[name], value);
    }
  });

  it('fetches one token for a thousand first calls', async () => {
    const client = stage.client({ auth: oauth() });
    await Promise.all(Array.from({ length: 1000 }, () => client.request({ path: '/' })));
    assert.equal(tokenRequests().length, 1);
    assert.equal(apiRequests().length, 1000);
    assert.ok(apiRequests().every(({ headers }) => headers.authorization === 'Bearer token-1'));
  });

  it('shares it with other clients and worker threads of the process', async () => {
    const client = stage.client({ auth: oauth() });
    const source = `const { workerData } = require('node:worker_threads');
      const { HttpClient } = require(${JSON.stringify(ROOT)});
      const client = new HttpClient({ ...workerData, logger: false });
      Promise.all(Array.from({ length: 100 }, () => client.request({ path: '/' }))).then(() => client.close());`;
    const workers = Array.from({ length: 4 }, () => new Worker(source, { eval: true, workerData: { baseUrl: stage.platform.url, auth: oauth() } }));
    const ended = workers.map((worker) => new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve)));
    await Promise.all([client, stage.client({ auth: oauth() })].map((one) => one.request({ path: '/' })));
    assert.deepEqual(await Promise.all(ended), [0, 0, 0, 0]);
    assert.equal(apiRequests().length, 402);
    assert.equal(tokenRequests().length, 1);
  });

  it('keeps the tokens of other clients, secrets and scopes apart', async () => {
    for (const more of [{}, { clientId: 'b' }, { clientSecret: 'other' }, { scope: 's' }, { tokenUrl: `${stage.platform.url}/token/2` }]) {
      await stage.client({ auth: oauth(more) }).request({ path: '/' });
    }
    assert.equal(tokenRequests().length, 5);
    assert.equal(new Set(apiRequests().map(({ headers }) => headers.authorization)).size, 5);
  });

  describe('asks as RFC 6749 says', () => {
    const id = { clientId: 'id:1 +', clientSecret: 'sü/cret' };
    const encodedId = 'id%3A1+%2B';
    const encodedSecret = 's%C3%BC%2Fcret';
    /** @type {Array<[string, any, { url?: string, body?: string, authorization?: string }]>} */
    const table = [
      ['basic', {}, { body: 'grant_type=client_credentials', authorization: `Basic ${Buffer.from(`${encodedId}:${encodedSecret}`).toString('base64')}` }],
      ['basic with a scope', { scope: 'a b' }, { body: 'grant_type=client_credentials&scope=a+b' }],
      ['body', { clientAuth: 'body' }, { body: `grant_type=client_credentials&client_id=${encodedId}&client_secret=${encodedSecret}`, authorization: undefined }],
      ['query', { clientAuth: 'query' }, { url: `/token?grant_type=client_credentials&client_id=${encodedId}&client_secret=${encodedSecret}`, body: '', authorization: undefined }],
      ['password', { grant: 'password', username: 'ann', password: 'p&w' }, { body: 'grant_type=password&username=ann&password=p%26w' }],
    ];
    for (const [what, more, wanted] of table) {
      it(what, async () => {
        await stage.client({ auth: oauth({ ...id, ...more }) }).request({ path: '/' });
        const { method, url, body, headers } = tokenRequests()[0];
        assert.equal(method, 'POST');
        assert.match(String(headers['content-length']), /^\d+$/);
        /** @param {string} text */
        const fields = (text) => [...new URLSearchParams(text)].sort();
        if (wanted.url) assert.deepEqual(fields(url.replace('/token?', '')), fields(wanted.url.replace('/token?', '')));
        else assert.equal(url, '/token');
        assert.deepEqual(fields(body), fields(wanted.body ?? ''));
        if (wanted.body) assert.match(headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/);
        if ('authorization' in wanted) assert.equal(headers.authorization, wanted.authorization);
      });
    }
  });

  it('a 401 renews the token once and tries once more, uncounted', async () => {
    judge = (authorization) => (authorization === 'Bearer token-1' ? 401 : 200);
    const client = stage.client({ auth: oauth(), retry: { attempts: 1 } });
    const answer = await client.request({ method: 'POST', path: '/' });
    assert.equal(answer.attempts, 1);
    assert.deepEqual([tokenRequests().length, apiRequests().length], [2, 2]);
    await client.request({ path: '/' });
    assert.equal(tokenRequests().length, 2);
  });

  it('of many calls that are refused with one token, the first alone renews it', async () => {
    judge = (authorization) => (authorization === 'Bearer token-1' ? 401 : 200);
    const client = stage.client({ auth: oauth() });
    await Promise.all(Array.from({ length: 200 }, () => client.request({ path: '/' })));
    assert.equal(tokenRequests().length, 2);
  });

  it('a second 401 is final', async () => {
    judge = () => 401;
    const error = await failure(stage.client({ auth: oauth() }).request({ path: '/' }), 'AUTHENTICATION_FAILED');
    assert.deepEqual([error.status, error.retryable, error.attempts], [401, false, 1]);
    assert.deepEqual([tokenRequests().length, apiRequests().length], [2, 2]);
  });

  it('a 401 with another kind of credential is final at once', async () => {
    judge = () => 401;
    await failure(stage.client({ auth: { type: 'bearer', token: 'very-secret' } }).request({ path: '/' }), 'AUTHENTICATION_FAILED');
    assert.equal(stage.platform.seen.length, 1);
  });

  for (const [status, body, code] of /** @type {Array<[number, object, string]>} */ ([
    [401, { error: 'invalid_client', error_description: 'very-secret is wrong' }, 'AUTHENTICATION_FAILED'],
    [400, { error: 'invalid_client' }, 'AUTHENTICATION_FAILED'],
    [400, { error: 'invalid_grant' }, 'AUTHENTICATION_FAILED'],
    [400, { error: 'invalid_scope' }, 'SCOPE_MISSING'],
    [403, {}, 'AUTHORIZATION_FAILED'],
    [404, {}, 'NOT_FOUND'],
  ])) {
    it(`${status} ${JSON.stringify(body)} of the token server is ${code}, neither tried again nor hammered`, async () => {
      grant = () => [status, body];
      const client = stage.client({ auth: oauth() });
      const startMs = performance.now();
      const errors = await Promise.all(Array.from({ length: 100 }, () => failure(client.request({ path: '/' }), code)));
      for (let i = 0; i < 20; i += 1) errors.push(await failure(client.request({ path: '/' }), code));
      assert.equal(errors[0].retryable, false);
      assert.doesNotMatch(errors.map((error) => `${error.stack} ${error.hint} ${JSON.stringify(error)}`).join(), /very-secret/);
      assert.ok(tokenRequests().length <= 1 + Math.floor((performance.now() - startMs) / 1000), 'an error answers everyone for a second');
      assert.equal(apiRequests().length, 0);
    });
  }

  it('a token server that fails for a moment is asked again', async () => {
    grant = (number) => (number === 1 ? [503, {}] : [200, { access_token: 'late', token_type: 'bearer' }]);
    assert.equal((await stage.client({ auth: oauth() }).request({ path: '/' })).attempts, 1);
    assert.equal(tokenRequests().length, 2);
    assert.equal(apiRequests()[0].headers.authorization, 'Bearer late');
  });

  it('an odd lifetime counts as a usual one', async () => {
    for (const [number, expires_in] of [undefined, null, 0, -5, 'soon', '3600', 1e300, {}, true].entries()) {
      grant = () => [200, { access_token: `odd-${number}`, token_type: 'Bearer', expires_in }];
      const before = tokenRequests().length;
      const client = stage.client({ auth: oauth({ clientId: `odd-${number}` }) });
      await client.request({ path: '/' });
      await client.request({ path: '/' });
      assert.equal(tokenRequests().length, before + 1, String(expires_in));
    }
  });

  it('an answer without a token that can be used is malformed', async () => {
    for (const [number, body] of [{}, { access_token: '' }, { access_token: 'a\r\nb', token_type: 'Bearer' }, { access_token: 7 }, [], 'text'].entries()) {
      grant = () => [200, /** @type {any} */ (body)];
      // MALFORMED_RESPONSE may pass, and is asked for again: the deadline ends that.
      const request = stage.client({ auth: oauth({ clientId: `bad-${number}` }) }).request({ path: '/', deadlineMs: 30 });
      await failure(request, 'TIMEOUT');
    }
    assert.equal(apiRequests().length, 0);
  });

  it('requiredScopes that were not granted are named', async () => {
    grant = () => [200, { access_token: 't', token_type: 'Bearer', scope: 'users:read' }];
    const more = { scope: 'users:read routing:write', requiredScopes: ['users:read', 'routing:write'] };
    const error = await failure(stage.client({ auth: oauth(more) }).request({ path: '/' }), 'SCOPE_MISSING');
    assert.match(`${error.message} ${error.hint}`, /routing:write/);
    assert.doesNotMatch(error.message, /users:read/);
    assert.equal(apiRequests().length, 0);
    grant = () => [200, { access_token: 't', token_type: 'Bearer' }]; // grants what was asked (5.1)
    assert.equal((await stage.client({ auth: oauth({ ...more, clientId: 'asked' }) }).request({ path: '/' })).status, 200);
  });

  it('authenticate fetches a token and nothing else, once, and fails as a request would', async () => {
    const client = stage.client({ auth: oauth() });
    await Promise.all([client.authenticate(), client.authenticate({ deadlineMs: 5000 })]);
    assert.deepEqual([tokenRequests().length, apiRequests().length], [1, 0]);
    await client.request({ path: '/' });
    assert.equal(tokenRequests().length, 1);
    grant = () => [401, { error: 'invalid_client' }];
    const error = await failure(stage.client({ auth: oauth({ clientId: 'other' }) }).authenticate(), 'AUTHENTICATION_FAILED');
    assert.equal(error.status, 401);
    assert.equal(error.response, undefined);
    await stage.client({ auth: { type: 'bearer', token: 'abc' } }).authenticate();
    await failure(client.authenticate({ deadlineMs: 0 }), 'CONFIG_INVALID');
    await client.close();
    await failure(client.authenticate(), 'CLOSED');
    assert.equal(apiRequests().length, 1);
  });

  it('authenticate ends at its deadline', async () => {
    stage.platform.answer = () => {};
    await failure(stage.client({ auth: oauth() }).authenticate({ deadlineMs: 50 }), 'TIMEOUT');
  });

  it('a token that the platform repeats is blanked out', async () => {
    grant = () => [200, { access_token: 'very-secret-token', token_type: 'Bearer', expires_in: 3600 }];
    const answer = stage.platform.answer;
    stage.platform.answer = (res, seen, number) => (seen.url.startsWith('/token') ? answer(res, seen, number)
      : res.writeHead(400, { 'x-said': String(seen.headers.authorization) }).end('very-secret-token, really'));
    const { response } = await failure(stage.client({ auth: oauth() }).request({ path: '/' }), 'BAD_REQUEST');
    assert.deepEqual([response.body.toString(), response.headers['x-said']], ['[redacted], really', 'Bearer [redacted]']);
  });
});
