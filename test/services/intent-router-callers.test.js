// Who may call POST /api/route: tokens, signatures, this machine alone; and pages of other origins.
'use strict';

const assert = require('node:assert/strict');
const os = require('node:os');
const express = require('express');
const { openRouterStage } = require('../support/router-stage.js');
const { signatureOf } = require('../support/events.js');
const { send } = require('../support/send.js');

const ORIGIN = 'https://bot.example.com';

describe('intentRouter callers', () => {
  /** @type {import('../support/router-stage.js').RouterStage} */
  let stage;
  beforeEach(async () => { stage = await openRouterStage(); });
  afterEach(() => stage.close());

  it('asks for a bearer token or a signature, where they are configured', async () => {
    const env = { ...stage.sandbox.env, TRUNKLINE_INBOUND_TOKEN: 'inbound-token', TRUNKLINE_INBOUND_SECRET: 'new,old' };
    const url = await stage.startRouter({ env });
    const body = JSON.stringify({ conversationId: '1', intent: 'x' });
    /** @type {Array<[Record<string, string>, number]>} */
    const callers = [
      [{}, 401], [{ authorization: 'Bearer wrong' }, 401], [{ authorization: 'Basic inbound-token' }, 401], [{ 'x-cognigy-signature': signatureOf(body, 'wrong') }, 401],
      [{ authorization: 'Bearer inbound-token' }, 200], [{ 'x-cognigy-signature': signatureOf(body, 'new') }, 200], [{ 'x-cognigy-signature': signatureOf(body, 'old') }, 200],
    ];
    for (const [headers, expected] of callers) {
      const { status, json } = await stage.route(url, body, headers);
      assert.deepEqual([status, json.success], [expected, expected === 200], JSON.stringify(headers));
    }
    assert.equal(stage.calls().length, 3);
    assert.doesNotMatch(stage.logger.text(), /inbound-token/);
    assert.equal((await send(`${url}/health`, { method: 'GET' })).status, 200);
  });

  it('takes this machine alone where nothing is configured', async function test() {
    const address = Object.values(os.networkInterfaces()).flat().find((one) => one && one.family === 'IPv4' && !one.internal)?.address;
    if (address === undefined) return this.skip();
    const router = stage.router();
    assert.equal(/** @type {any} */ (router).open, true);
    const url = await stage.serve(router.router(), '0.0.0.0');
    assert.equal((await stage.route(url)).status, 200);
    const foreign = url.replace('127.0.0.1', address);
    const { status, json } = await stage.route(foreign);
    assert.equal(status, 401);
    assert.deepEqual(json, { success: false, error: 'Only this machine may call: neither TRUNKLINE_INBOUND_TOKEN nor TRUNKLINE_INBOUND_SECRET is configured' });
    const open = await stage.serve(stage.router({ allowUnauthenticated: true }).router(), '0.0.0.0');
    assert.equal((await stage.route(open.replace('127.0.0.1', address))).status, 200);
    return undefined;
  });

  /** @param {string} url @param {string} [origin] */
  const preflight = (url, origin = ORIGIN) => send(`${url}/api/route`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } });
  /** @param {import('../support/send.js').Received} answer */
  const allowed = ({ headers }) => headers['access-control-allow-origin'];

  it('says nothing of CORS unless an origin is given', async () => {
    const url = await stage.startRouter();
    assert.deepEqual([(await preflight(url)).status, allowed(await preflight(url))], [405, undefined]);
    const { status, headers } = await stage.route(url, {}, { origin: ORIGIN });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control')), []);
  });

  for (const [where, options] of /** @type {Array<[string, any]>} */ ([['CORS_ORIGIN', { env: { CORS_ORIGIN: `https://other.example.com, ${ORIGIN}` } }], ['corsOrigin', { corsOrigin: ORIGIN }]])) {
    it(`answers preflights and requests of the origins in ${where}, on a plain server and in Express`, async () => {
      const router = stage.router({ ...options, env: { ...stage.sandbox.env, ...options.env, TRUNKLINE_INBOUND_TOKEN: 'inbound-token' } }).router();
      for (const handler of [router, express().use(router)]) {
        const url = await stage.serve(handler);
        const { status, headers, text } = await preflight(url);
        assert.deepEqual([status, text, headers['access-control-allow-origin'], headers['access-control-allow-methods']], [204, '', ORIGIN, 'POST']);
        assert.equal(headers['access-control-allow-headers'], 'authorization,content-type');
        const answer = await stage.route(url, {}, { origin: ORIGIN, authorization: 'Bearer inbound-token' });
        assert.deepEqual([answer.status, allowed(answer), answer.headers['access-control-expose-headers']], [200, ORIGIN, 'Retry-After']);
        // A page has to be able to read why it was refused, too.
        const refused = await stage.route(url, {}, { origin: ORIGIN });
        assert.deepEqual([refused.status, allowed(refused)], [401, ORIGIN]);
        const stranger = 'https://evil.example.com';
        assert.notEqual(allowed(await preflight(url, stranger)), stranger);
        assert.notEqual(allowed(await stage.route(url, {}, { origin: stranger })), stranger);
        assert.match(String(answer.headers.vary), /origin/i);
      }
    });
  }

  it('lets any origin in with *, and leaves other paths alone', async () => {
    const app = express().use(stage.router({ corsOrigin: '*' }).router()).use((_req, res) => { res.send('the app'); });
    const url = await stage.serve(app);
    assert.equal(allowed(await preflight(url)), '*');
    const other = await send(`${url}/other`, { method: 'OPTIONS', headers: { origin: ORIGIN } });
    assert.deepEqual([other.text, allowed(other)], ['the app', undefined]);
  });
});
