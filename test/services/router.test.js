// The router that all services share: which requests it takes, which it hands on, and what HEAD is told.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { createRouter } = require('../../lib/http/router.js');
const { send } = require('../support/send.js');

describe('router', () => {
  /** @type {http.Server} */
  let server;
  /** @type {string} */
  let url;
  const router = createRouter({ 'POST /in': (req, answer) => { req.resume(); answer({ status: 202, body: { taken: true } }); } });
  /** Does it stand alone, or before others? */
  let alone = true;
  before(async () => {
    server = http.createServer((req, res) => (alone ? router(req, res) : router(req, res, () => res.writeHead(418).end()))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  });
  after(() => server.close());

  /** @param {string} method @param {string} path */
  const status = async (method, path) => (await send(url + path, { method })).status;

  it('answers its routes, tells wrong methods from wrong paths, and hands on what is not its own', async () => {
    alone = true;
    assert.deepEqual([await status('POST', '/in?a=1'), await status('GET', '/in'), await status('POST', '/other'), await status('GET', '/health')], [202, 405, 404, 200]);
    alone = false;
    assert.deepEqual([await status('POST', '/in'), await status('GET', '/in'), await status('POST', '/other'), await status('GET', '/health')], [202, 418, 418, 200]);
  });

  it('tells HEAD that a path is there, also one that takes POST alone: webhook senders look before they post', async () => {
    for (alone of [true, false]) {
      const there = await send(`${url}/in`, { method: 'HEAD' });
      assert.deepEqual([there.status, there.text, there.headers['content-type']], [200, '', 'application/json; charset=utf-8']);
      assert.equal((await send(`${url}/health`, { method: 'HEAD' })).headers['content-length'], String('{"status":"ok"}'.length));
      assert.equal(await status('HEAD', '/other'), alone ? 404 : 418);
    }
  });
});
