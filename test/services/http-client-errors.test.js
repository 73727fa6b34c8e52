// HttpClient: every failure as a TrunklineError, and what is refused before anything is sent.
'use strict';

const assert = require('node:assert/strict');
const { HttpClient } = require('../../lib/index.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { answering } = require('../support/platform.js');

describe('HttpClient errors', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  before(async () => { stage = await openClientStage(); });
  beforeEach(() => { stage.platform.seen.length = 0; });
  after(() => stage.close());

  /** @type {Array<[number, string, boolean]>} */
  const statuses = [
    [300, 'UNEXPECTED_STATUS', false], [301, 'UNEXPECTED_STATUS', false], [302, 'UNEXPECTED_STATUS', false], [304, 'UNEXPECTED_STATUS', false],
    [307, 'UNEXPECTED_STATUS', false], [400, 'BAD_REQUEST', false], [401, 'AUTHENTICATION_FAILED', false], [403, 'AUTHORIZATION_FAILED', false],
    [404, 'NOT_FOUND', false], [405, 'BAD_REQUEST', false], [408, 'TIMEOUT', true], [409, 'CONFLICT', false], [410, 'BAD_REQUEST', false],
    [413, 'BAD_REQUEST', false], [415, 'BAD_REQUEST', false], [422, 'BAD_REQUEST', false], [429, 'RATE_LIMITED', true], [451, 'BAD_REQUEST', false],
    [500, 'UPSTREAM_ERROR', true], [501, 'UPSTREAM_ERROR', false], [502, 'UPSTREAM_ERROR', true], [503, 'UPSTREAM_ERROR', true],
    [504, 'UPSTREAM_ERROR', true], [599, 'UPSTREAM_ERROR', true],
  ];
  for (const [status, code, retryable] of statuses) {
    it(`${status} is ${code}, ${retryable ? 'worth' : 'not worth'} another try`, async () => {
      stage.platform.answer = answering(status, { location: '/elsewhere', 'retry-after': '7' });
      const error = await failure(stage.client({ auth: { type: 'bearer', token: 'very-secret' } }).request({ path: '/', retry: false }), code);
      assert.deepEqual([error.status, error.retryable, error.attempts, error.retryAfterMs], [status, retryable, 1, 7000]);
      assert.ok(error.hint.length > 20);
      assert.match(error.message, new RegExp(`${new URL(stage.platform.url).host} answered ${status}`));
      assert.doesNotMatch(JSON.stringify([error, error.message, error.stack]), /very-secret/);
      assert.equal(stage.platform.seen.length, 1);
    });
  }

  it('carries the platform and its answer, which loggers do not see', async () => {
    stage.platform.answer = (res) => res.writeHead(409, { 'X-Reason': 'there', 'Content-Type': 'application/json' }).end('{"id":"c-1"}');
    const error = await failure(stage.client({ platform: 'Example' }).request({ path: '/' }), 'CONFLICT');
    assert.equal(error.platform, 'Example');
    assert.equal(error.message, 'Example answered 409');
    assert.deepEqual([error.response?.status, error.response?.headers['x-reason'], error.response?.json()], [409, 'there', { id: 'c-1' }]);
    assert.ok(!Object.keys(error).includes('response'));
  });

  it('has no retryAfterMs where the platform named none, or nonsense', async () => {
    const client = stage.client();
    for (const headers of [{}, { 'retry-after': 'soon' }, { 'retry-after': '-1' }]) {
      stage.platform.answer = answering(503, headers);
      assert.equal('retryAfterMs' in await failure(client.request({ path: '/', retry: false }), 'UPSTREAM_ERROR'), false);
    }
  });

  /** @type {Array<[string, string, string]>} */
  const broken = [
    ['no answer at all', '', 'CONNECTION_FAILED'],
    ['what is not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'MALFORMED_RESPONSE'],
    ['headers that break off', 'HTTP/1.1 200 OK\r\nContent-', 'MALFORMED_RESPONSE'],
    ['a body that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'MALFORMED_RESPONSE'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'MALFORMED_RESPONSE'],
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'MALFORMED_RESPONSE'],
  ];
  for (const [what, bytes, code] of broken) {
    it(`${what} is ${code}`, async () => {
      const authority = await stage.tcp((socket) => socket.once('data', () => socket.end(bytes)));
      const error = await failure(stage.client({ baseUrl: `http://${authority}` }).request({ method: 'POST', path: '/' }), code);
      assert.deepEqual([error.retryable, error.attempts, error.status], [true, 1, undefined]);
    });
  }

  it('refuses an answer that is too large, in a length or in chunks', async () => {
    const client = stage.client({ maxResponseBytes: 100 });
    stage.platform.answer = (res) => res.end('x'.repeat(100));
    assert.equal((await client.request({ path: '/' })).body.length, 100);
    stage.platform.answer = (res) => res.end('x'.repeat(101));
    assert.equal((await failure(client.request({ path: '/' }), 'RESPONSE_TOO_LARGE')).attempts, 1);
    stage.platform.answer = (res) => {
      res.write('x'.repeat(60));
      res.end('x'.repeat(60));
    };
    await failure(client.request({ path: '/' }), 'RESPONSE_TOO_LARGE');
  });

  it('tells a refused connection and an unknown name', async () => {
    const closed = await openClientStage();
    const { url } = closed.platform;
    await closed.close();
    const refused = await failure(stage.client({ baseUrl: url }).request({ method: 'POST', path: '/' }), 'CONNECTION_FAILED');
    assert.deepEqual([refused.attempts, refused.retryable], [4, true]);
    assert.match(refused.message, /ECONNREFUSED/);
    const unknown = await failure(stage.client({ baseUrl: 'https://no-such-host.invalid' }).request({ path: '/', retry: false }), 'DNS_FAILED');
    assert.match(unknown.message, /no-such-host\.invalid/);
  });

  describe('refuses before sending', () => {
    /** @type {Array<[string, any, RegExp]>} */
    const requests = [
      ['a line break in a header', { path: '/', headers: { a: 'b\r\nX-Evil: 1' } }, /^header a: the value/],
      ['a NUL in a header', { path: '/', headers: { a: 'b\0' } }, /^header a: the value/],
      ['white space around a value', { path: '/', headers: { a: ' b' } }, /^header a: the value/],
      ['a line break in a name', { path: '/', headers: { 'a\r\nb': 'c' } }, /^header name/],
      ['an empty name', { path: '/', headers: { '': 'c' } }, /^header name/],
      ['a line break in the key', { path: '/', idempotencyKey: 'k\nX: 1' }, /^header Idempotency-Key/],
      ['a header of framing', { path: '/', headers: { 'transfer-encoding': 'chunked' } }, /^header transfer-encoding: is set by/],
      ['a length', { path: '/', headers: { 'Content-Length': '3' } }, /^header Content-Length: is set by/],
      ['a host', { path: '/', headers: { Host: 'evil' } }, /^header Host: is set by/],
      ['a space in the path', { path: '/a b' }, /^path: expected/],
      ['a line break in the path', { path: '/a\r\nX: 1' }, /^path: expected/],
      ['a fragment', { path: '/a#b' }, /^path: expected/],
      ['letters that are not encoded', { path: '/ü' }, /^path: expected/],
      ['a relative path', { path: 'a' }, /^path: expected a path that begins with \/, got a string$/],
      ['an absolute URL', { path: 'http://evil/' }, /^path: expected/],
      ['no path', {}, /^path: expected .*, got a value of type undefined$/],
      ['a method with a space', { method: 'GET /x', path: '/' }, /^method: expected/],
      ['an empty method', { method: '', path: '/' }, /^method: expected/],
      ['a method that is no text', { method: 7, path: '/' }, /^method: expected a string, got 7$/],
      ['an unknown option', { path: '/', boddy: 'x' }, /^boddy: expected one of method, path, .*, got a string$/],
      ['two bodies', { path: '/', json: 1, body: 'x' }, /^json, body, form: expected at most one/],
      ['a body that is an object', { path: '/', body: { a: 1 } }, /^body: expected a Buffer or a string, got a value of type object$/],
      ['JSON that is none', { path: '/', json: () => {} }, /^json: expected what JSON can hold, got a value of type function$/],
      ['JSON with a BigInt', { path: '/', json: { n: 1n } }, /^json: expected what JSON can hold: /],
      ['a form that is a text', { path: '/', form: 'a=b' }, /^form: expected an object, got a string$/],
      ['a form with objects', { path: '/', form: { a: {} } }, /^form\.a: expected a string, a number or a boolean, got a value of type object$/],
      ['a query that is null', { path: '/', query: null }, /^query: expected an object, got null$/],
      ['headers that are a text', { path: '/', headers: 'a: b' }, /^headers: expected an object, got a string$/],
      ['a header that is a number', { path: '/', headers: { a: 1 } }, /^headers\.a: expected a string, got 1$/],
      ['an empty key', { path: '/', idempotencyKey: '' }, /^idempotencyKey: expected a non-empty string, got an empty string$/],
      ['the key twice', { path: '/', idempotencyKey: 'a', headers: { 'idempotency-key': 'b' } }, /^headers\.idempotency-key: expected either/],
      ['a time-out of zero', { path: '/', timeoutMs: 0 }, /^timeoutMs: expected an integer from 1 on, got 0$/],
      ['a deadline of zero', { path: '/', deadlineMs: 0 }, /^deadlineMs: expected an integer from 1 on, got 0$/],
      ['a deadline in words', { path: '/', deadlineMs: '5s' }, /^deadlineMs: expected an integer from 1 on, got a string$/],
      ['idempotent in words', { path: '/', idempotent: 'yes' }, /^idempotent: expected true or false, got a string$/],
      ['a signal that is none', { path: '/', signal: {} }, /^signal: expected an AbortSignal, got a value of type object$/],
      ['a policy with a misspelt field', { path: '/', retry: { tries: 3 } }, /^retry\.tries: expected one of attempts/],
      ['retry: true', { path: '/', retry: true }, /^retry: expected an object, got true$/],
      ['no request', null, /^request: expected an object, got null$/],
    ];
    for (const [what, request, message] of requests) {
      it(what, async () => {
        const error = await failure(stage.client().request(request), 'CONFIG_INVALID');
        assert.match(error.message, message);
        assert.equal(stage.platform.seen.length, 0);
      });
    }

    it('a second Authorization header', async () => {
      const client = stage.client({ auth: { type: 'bearer', token: 't' } });
      const error = await failure(client.request({ path: '/', headers: { authorization: 'very-secret' } }), 'CONFIG_INVALID');
      assert.match(error.message, /^headers\.authorization: expected no header that auth sets already/);
      assert.doesNotMatch(error.message, /very-secret/);
    });
  });

  describe('refuses as options', () => {
    const oauth = { type: 'oauth2', tokenUrl: 'https://login.example.com/token', clientId: 'id', clientSecret: 'secret' };
    /** @type {Array<[any, RegExp]>} */
    const options = [
      [undefined, /missing: baseUrl/],
      [null, /^options: expected an object, got null$/],
      [{ baseUrl: '' }, /^baseUrl: expected a host/],
      [{ baseUrl: 'ftp://a' }, /^baseUrl: expected/],
      [{ baseUrl: 'https://user:pw@a' }, /^baseUrl: expected .* without credentials/],
      [{ baseUrl: 'https://a/?q=1' }, /^baseUrl: expected/],
      [{ baseUrl: 'http://api.example.com' }, /plain http to api\.example\.com is refused/],
      [{ baseUrl: 'http://127.0.0.1.example.com' }, /plain http to 127\.0\.0\.1\.example\.com is refused/],
      [{ baseUrl: 'https://a', auth: { ...oauth, tokenUrl: 'http://login.example.com/token' } }, /plain http to login\.example\.com is refused/],
      [{ baseUrl: 'https://a', baseurl: 'x' }, /^baseurl: is not an option; known are .*baseUrl/],
      [{ baseUrl: 'https://a', timeoutMs: 0, maxConnections: 'many' }, /maxConnections: expected .*, got a string; timeoutMs: expected an integer from 1 to 600000, got 0/],
      [{ baseUrl: 'https://a', rateLimit: { requests: 5 } }, /^rateLimit\.perMs: expected an integer/],
      [{ baseUrl: 'https://a', rateLimit: { requests: 5, perMs: 1000, burst: 3 } }, /^rateLimit\.burst: expected one of requests, perMs/],
      [{ baseUrl: 'https://a', breaker: true }, /^breaker\.failures: expected an integer/],
      [{ baseUrl: 'https://a', retry: { attempts: 0 } }, /^retry\.attempts: expected an integer from 1 to 1000, got 0$/],
      [{ baseUrl: 'https://a', retry: { on: ['5xx'] } }, /^retry\.on: expected/],
      [{ baseUrl: 'https://a', tls: { ca: 5 } }, /^tls\.ca: expected PEM/],
      [{ baseUrl: 'https://a', auth: 'token' }, /^auth: expected an object, got a string/],
      [{ baseUrl: 'https://a', auth: {} }, /^auth\.type: expected bearer, basic, header, oauth2, got a value of type undefined/],
      [{ baseUrl: 'https://a', auth: { type: 'digest' } }, /^auth\.type: expected bearer, basic, header, oauth2, got a string/],
      [{ baseUrl: 'https://a', auth: { type: 'bearer' } }, /^missing: auth\.token$/],
      [{ baseUrl: 'https://a', auth: { type: 'bearer', token: 'a b' } }, /^auth\.token: expected a token of visible ASCII/],
      [{ baseUrl: 'https://a', auth: { type: 'basic', username: 'a:b', password: 'c' } }, /^auth\.username: expected a name without a colon/],
      [{ baseUrl: 'https://a', auth: { type: 'header', name: 'X Y', value: 'v' } }, /^auth\.name: expected the name of a header/],
      [{ baseUrl: 'https://a', auth: { type: 'header', name: 'X-Y', value: 'v\r\nZ: 1' } }, /^auth\.value: expected visible ASCII/],
      [{ baseUrl: 'https://a', auth: { type: 'oauth2' } }, /^missing: auth\.tokenUrl, auth\.clientId, auth\.clientSecret$/],
      [{ baseUrl: 'https://a', auth: { ...oauth, grant: 'password' } }, /^missing: auth\.username, auth\.password$/],
      [{ baseUrl: 'https://a', auth: { ...oauth, grant: 'implicit' } }, /^auth\.grant: expected client_credentials, password, got a string$/],
      [{ baseUrl: 'https://a', auth: { ...oauth, clientAuth: 'jwt' } }, /^auth\.clientAuth: expected basic, body, query, got a string$/],
      [{ baseUrl: 'https://a', auth: { ...oauth, scope: 7 } }, /^auth\.scope: expected scopes/],
      [{ baseUrl: 'https://a', auth: { ...oauth, requiredScopes: 'a b' } }, /^auth\.requiredScopes: expected an array of scopes, got a string$/],
    ];
    for (const [given, message] of options) {
      it(`${JSON.stringify(given)}`, async () => assert.match((await failure(() => new HttpClient(given), 'CONFIG_INVALID')).message, message));
    }

    it('secrets of the wrong kind, without telling them', async () => {
      for (const auth of [{ ...oauth, clientSecret: 987654 }, { ...oauth, grant: 'password', username: 'u', password: 987654 }, { type: 'bearer', token: 987654 },
        { type: 'basic', username: 'u', password: 987654 }, { type: 'header', name: 'X-Key', value: 987654 }, { type: 'bearer', token: 'sec ret 987654' }]) {
        const error = await failure(() => new HttpClient(/** @type {any} */ ({ baseUrl: 'https://a', auth })), 'CONFIG_INVALID');
        assert.doesNotMatch(`${error.message} ${error.hint}`, /987654/);
        assert.match(error.message, /^auth\.\w+: expected .*, got a (number|string)$/);
      }
    });

    it('but takes plain http to another host where that is allowed', () => {
      assert.ok(new HttpClient({ baseUrl: 'http://api.example.com', allowInsecure: true }));
    });
  });
});
