// Targets of every kind, with certificates made for the test: which are registered, and that nothing is posted for the others.
'use strict';

const assert = require('node:assert/strict');
const https = require('node:https');
const { once } = require('node:events');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage } = require('../support/registrar-stage.js');

describe('registrar and its targets', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  before(async () => { stage = await openRegistrarStage(); });
  beforeEach(() => stage.sandbox.reset());
  after(() => stage.close());

  /** @type {Array<[string, () => { cert: string, key: string }, RegExp]>} */
  const refused = [
    ['an expired certificate', () => stage.authority.leaf('IP:127.0.0.1', -1), /expired/],
    ['a certificate that is not valid yet', () => stage.authority.leafOfTomorrow('IP:127.0.0.1'), /clocks/],
    ['another host\'s certificate', () => stage.authority.leaf('DNS:other.example.com'), /another host/],
    ['a self-signed certificate', () => stage.authority.selfSigned(), /self-signed/],
    ['an incomplete chain', () => stage.authority.leafOfIntermediate('IP:127.0.0.1'), /incomplete/],
  ];
  for (const [what, make, hint] of refused) {
    it(`refuses ${what} before anything is asked of Cognigy`, async () => {
      const url = await stage.target({ certificate: make() });
      const error = await failure(stage.registrar().register({ url }), 'TLS_FAILED');
      assert.match(error.hint, hint);
      assert.deepEqual([error.retryable, stage.sandbox.requests.total], [false, 0]);
      const { ok, failure: why } = await stage.registrar().validate(url);
      assert.deepEqual([ok, why?.phase, why?.hint], [false, 'tls', error.hint]);
    });
  }

  it('refuses a protocol that is too old', async () => {
    const old = https.createServer({ ...stage.authority.leaf('IP:127.0.0.1'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }).listen(0, '127.0.0.1');
    await once(old, 'listening');
    const url = `https://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (old.address()).port}`;
    assert.match((await failure(stage.registrar().register({ url }), 'TLS_FAILED')).hint, /too old/);
    old.close();
  });

  it('refuses a target that does not answer 2xx, and tells the status', async () => {
    const url = await stage.target({ handler: (req, res) => res.writeHead(Number(req.url?.split('/')[2])).end() });
    for (const [status, code] of /** @type {Array<[number, string]>} */ ([[301, 'UNEXPECTED_STATUS'], [404, 'NOT_FOUND'], [500, 'UPSTREAM_ERROR']])) {
      assert.equal((await failure(stage.registrar().register({ url: `${url}/${status}` }), code)).status, status);
    }
    assert.equal(stage.sandbox.requests.total, 0);
  });

  it('takes a whole chain, and a target that refuses HEAD', async () => {
    const { cert, key, intermediate } = stage.authority.leafOfIntermediate('IP:127.0.0.1');
    /** @type {unknown[]} */
    const asked = [];
    const url = await stage.target({ certificate: { cert: cert + intermediate, key }, handler: (req, res) => { asked.push(req.method); res.writeHead(req.method === 'HEAD' ? 405 : 200).end(); } });
    assert.equal((await stage.registrar().register({ url })).success, true);
    assert.deepEqual(asked, ['HEAD', 'GET']);
  });

  it('trusts no CA but Node\'s without one of its own', async () => {
    const url = await stage.target();
    await failure(stage.registrar({ ca: undefined }).register({ url }), 'TLS_FAILED');
  });
});
