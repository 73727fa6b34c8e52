// HttpClient: what goes out, and what comes back of a 2xx.
'use strict';

const assert = require('node:assert/strict');
const { openClientStage, failure } = require('../support/client-stage.js');

describe('HttpClient requests', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** @type {import('../..').HttpClient} */
  let client;
  beforeEach(async () => {
    stage = await openClientStage();
    client = stage.client();
  });
  afterEach(() => stage.close());

  /** @param {import('../..').HttpRequest} request */
  async function sent(request) {
    await client.request(request);
    return stage.platform.seen[stage.platform.seen.length - 1];
  }

  it('sends a GET with Host and Accept, and asks for no compression', async () => {
    const { method, url, headers, body } = await sent({ path: '/things' });
    assert.deepEqual({ method, url, body }, { method: 'GET', url: '/things', body: '' });
    assert.deepEqual(headers, { host: new URL(stage.platform.url).host, accept: '*/*' });
  });

  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'post']) {
    it(`sends ${method}`, async () => {
      assert.equal((await sent({ method, path: '/' })).method, method.toUpperCase());
    });
  }

  it('sends HEAD, whose answer has no body whatever its length says', async () => {
    stage.platform.answer = (res) => res.writeHead(200, { 'content-length': '1000' }).end();
    const { status, headers, body } = await client.request({ method: 'HEAD', path: '/' });
    assert.deepEqual([status, headers['content-length'], body.length], [200, '1000', 0]);
    assert.equal((await client.request({ method: 'head', path: '/' })).body.length, 0);
  });

  it('keeps the path of the base URL before the request\'s own', async () => {
    client = stage.client({ baseUrl: `${stage.platform.url}/api/v2/` });
    assert.equal((await sent({ path: '/users?a=1', query: { b: 2 } })).url, '/api/v2/users?a=1&b=2');
  });

  /** @type {Array<[string, any, string]>} */
  const queries = [
    ['/a', { q: 'x y&z=ü', n: 1, b: false, u: undefined }, '/a?q=x+y%26z%3D%C3%BC&n=1&b=false'],
    ['/a?x=1', { y: '2' }, '/a?x=1&y=2'],
    ['/a', {}, '/a'],
    ['/a', { u: undefined }, '/a'],
    ['/a%2Fb%20c/;v=1', { '': '' }, '/a%2Fb%20c/;v=1?='],
    ['//double', { a: 1 }, '//double?a=1'],
    ['/../up', undefined, '/../up'],
  ];
  for (const [path, query, url] of queries) {
    it(`asks for ${url}`, async () => assert.equal((await sent({ path, query })).url, url));
  }

  it('sends JSON, a form, text and bytes with their lengths and types', async () => {
    /** @type {Array<[any, string, string | undefined]>} */
    const table = [
      [{ json: { a: 'ü', n: null } }, '{"a":"ü","n":null}', 'application/json'],
      [{ json: null }, 'null', 'application/json'],
      [{ json: 0, headers: { 'content-type': 'application/merge-patch+json' } }, '0', 'application/merge-patch+json'],
      [{ form: { a: '1 2', b: 'ü&=' } }, 'a=1+2&b=%C3%BC%26%3D', 'application/x-www-form-urlencoded'],
      [{ body: 'täxt' }, 'täxt', undefined],
      [{ body: Buffer.from('bytes') }, 'bytes', undefined],
      [{ body: new Uint8Array([0x61, 0x62]) }, 'ab', undefined],
      [{ body: '' }, '', undefined],
      [{}, '', undefined],
    ];
    for (const [request, text, type] of table) {
      const { body, headers } = await sent({ method: 'POST', path: '/', ...request });
      assert.deepEqual([body, headers['content-type'], headers['content-length']], [text, type, String(Buffer.byteLength(text))]);
    }
  });

  it('sends a body of eight megabytes whole', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'trunkline ');
    const seen = await sent({ method: 'PUT', path: '/', body });
    assert.ok(seen.body === body.toString());
  });

  it('sends what it was given, whatever happens to it after the call', async () => {
    const body = Buffer.from('before');
    const headers = { 'x-a': 'before' };
    const request = { method: 'POST', path: '/', headers, body };
    const answer = client.request(request);
    body.fill('x');
    headers['x-a'] = 'after';
    request.path = '/after';
    await answer;
    const [seen] = stage.platform.seen;
    assert.deepEqual([seen.url, seen.body, seen.headers['x-a']], ['/', 'before', 'before']);
  });

  it('requests of one turn keep apart, of every kind and however many', async () => {
    stage.platform.answer = (res, { method, url, body, headers }) => res.end(JSON.stringify([method, url, body, headers['x-n'], headers['x-more']]));
    const wanted = Array.from({ length: 500 }, (_, n) => {
      const headers = { 'x-n': String(n), ...(n % 3 === 0 ? { 'x-more': 'y'.repeat(n + 1) } : {}) };
      const body = [undefined, 'ü'.repeat(n), Buffer.from(`bytes ${n}`), 'x'.repeat(n * 10)][n % 4];
      return { method: body === undefined ? 'GET' : 'POST', path: `/${n}`, headers, body };
    });
    const answers = await Promise.all(wanted.map((request) => client.request(request)));
    for (const [n, { method, path, headers, body }] of wanted.entries()) {
      assert.deepEqual(answers[n].json(), [method, path, String(body ?? ''), headers['x-n'], headers['x-more'] ?? null]);
    }
  });

  it('one that cannot be read fails alone', async () => {
    const good = client.request({ path: '/' });
    /** @type {any} */
    const noArray = Object.create(Uint8Array.prototype);
    await assert.rejects(client.request({ method: 'POST', path: '/bad', body: noArray }));
    assert.equal((await good).status, 200);
    assert.deepEqual(stage.platform.seen.map(({ url }) => url), ['/']);
  });

  it('sends a thousand headers, and refuses more', async () => {
    const headers = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`h${n}`, '']));
    const authority = await stage.tcp((socket) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.endsWith('\r\n\r\n')) socket.end(`HTTP/1.1 200 OK\r\n\r\n${(text.match(/^h\d+: /gm) ?? []).length}`);
      });
    });
    const many = stage.client({ baseUrl: `http://${authority}` });
    assert.equal((await many.request({ path: '/', headers })).text(), '1000');
    const { message } = await failure(many.request({ path: '/', headers: { ...headers, more: '' } }), 'CONFIG_INVALID');
    assert.match(message, /^headers: expected at most 1000 of them/);
  });

  it('sends the caller\'s headers as they are, and the idempotency key', async () => {
    const { headers, rawHeaders } = await sent({ method: 'POST', path: '/', headers: { 'X-CaSe': 'a, b', Accept: 'text/plain', Empty: '' }, idempotencyKey: 'key-1' });
    assert.deepEqual([headers['x-case'], headers.accept, headers.empty, headers['idempotency-key']], ['a, b', 'text/plain', '', 'key-1']);
    assert.ok(rawHeaders.includes('X-CaSe') && rawHeaders.includes('Idempotency-Key'));
  });

  it('gives status, headers in lower case with repeats joined, bytes, attempts and duration', async () => {
    stage.platform.answer = (res) => res.writeHead(207, ['X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'x-one', '2', '__proto__', 'p']).end(Buffer.from([0, 255, 10]));
    const answer = await client.request({ path: '/' });
    assert.deepEqual([answer.status, answer.headers['x-one'], answer.headers['set-cookie'], answer.attempts], [207, '1, 2', 'a=1, b=2', 1]);
    assert.equal(Reflect.get(answer.headers, '__proto__'), 'p');
    assert.ok(Buffer.isBuffer(answer.body));
    assert.deepEqual([...answer.body], [0, 255, 10]);
    assert.ok(Number.isInteger(answer.durationMs) && answer.durationMs >= 0);
    assert.equal(answer.headers, answer.headers);
  });

  it('parses JSON where it is asked to, and says so where it is none', async () => {
    stage.platform.answer = (res, _seen, number) => res.writeHead(number === 1 ? 200 : 201).end(number === 1 ? '{"a":["ü"]}' : '<html>');
    const answer = await client.request({ path: '/' });
    assert.deepEqual([answer.text(), answer.json()], ['{"a":["ü"]}', { a: ['ü'] }]);
    const page = await client.request({ path: '/' });
    const error = await failure(() => page.json(), 'MALFORMED_RESPONSE');
    assert.deepEqual([error.status, error.attempts], [201, 1]);
    assert.ok(error.cause instanceof SyntaxError);
  });

  it('leaves a compressed body as it came', async () => {
    const zipped = require('node:zlib').gzipSync('text');
    stage.platform.answer = (res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
    assert.deepEqual((await client.request({ path: '/' })).body, zipped);
  });

  it('takes any 2xx, chunks, no content, interim answers and HTTP/1.0', async () => {
    for (const status of [200, 201, 202, 204, 206, 299]) {
      stage.platform.answer = (res) => res.writeHead(status).end();
      assert.equal((await client.request({ path: '/' })).status, status);
    }
    stage.platform.answer = (res) => {
      res.writeEarlyHints({ link: '</a>; rel=preload' });
      res.write('one,');
      setImmediate(() => res.end('two'));
    };
    assert.equal((await client.request({ path: '/' })).body.toString(), 'one,two');
    const old = await stage.tcp((socket) => socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end')));
    assert.equal((await stage.client({ baseUrl: `http://${old}` }).request({ path: '/' })).body.toString(), 'until the end');
  });

  it('uses a connection again, and no more connections than allowed', async () => {
    const ports = new Set();
    stage.platform.answer = (res) => {
      ports.add(res.socket?.remotePort);
      res.end('{}');
    };
    client = stage.client({ maxConnections: 3 });
    await client.request({ path: '/' });
    await client.request({ path: '/' });
    assert.equal(ports.size, 1);
    await Promise.all(Array.from({ length: 60 }, () => client.request({ path: '/' })));
    assert.ok(ports.size <= 3, String(ports.size));
    assert.equal(stage.platform.seen.length, 62);
  });

  it('keeps answers apart when many requests are under way', async () => {
    stage.platform.answer = (res, { url }) => setImmediate(() => res.end(JSON.stringify({ url })));
    const answers = await Promise.all(Array.from({ length: 300 }, (_, number) => client.request({ path: `/${number}` })));
    answers.forEach((answer, number) => assert.equal(answer.json().url, `/${number}`));
  });
});
