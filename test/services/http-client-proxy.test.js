// HttpClient and the event service through proxies: tunnels, plain requests, tokens, the environment; and through tinyproxy, a real one.
'use strict';

const assert = require('node:assert/strict');
const https = require('node:https');
const { once } = require('node:events');
const { Authority } = require('../support/certificates.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { makeEvent } = require('../support/events.js');
const { openForwardProxy } = require('../support/forward-proxy.js');
const { hasPeer } = require('../support/peers.js');
const { openStage } = require('../support/stage.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { startTinyproxy } = require('../support/tinyproxy.js');

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy', 'REQUEST_METHOD'];

describe('HttpClient through a proxy', () => {
  /** @type {string} */
  let folder;
  /** @type {Authority} */
  let authority;
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** @type {import('../support/forward-proxy.js').ForwardProxy} */
  let proxy;
  /** @type {Array<string | undefined>} */
  const before_ = VARIABLES.map((name) => process.env[name]);
  const clearEnvironment = () => VARIABLES.forEach((name) => delete process.env[name]);

  before(() => {
    folder = makeTempDir();
    authority = new Authority(folder);
  });
  after(() => {
    removeTempDir(folder);
    VARIABLES.forEach((name, index) => {
      if (before_[index] !== undefined) process.env[name] = before_[index];
    });
  });
  beforeEach(async () => {
    clearEnvironment();
    stage = await openClientStage();
    proxy = await openForwardProxy();
    stage.add(proxy);
  });
  afterEach(async () => {
    clearEnvironment();
    await stage.close();
  });

  /**
   * An https platform that only the proxy can reach under this name.
   * @param {string} name
   * @param {import('node:http').RequestListener} [handler]
   */
  async function origin(name, handler = (req, res) => res.end(JSON.stringify({ host: req.headers.host, url: req.url, seen: Object.keys(req.headers) }))) {
    const server = https.createServer(authority.leaf(`DNS:${name}`), handler);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stage.add({ close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }) });
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    proxy.hosts[`${name}:443`] = port;
    return port;
  }
  /** @param {Partial<import('../..').HttpClientOptions>} [options] */
  const client = (options) => stage.client({ baseUrl: 'https://api.example.test/v1', tls: { ca: authority.ca }, proxy: proxy.url, ...options });

  it('an https platform is reached inside one tunnel, and the proxy sees none of the requests', async () => {
    await origin('api.example.test');
    const ours = client({ proxy: proxy.urlFor('ann:p%40ss') });
    for (let i = 0; i < 3; i += 1) {
      const { host, url, seen } = (await ours.request({ path: '/users' })).json();
      assert.deepEqual([host, url], ['api.example.test', '/v1/users']);
      assert.ok(!seen.includes('proxy-authorization'));
    }
    assert.deepEqual([proxy.connects, proxy.requests], [['api.example.test:443'], []]);
    assert.deepEqual(proxy.authorizations, [`Basic ${Buffer.from('ann:p@ss').toString('base64')}`]);
  });

  it('a plain http platform\'s requests go to the proxy itself, each with its credentials', async () => {
    proxy.hosts['api.example.test:80'] = Number(new URL(stage.platform.url).port);
    const ours = client({ baseUrl: 'http://api.example.test/v1', allowInsecure: true, proxy: proxy.urlFor('ann:secret') });
    await ours.request({ path: '/a' });
    await ours.request({ method: 'POST', path: '/b', query: { c: 1 }, json: { d: 2 } });
    assert.deepEqual(proxy.requests, ['http://api.example.test/v1/a', 'http://api.example.test/v1/b?c=1']);
    assert.deepEqual(new Set(proxy.authorizations), new Set([`Basic ${Buffer.from('ann:secret').toString('base64')}`]));
    assert.deepEqual(stage.platform.seen.map(({ url, body, headers }) => [url, body, headers.host]), [['/v1/a', '', 'api.example.test'], ['/v1/b?c=1', '{"d":2}', 'api.example.test']]);
  });

  it('the certificate inside the tunnel has to be the platform\'s', async () => {
    proxy.hosts['api.example.test:443'] = await origin('other.example.test');
    const error = await failure(client().request({ path: '/' }), 'TLS_FAILED');
    assert.match(error.hint, /another host/);
  });

  it('sessions are resumed through it', async () => {
    await origin('api.example.test', (req, res) => {
      res.writeHead(200, { connection: 'close' }).end(String(/** @type {import('node:tls').TLSSocket} */ (req.socket).isSessionReused()));
    });
    const ours = client();
    assert.deepEqual([(await ours.request({ path: '/' })).json(), (await ours.request({ path: '/' })).json()], [false, true]);
    assert.equal(proxy.connects.length, 2);
  });

  for (const [what, refusal, pattern] of /** @type {Array<[string, string, RegExp]>} */ ([
    ['407', 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n', /with status 407$/],
    ['502', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno!', /with status 502$/],
    ['half an answer', 'HTTP/1.1 200 Connect', /closed the connection/],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', /does not speak HTTP$/],
    ['bytes after the answer', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', /nobody asked for$/],
  ])) {
    it(`a proxy that answers CONNECT with ${what} is CONNECTION_FAILED, and the request is tried again`, async () => {
      proxy.refusal = refusal;
      const error = await failure(client({ proxy: proxy.urlFor('ann:hunter2') }).request({ method: 'POST', path: '/' }), 'CONNECTION_FAILED');
      assert.match(error.message, pattern);
      assert.match(error.message, /the proxy 127\.0\.0\.1:\d+/);
      assert.doesNotMatch(`${error.stack} ${error.hint} ${JSON.stringify(error)}`, /hunter2|YW5u/);
      assert.deepEqual([error.retryable, error.attempts, proxy.connects.length], [true, 4, 4]);
      if (what === '407') assert.match(error.hint, /user name and password/);
    });
  }

  it('the environment counts, but for NO_PROXY and `proxy: false`', async () => {
    await origin('api.example.test');
    process.env.HTTPS_PROXY = proxy.url;
    const fromEnvironment = { proxy: undefined, retry: /** @type {const} */ ({ attempts: 1 }) };
    assert.equal((await client(fromEnvironment).request({ path: '/' })).status, 200);
    assert.equal(proxy.connects.length, 1);
    process.env.no_proxy = '.example.test';
    await failure(client(fromEnvironment).request({ path: '/' }), 'DNS_FAILED');
    delete process.env.no_proxy;
    await failure(client({ ...fromEnvironment, proxy: false }).request({ path: '/' }), 'DNS_FAILED');
    process.env.http_proxy = proxy.url;
    assert.equal((await client({ ...fromEnvironment, baseUrl: stage.platform.url }).request({ path: '/' })).status, 200);
    assert.deepEqual([proxy.connects.length, proxy.requests.length], [1, 0]);
  });

  it('an explicit proxy is for loopback too', async () => {
    assert.equal((await client({ baseUrl: stage.platform.url }).request({ path: '/x' })).status, 200);
    assert.deepEqual(proxy.requests, [`${stage.platform.url}/x`]);
  });

  describe('with a token server', () => {
    /** @returns {any} */
    const auth = () => ({ type: 'oauth2', tokenUrl: 'https://login.example.test/token', clientId: `client-${Math.random()}`, clientSecret: 's' });
    /** @type {import('node:http').RequestListener} */
    const grant = (_req, res) => { res.end(JSON.stringify({ access_token: 't', token_type: 'Bearer' })); };

    it('the token is fetched through the proxy, once for everyone', async () => {
      await origin('api.example.test');
      await origin('login.example.test', grant);
      const credential = auth();
      await Promise.all([client({ auth: credential, maxConnections: 1 }), client({ auth: credential, maxConnections: 1 })].map((one) => one.request({ path: '/' })));
      assert.deepEqual(proxy.connects.toSorted(), ['api.example.test:443', 'api.example.test:443', 'login.example.test:443']);
    });

    it('NO_PROXY is judged for each of the two hosts', async () => {
      await origin('api.example.test');
      process.env.HTTPS_PROXY = proxy.url;
      process.env.NO_PROXY = '127.0.0.1';
      stage.platform.answer = (res) => res.end(JSON.stringify({ access_token: 't', token_type: 'Bearer' }));
      await client({ proxy: undefined, auth: { ...auth(), tokenUrl: `${stage.platform.url}/token` } }).request({ path: '/' });
      assert.deepEqual([proxy.connects, stage.platform.seen.length], [['api.example.test:443'], 1]);
      process.env.NO_PROXY = 'api.example.test';
      await origin('login.example.test', grant);
      const error = await failure(client({ proxy: undefined, auth: auth(), retry: { attempts: 1 } }).request({ path: '/' }), 'DNS_FAILED');
      assert.match(error.message, /api\.example\.test/);
      assert.deepEqual(proxy.connects, ['api.example.test:443', 'login.example.test:443']);
    });

    it('clients that trust different CAs have ways of their own to it', async () => {
      await origin('api.example.test');
      await origin('login.example.test', grant);
      const credential = auth();
      const strangers = client({ auth: credential, tls: {}, retry: { attempts: 1 } });
      const friends = client({ auth: credential });
      await failure(strangers.request({ path: '/' }), 'TLS_FAILED');
      assert.equal((await friends.request({ path: '/' })).status, 200);
    });
  });

  it('the event service goes through it as well', async () => {
    const events = await openStage();
    try {
      /** @type {string[]} */
      const posts = [];
      await origin('api.example.test', (req, res) => {
        posts.push(req.url ?? '');
        res.end('{}');
      });
      for (const options of [{ env: { ...events.sandbox.env, https_proxy: proxy.url } }, { proxy: proxy.url }]) {
        const service = events.service({ apiBaseUrl: 'https://api.example.test', tls: { ca: authority.ca }, ...options });
        const event = makeEvent();
        assert.deepEqual((await events.handle(service, event)).body, { status: 'processed', eventId: event.webhookEventId });
        await service.close();
      }
      assert.deepEqual([posts.length, proxy.connects], [2, ['api.example.test:443', 'api.example.test:443']]);
    } finally {
      await events.close();
    }
  });

  describe('tinyproxy', () => {
    before(function needsTinyproxy() {
      if (hasPeer('tinyproxy')) return;
      console.log('      skipped: tinyproxy is not installed (Debian: apt-get install tinyproxy)');
      this.skip();
    });

    for (const credentials of [undefined, { user: 'ann', password: 's3cret' }]) {
      it(`tunnels and forwards, ${credentials ? 'with' : 'without'} a password`, async () => {
        const real = await startTinyproxy(folder, credentials);
        stage.add(real);
        const url = `http://${credentials ? 'ann:s3cret@' : ''}${real.authority}`;
        const port = await origin('localhost');
        const tunnelled = client({ baseUrl: `https://localhost:${port}`, proxy: url });
        for (let i = 0; i < 3; i += 1) assert.equal((await tunnelled.request({ method: 'POST', path: '/x', json: { i } })).json().url, '/x');
        const forwarded = client({ baseUrl: stage.platform.url, proxy: url });
        stage.platform.answer = (res, seen) => res.end(seen.body);
        for (let i = 0; i < 3; i += 1) assert.deepEqual((await forwarded.request({ method: 'POST', path: '/x', json: { i } })).json(), { i });
        await real.logged(/Request .*POST http:/g, 3);
        assert.equal(real.log().match(/Request .*CONNECT/g)?.length, 1);
      });
    }

    it('tells when the password is wrong or missing', async () => {
      const real = await startTinyproxy(folder, { user: 'ann', password: 's3cret' });
      stage.add(real);
      const port = await origin('localhost');
      /** @param {string} baseUrl @param {string} user */
      const refused = (baseUrl, user) => failure(client({ baseUrl, proxy: `http://${user}${real.authority}`, retry: { attempts: 1 } }).request({ path: '/' }), 'CONNECTION_FAILED');
      const baseUrl = `https://localhost:${port}`;
      assert.match((await refused(baseUrl, '')).hint, /asks for a user name/);
      assert.match((await refused(stage.platform.url, '')).hint, /asks for a user name/);
      assert.match((await refused(baseUrl, 'ann:wrong@')).hint, /does not take the user name/);
      assert.equal(stage.platform.seen.length, 0);
    });

    it('a host that it cannot reach is CONNECTION_FAILED', async () => {
      const real = await startTinyproxy(folder);
      stage.add(real);
      const error = await failure(client({ baseUrl: 'https://nobody.invalid', proxy: `http://${real.authority}`, retry: { attempts: 1 } }).request({ path: '/' }), 'CONNECTION_FAILED');
      assert.match(error.message, /refused the way to nobody\.invalid:443 with status 50\d$/);
    });
  });
});
