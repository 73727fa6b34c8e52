// HttpClient against a real nginx: keep-alive and its end, TLS, slow and large answers, statuses, and a server that is killed and comes back.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Authority } = require('../support/certificates.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { Nginx } = require('../support/nginx.js');
const { hasPeer } = require('../support/peers.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const WHO = '{"connection":$connection,"request":$connection_requests}';
/** @param {string} platform where /slow and /chunked lead */
const LOCATIONS = (platform) => `
  gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;
  location / { return 200 '${WHO}'; }
  location = /encoding { return 200 '{"accepted":"$http_accept_encoding","text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}'; }
  location = /missing { return 404; }
  location = /busy { add_header Retry-After 0 always; return 503; }
  location = /moved { return 302 /; }
  location = /small-only { client_max_body_size 1k; proxy_pass ${platform}; }
  location = /large.json { }
  location = /trickle.json { limit_rate 1k; }
  location = /chunked { proxy_pass ${platform}; proxy_buffering off; proxy_http_version 1.1; }
  location = /slow { proxy_pass ${platform}; }
`;
const available = hasPeer('nginx');

(available ? describe : describe.skip)(`HttpClient and nginx${available ? '' : ' (left out: there is no nginx on this machine)'}`, () => {
  /** @type {string} */
  let folder;
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  let count = 0;
  before(() => { folder = makeTempDir(); });
  after(() => removeTempDir(folder));
  beforeEach(async () => { stage = await openClientStage(); });
  afterEach(() => stage.close());

  /** @param {string} [more] inside of the server's block @param {{ cert: string, key: string }} [tls] */
  async function open(more = '', tls) {
    const nginx = new Nginx(path.join(folder, `${(count += 1)}`), LOCATIONS(stage.platform.url) + more, tls);
    await nginx.start();
    stage.add(nginx);
    return nginx;
  }

  /** @param {import('../..').HttpClient} client @param {number} requests @returns {Promise<number[]>} the connection of each */
  async function sequence(client, requests) {
    const connections = [];
    for (let number = 0; number < requests; number += 1) {
      const answer = await client.request({ method: 'POST', path: '/', json: { number } });
      assert.deepEqual([answer.status, answer.attempts], [200, 1]);
      connections.push(answer.json().connection);
    }
    return connections;
  }

  it('one connection carries one request after the other', async () => {
    const nginx = await open();
    assert.equal(new Set(await sequence(stage.client({ baseUrl: nginx.url }), 100)).size, 1);
  });

  it('a connection that nginx closes after three requests is replaced without an error', async () => {
    const nginx = await open('keepalive_requests 3;');
    const connections = await sequence(stage.client({ baseUrl: nginx.url }), 10);
    const uses = [...new Set(connections)].map((one) => connections.filter((other) => other === one).length);
    assert.deepEqual(uses, [3, 3, 3, 1]);
  });

  it('many at once share the connections that they may have', async () => {
    const nginx = await open();
    const client = stage.client({ baseUrl: nginx.url, maxConnections: 4 });
    const answers = await Promise.all(Array.from({ length: 500 }, () => client.request({ path: '/' })));
    assert.ok(new Set(answers.map((answer) => answer.json().connection)).size <= 4);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    it(`speaks ${version} with a CA of our own, and uses the connection again`, async () => {
      const authority = new Authority(fs.mkdtempSync(path.join(folder, 'ca-')));
      const nginx = await open(`ssl_protocols ${version};`, authority.leaf('IP:127.0.0.1'));
      assert.equal(new Set(await sequence(stage.client({ baseUrl: nginx.url, tls: { ca: authority.ca } }), 20)).size, 1);
      await failure(stage.client({ baseUrl: nginx.url }).request({ path: '/' }), 'TLS_FAILED');
    });
  }

  it('an upstream that does not answer ends with the time of the try', async () => {
    stage.platform.answer = () => {};
    const nginx = await open();
    const error = await failure(stage.client({ baseUrl: nginx.url }).request({ path: '/slow', timeoutMs: 100, retry: false }), 'TIMEOUT');
    assert.deepEqual([error.retryable, error.attempts], [true, 1]);
  });

  it('an answer that trickles ends with the time of the try', async () => {
    const nginx = await open();
    fs.writeFileSync(path.join(folder, String(count), 'trickle.json'), 'x'.repeat(100_000));
    await failure(stage.client({ baseUrl: nginx.url }).request({ path: '/trickle.json', timeoutMs: 300, retry: false }), 'TIMEOUT');
  });

  it('a server that was killed while the connection was idle, and came back, is met at the first try', async () => {
    const nginx = await open();
    const client = stage.client({ baseUrl: nginx.url });
    for (let round = 0; round < 5; round += 1) {
      await sequence(client, 3);
      await nginx.close();
      await nginx.start();
      await sequence(client, 1);
    }
  });

  it('a server that is gone is CONNECTION_FAILED, and met again when it is back', async () => {
    const nginx = await open();
    const client = stage.client({ baseUrl: nginx.url });
    await sequence(client, 1);
    await nginx.close();
    const error = await failure(client.request({ method: 'POST', path: '/' }), 'CONNECTION_FAILED');
    assert.equal(error.attempts, 4, 'nothing was sent, so it may be tried again');
    await nginx.start();
    await sequence(client, 2);
  });

  it('an answer over the limit is RESPONSE_TOO_LARGE, and the client goes on', async () => {
    const nginx = await open();
    fs.writeFileSync(path.join(folder, String(count), 'large.json'), JSON.stringify('x'.repeat(100_000)));
    const client = stage.client({ baseUrl: nginx.url, maxResponseBytes: 50_000 });
    assert.equal((await failure(client.request({ path: '/large.json' }), 'RESPONSE_TOO_LARGE')).attempts, 1);
    await sequence(client, 2);
    assert.equal((await stage.client({ baseUrl: nginx.url }).request({ path: '/large.json' })).json().length, 100_000);
  });

  it('an answer in chunks, whose length nobody knows', async () => {
    stage.platform.answer = (res) => {
      for (const part of ['["a', 'b', '"]']) res.write(part);
      res.end();
    };
    const nginx = await open();
    const answer = await stage.client({ baseUrl: nginx.url }).request({ path: '/chunked' });
    assert.deepEqual([answer.headers['transfer-encoding'], answer.json()], ['chunked', ['ab']]);
  });

  it('statuses are their codes', async () => {
    const nginx = await open();
    const client = stage.client({ baseUrl: nginx.url });
    for (const [at, code, status, attempts] of /** @type {Array<[string, string, number, number]>} */ ([
      ['/missing', 'NOT_FOUND', 404, 1], ['/busy', 'UPSTREAM_ERROR', 503, 4], ['/moved', 'UNEXPECTED_STATUS', 302, 1],
    ])) {
      const error = await failure(client.request({ method: 'POST', path: at }), code);
      assert.deepEqual([error.status, error.attempts], [status, attempts], at);
    }
    assert.equal((await client.request({ method: 'HEAD', path: '/' })).body.length, 0);
  });

  it('a body that nginx refuses before it has come whole is BAD_REQUEST', async () => {
    const nginx = await open();
    const client = stage.client({ baseUrl: nginx.url });
    for (const bytes of [2000, 8_000_000]) {
      const error = await failure(client.request({ method: 'POST', path: '/small-only', body: Buffer.alloc(bytes) }), 'BAD_REQUEST');
      assert.deepEqual([error.status, error.attempts], [413, 1], `${bytes} bytes`);
    }
    assert.equal(stage.platform.seen.length, 0);
    await sequence(client, 2);
  });

  it('compression is never asked for', async () => {
    const nginx = await open();
    const answer = await stage.client({ baseUrl: nginx.url }).request({ path: '/encoding' });
    assert.equal(answer.json().accepted, '');
    assert.equal(answer.headers['content-encoding'], undefined);
  });
});
