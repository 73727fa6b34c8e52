// HttpClient.stats(): what a client counts of itself.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { HttpClient } = require('../..');

describe('HttpClient.stats()', () => {
  /** @type {http.Server} */ let server;
  /** @type {HttpClient} */ let client;
  let answer = (/** @type {http.ServerResponse} */ res) => { res.end('hello'); };

  before((done) => {
    server = http.createServer((req, res) => req.resume().on('end', () => answer(res))).listen(0, '127.0.0.1', done);
  });
  after((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  beforeEach(() => {
    answer = (res) => { res.end('hello'); };
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    client = new HttpClient({ baseUrl: `http://127.0.0.1:${port}`, retry: { baseMs: 1, maxMs: 1, jitter: 'none' } });
  });
  afterEach(() => client.close());

  it('begins with nothing', () => {
    const { latency, ...counts } = client.stats();
    assert.ok(Object.values(counts).every((count) => count === 0), JSON.stringify(counts));
    assert.deepEqual(latency.map(({ belowMs }) => belowMs).slice(0, 4), [1, 2, 4, 8]);
    assert.equal(latency.at(-1)?.belowMs, Infinity);
    assert.ok(latency.every(({ count }) => count === 0));
  });

  it('counts calls, tries, connections, bytes and latencies, also after close()', async () => {
    for (let i = 0; i < 3; i += 1) await client.request({ method: 'POST', path: '/', body: 'x'.repeat(1000) });
    let tries = 0;
    answer = (res) => { res.writeHead((tries += 1) === 1 ? 503 : 200).end(); };
    await client.request({ path: '/' });
    answer = (res) => { res.writeHead(404).end(); };
    await assert.rejects(client.request({ path: '/' }));
    await client.close();
    const stats = client.stats();
    assert.deepEqual(
      [stats.calls, stats.succeeded, stats.failed, stats.tries, stats.retries, stats.connectionsOpened, stats.resent],
      [5, 4, 1, 6, 1, 1, 0],
    );
    assert.ok(stats.bytesSent > 3000 && stats.bytesSent < 5000, String(stats.bytesSent));
    assert.ok(stats.bytesReceived > 15 && stats.bytesReceived < 2000, String(stats.bytesReceived));
    assert.equal(stats.latency.reduce((sum, { count }) => sum + count, 0), 6);
  });

  it('tells an answer by how long it took', async () => {
    answer = (res) => { setTimeout(() => res.end(), 20); };
    await client.request({ path: '/' });
    const { latency } = client.stats();
    const slow = latency.filter(({ belowMs }) => belowMs > 16).reduce((sum, { count }) => sum + count, 0);
    assert.equal(slow, 1);
  });
});
