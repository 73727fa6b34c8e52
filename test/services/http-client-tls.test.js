// HttpClient over TLS: whom it trusts, whom it does not and what it says then, client certificates.
'use strict';

const assert = require('node:assert/strict');
const { Authority } = require('../support/certificates.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { RecordingLogger } = require('../support/recording-logger.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

describe('HttpClient TLS', () => {
  /** @type {string} */
  let folder;
  /** @type {Authority} */
  let authority;
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  before(() => {
    folder = makeTempDir();
    authority = new Authority(folder);
  });
  after(() => removeTempDir(folder));
  beforeEach(async () => { stage = await openClientStage(); });
  afterEach(() => stage.close());

  /** @type {import('../support/client-stage.js').ClientStage['https']} */
  const serve = (options, handler) => stage.https(options, handler);

  it('trusts the CA that it is given, by name and by address, and names the host (SNI)', async () => {
    /** @type {unknown[]} */
    const names = [];
    const port = await serve(authority.leaf('DNS:localhost,IP:127.0.0.1'), (req, res) => {
      names.push(/** @type {any} */ (req.socket).servername);
      res.end('{"secure":true}');
    });
    for (const host of ['localhost', '127.0.0.1']) {
      const client = stage.client({ baseUrl: `https://${host}:${port}`, tls: { ca: authority.ca } });
      assert.deepEqual((await client.request({ method: 'POST', path: '/', json: {} })).json(), { secure: true });
    }
    assert.deepEqual(names, ['localhost', false]);
  });

  for (const version of /** @type {const} */ (['TLSv1.2', 'TLSv1.3'])) {
    it(`speaks ${version}, and uses its connection again`, async () => {
      const sockets = new Set();
      const port = await serve({ ...authority.leaf('IP:127.0.0.1'), minVersion: version, maxVersion: version }, (req, res) => {
        sockets.add(req.socket);
        req.pipe(res);
      });
      const client = stage.client({ baseUrl: `https://127.0.0.1:${port}`, tls: { ca: [Buffer.from(authority.ca)] } });
      const body = Buffer.alloc(500_000, 'trunkline ');
      for (let i = 0; i < 3; i += 1) assert.ok((await client.request({ method: 'PUT', path: '/', body })).body.equals(body));
      assert.equal(sockets.size, 1);
    });
  }

  for (const version of /** @type {const} */ (['TLSv1.2', 'TLSv1.3'])) {
    it(`resumes the ${version} session of an earlier connection`, async () => {
      const port = await serve({ ...authority.leaf('IP:127.0.0.1'), minVersion: version, maxVersion: version }, (req, res) => {
        res.writeHead(200, { connection: 'close' }).end(String(/** @type {import('node:tls').TLSSocket} */ (req.socket).isSessionReused()));
      });
      const client = stage.client({ baseUrl: `https://127.0.0.1:${port}`, tls: { ca: authority.ca } });
      const resumed = [];
      for (let i = 0; i < 3; i += 1) resumed.push((await client.request({ path: '/' })).json());
      assert.deepEqual(resumed, [false, true, true]);
      const other = stage.client({ baseUrl: `https://127.0.0.1:${port}`, tls: { ca: authority.ca } });
      assert.equal((await other.request({ path: '/' })).json(), false);
    });
  }

  it('takes nothing older than TLS 1.2', async () => {
    const port = await serve({ ...authority.leaf('IP:127.0.0.1'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await failure(stage.client({ baseUrl: `https://127.0.0.1:${port}`, tls: { ca: authority.ca } }).request({ path: '/' }), 'TLS_FAILED');
  });

  /** @type {Array<[string, () => { cert: string, key: string }, boolean, RegExp]>} */
  const refused = [
    ['an unknown CA', () => authority.leaf('IP:127.0.0.1'), false, /unknown CA.*tls\.ca/],
    ['a self-signed certificate', () => authority.selfSigned(), false, /self-signed.*tls\.ca/],
    ['another host\'s certificate', () => authority.leaf('DNS:other.example.com'), true, /another host/],
    ['another address\'s certificate', () => authority.leaf('IP:127.0.0.2'), true, /another host/],
    ['an expired certificate', () => authority.leaf('IP:127.0.0.1', -1), true, /expired/],
  ];
  for (const [what, make, trusted, hint] of refused) {
    it(`refuses ${what}, and says what to do`, async () => {
      let requests = 0;
      const port = await serve(make(), () => { requests += 1; });
      const client = stage.client({ baseUrl: `https://127.0.0.1:${port}`, ...(trusted && { tls: { ca: authority.ca } }) });
      const error = await failure(client.request({ path: '/' }), 'TLS_FAILED');
      assert.match(error.hint, hint);
      assert.deepEqual([error.retryable, error.attempts, requests], [false, 1, 0]);
    });
  }

  it('rejectUnauthorized: false lets everything through, and warns', async () => {
    const logger = new RecordingLogger();
    const port = await serve(authority.leaf('DNS:other.example.com', -1));
    const client = stage.client({ baseUrl: `https://127.0.0.1:${port}`, tls: { rejectUnauthorized: false }, logger });
    assert.equal((await client.request({ path: '/' })).status, 200);
    assert.equal(logger.lines.length, 1);
    assert.equal(logger.lines[0].level, 'warn');
    assert.match(logger.lines[0].msg, /rejectUnauthorized/);
  });

  it('shows a client certificate where one is asked for, and tells when it is missing', async () => {
    const port = await serve({ ...authority.leaf('IP:127.0.0.1'), ca: authority.ca, requestCert: true, rejectUnauthorized: true }, (req, res) => {
      res.end(JSON.stringify(/** @type {any} */ (req.socket).getPeerCertificate().subject));
    });
    const baseUrl = `https://127.0.0.1:${port}`;
    const client = stage.client({ baseUrl, tls: { ca: authority.ca, ...authority.leaf('DNS:client') } });
    assert.match((await client.request({ path: '/' })).json().CN, /^leaf/);
    const without = stage.client({ baseUrl, tls: { ca: authority.ca } });
    await assert.rejects(without.request({ path: '/', retry: false }), (/** @type {any} */ error) => ['TLS_FAILED', 'CONNECTION_FAILED'].includes(error.code));
  });

  it('refuses PEM that is none, before any request, and does not print it', async () => {
    const baseUrl = 'https://127.0.0.1';
    const { cert } = authority.leaf('DNS:a');
    for (const tls of [{ cert: 'no pem at all', key: 'no pem at all' }, { cert, key: authority.leaf('DNS:b').key }, { cert }]) {
      const error = await failure(() => stage.client({ baseUrl, tls }), 'CONFIG_INVALID');
      assert.doesNotMatch(error.message, /BEGIN|no pem/);
    }
  });

  it('fetches tokens over TLS with the same trust', async () => {
    const port = await serve(authority.leaf('IP:127.0.0.1'), (req, res) => {
      res.end(JSON.stringify({ access_token: 'tls', token_type: 'Bearer', authorization: req.headers.authorization }));
    });
    const baseUrl = `https://127.0.0.1:${port}`;
    const client = stage.client({ baseUrl, tls: { ca: authority.ca }, auth: { type: 'oauth2', tokenUrl: `${baseUrl}/token`, clientId: 'a', clientSecret: 'b' } });
    assert.equal((await client.request({ path: '/' })).json().authorization, 'Bearer tls');
  });

  it('a server that speaks no TLS is told apart', async () => {
    const plain = new URL(stage.platform.url).host;
    const error = await failure(stage.client({ baseUrl: `https://${plain}` }).request({ path: '/', retry: false }), 'TLS_FAILED');
    assert.equal(error.retryable, false);
  });
});
