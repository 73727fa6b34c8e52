// preflight: what it says of good targets and of each kind of bad one, what it refuses to look at, and how its process ends.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { X509Certificate } = require('node:crypto');
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');
const { preflight } = require('../../lib/index.js');
const { Authority } = require('../support/certificates.js');
const { openClientStage, failure } = require('../support/client-stage.js');
const { runScript } = require('../support/run-script.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const ROOT = path.join(__dirname, '..', '..');

describe('preflight', () => {
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

  /** @param {string} url @param {import('../..').PreflightOptions} [more] @returns {Promise<any>} */
  const look = (url, more) => preflight(url, { allowPrivate: true, ca: authority.ca, ...more });

  it('reports a target that is fit', async () => {
    const { cert, key } = authority.leaf('DNS:localhost,IP:127.0.0.1', 3);
    /** @type {unknown[]} */
    const asked = [];
    const port = await stage.https({ cert, key }, (req, res) => {
      asked.push(req.method, req.url, req.headers.host);
      res.writeHead(200, { 'content-type': 'application/json' }).end();
    });
    const report = await look(`https://localhost:${port}/a/../b%7e?c={d}&e=#not-sent`);
    assert.deepEqual(asked, ['HEAD', '/a/../b%7e?c={d}&e=', `localhost:${port}`]);
    const { responseTimeMs, timings, address, certificate, ...rest } = report;
    assert.deepEqual(rest, { ok: true, tlsValid: true, reachable: true, contentType: 'application/json', status: 200, protocol: 'TLSv1.3' });
    assert.match(address, /^(127\.0\.0\.1|::1)$/);
    const x509 = new X509Certificate(cert);
    assert.deepEqual(certificate, {
      subject: x509.subject.replaceAll('\n', ', '),
      issuer: x509.issuer.replaceAll('\n', ', '),
      validFrom: new Date(x509.validFrom).toISOString(),
      validTo: new Date(x509.validTo).toISOString(),
      daysLeft: 2,
      subjectAltName: x509.subjectAltName,
      fingerprint256: x509.fingerprint256,
    });
    assert.deepEqual(Object.keys(timings), ['dnsMs', 'connectMs', 'tlsMs', 'httpMs']);
    const sum = Object.values(timings).reduce((a, b) => a + b, 0);
    assert.equal(sum, responseTimeMs);
  });

  it('says application/octet-stream where the answer names no type', async () => {
    const port = await stage.https(authority.leaf('IP:127.0.0.1'), (_req, res) => res.writeHead(204).end());
    const { ok, status, contentType } = await look(`https://127.0.0.1:${port}`);
    assert.deepEqual({ ok, status, contentType }, { ok: true, status: 204, contentType: 'application/octet-stream' });
  });

  for (const refusal of [405, 501]) {
    it(`asks with GET for one byte where HEAD is refused with ${refusal}, and waits for no body`, async () => {
      /** @type {unknown[]} */
      const asked = [];
      const port = await stage.https(authority.leaf('IP:127.0.0.1'), (req, res) => {
        asked.push([req.method, req.url, req.headers.range]);
        if (req.method === 'HEAD') return res.writeHead(refusal).end();
        return res.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1e9 }).write('x'.repeat(100_000));
      });
      const { ok, status, contentType } = await look(`https://127.0.0.1:${port}/in?x=1`);
      assert.deepEqual({ ok, status, contentType }, { ok: true, status: 200, contentType: 'text/plain' });
      assert.deepEqual(asked, [['HEAD', '/in?x=1', undefined], ['GET', '/in?x=1', 'bytes=0-0']]);
    });
  }

  /** @type {Array<[string, () => { cert: string, key: string }, RegExp, RegExp]>} */
  const refused = [
    ['an expired certificate', () => authority.leaf('IP:127.0.0.1', -1), /expired/, /renew/],
    ['a certificate that is not valid yet', () => authority.leafOfTomorrow('IP:127.0.0.1'), /not yet valid/, /clocks/],
    ['another host\'s certificate', () => authority.leaf('DNS:other.example.com'), /mismatch/, /another host/],
    ['a self-signed certificate', () => authority.selfSigned(), /self.signed/, /self-signed.*as ca or/],
    ['a missing intermediate', () => authority.leafOfIntermediate('IP:127.0.0.1'), /issuer/, /incomplete/],
  ];
  for (const [what, make, reason, hint] of refused) {
    it(`shows ${what} and sends nothing to it`, async () => {
      let requests = 0;
      const { cert, key } = make();
      const port = await stage.https({ cert, key }, () => { requests += 1; });
      const report = await look(`https://127.0.0.1:${port}`);
      assert.deepEqual([report.ok, report.tlsValid, report.reachable, report.status, requests], [false, false, false, 0, 0]);
      assert.deepEqual([report.failure.phase, report.failure.code], ['tls', 'TLS_FAILED']);
      assert.match(report.failure.reason, reason);
      assert.match(report.failure.hint, hint);
      assert.equal(report.certificate.fingerprint256, new X509Certificate(cert).fingerprint256);
      assert.equal(report.protocol, 'TLSv1.3');
      assert.equal(report.address, '127.0.0.1');
    });
  }

  it('counts the days since a certificate expired below zero', async () => {
    const port = await stage.https(authority.leaf('IP:127.0.0.1', -1));
    assert.equal((await look(`https://127.0.0.1:${port}`)).certificate.daysLeft, -2);
  });

  it('takes the chain with its intermediate', async () => {
    const { cert, key, intermediate } = authority.leafOfIntermediate('IP:127.0.0.1');
    const port = await stage.https({ cert: cert + intermediate, key });
    assert.equal((await look(`https://127.0.0.1:${port}`)).ok, true);
  });

  it('trusts nobody but Node\'s roots without ca', async () => {
    const port = await stage.https(authority.leaf('IP:127.0.0.1'));
    const { ok, failure: why } = await preflight(`https://127.0.0.1:${port}`, { allowPrivate: true });
    assert.deepEqual([ok, why?.phase, why?.code], [false, 'tls', 'TLS_FAILED']);
  });

  it('tells TLS 1.1, and no TLS at all', async () => {
    const old = await stage.https({ ...authority.leaf('IP:127.0.0.1'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const alert = await stage.tcp((socket) => socket.once('data', () => socket.write(Buffer.from('15030100020246', 'hex'))));
    for (const host of [`127.0.0.1:${old}`, alert]) {
      const { failure: why, certificate, protocol } = await look(`https://${host}`);
      assert.deepEqual([why.phase, why.code, certificate, protocol], ['tls', 'TLS_FAILED', undefined, '']);
      assert.match(why.hint, /too old/);
    }
    const { failure: plain } = await look(`https://${new URL(stage.platform.url).host}`);
    assert.deepEqual([plain.phase, plain.code], ['tls', 'TLS_FAILED']);
    assert.match(plain.hint, /does not speak TLS/);
  });

  it('tells a status that is no success', async () => {
    const port = await stage.https(authority.leaf('IP:127.0.0.1'), (req, res) => res.writeHead(Number(req.url?.slice(1))).end());
    /** @type {Array<[number, string]>} */
    const codes = [[404, 'NOT_FOUND'], [403, 'AUTHORIZATION_FAILED'], [301, 'UNEXPECTED_STATUS'], [500, 'UPSTREAM_ERROR'], [405, 'BAD_REQUEST']];
    for (const [status, code] of codes) {
      const report = await look(`https://127.0.0.1:${port}/${status}`);
      assert.deepEqual([report.ok, report.tlsValid, report.reachable, report.status], [false, true, true, status]);
      assert.deepEqual([report.failure.phase, report.failure.code], ['http', code]);
      assert.match(report.failure.reason, new RegExp(String(status)));
    }
  });

  it('tells an answer that is none', async () => {
    const port = await stage.https(authority.leaf('IP:127.0.0.1'), (req) => req.socket.end('HTTP/1.1 200 OK\r\nContent-'));
    const { failure: why, reachable, tlsValid } = await look(`https://127.0.0.1:${port}`);
    assert.deepEqual([why.phase, why.code, reachable, tlsValid], ['http', 'MALFORMED_RESPONSE', false, true]);
  });

  it('tells a port on which nobody listens, and a name that nobody has', async () => {
    const host = await stage.tcp(() => {});
    await stage.close();
    stage = await openClientStage();
    const { failure: refusal } = await look(`https://${host}`);
    assert.deepEqual([refusal.phase, refusal.code], ['connect', 'CONNECTION_FAILED']);
    assert.match(refusal.reason, /ECONNREFUSED/);
    const { failure: unknown, address } = await look('https://nobody.invalid');
    assert.deepEqual([unknown.phase, unknown.code, address], ['dns', 'DNS_FAILED', '']);
  });

  it('ends in time, and says what was missing', async () => {
    const mute = await stage.tcp(() => {});
    const slow = await stage.https(authority.leaf('IP:127.0.0.1'), () => {});
    const reports = await Promise.all([`https://${mute}`, `https://127.0.0.1:${slow}`].map((url) => look(url, { timeoutMs: 2000 })));
    assert.deepEqual(reports.map(({ failure: why, tlsValid }) => [why.phase, why.code, tlsValid]), [['tls', 'TIMEOUT', false], ['http', 'TIMEOUT', true]]);
    for (const { responseTimeMs, failure: why } of reports) {
      assert.ok(responseTimeMs >= 2000, String(responseTimeMs));
      assert.match(why.reason, /within 2000 ms/);
    }
  });

  it('connects to no private address unless it may, whatever it is called', async () => {
    let connections = 0;
    const port = (await stage.tcp(() => { connections += 1; })).split(':')[1];
    const hosts = ['127.0.0.1', '[::1]', 'localhost', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '127.1', '0x7f000001', '2130706433', '0.0.0.0', '[::]',
      '10.1.2.3', '192.168.1.1', '169.254.169.254', '100.64.0.1', '[fd00::1]', '[fe80::1]', '[64:ff9b::7f00:1]'];
    for (const host of hosts) {
      const error = await failure(preflight(`https://${host}:${port}/`, { ca: authority.ca }), 'ADDRESS_FORBIDDEN');
      assert.match(error.message, /not at a public address/);
      assert.match(error.hint, /allowPrivate/);
    }
    assert.equal(connections, 0);
  });

  it('refuses arguments that cannot work', async () => {
    /** @type {any[]} */
    const urls = [undefined, null, 7, '', 'example.com', 'http://example.com', 'HTTP://example.com', 'ftp://example.com', 'https:', 'https://', 'https:///path',
      'https:example.com', ' https://example.com', 'https://user@example.com', 'https://user:s3cret@example.com', 'https://:s3cret@example.com', 'https://example.com:99999',
      'https://exa mple.com', 'https://example.com/a b', 'https://example.com/a\r\nX: y', 'https://example.com/ü', 'https://[::1'];
    for (const url of urls) {
      const { message } = await failure(preflight(url), 'CONFIG_INVALID');
      assert.doesNotMatch(message, /s3cret/);
    }
    /** @type {any[]} */
    const options = [null, 7, { timeoutMs: 0 }, { timeoutMs: 1.5 }, { timeoutMs: 600_001 }, { allowPrivate: 'perhaps' }, { ca: 7 }, { ca: '' }, { timeout: 5 }, { tls: {} }];
    for (const one of options) await failure(preflight('https://example.com', one), 'CONFIG_INVALID');
    const broken = authority.ca.replace(/\n(.{20})/, '\n!!$1');
    const { message } = await failure(preflight('https://example.com', { ca: broken }), 'CONFIG_INVALID');
    assert.match(message, /^ca: /);
  });

  describe('and its process', () => {
    /** @param {string} source @param {string} host */
    const run = (source, host) => runScript(`const { preflight } = require(${JSON.stringify(ROOT)});
      const look = (timeoutMs) => preflight('https://' + process.argv[1], { allowPrivate: true, timeoutMs }); ${source}`, [host]);

    it('keeps it until the verdict is there, and no longer', async () => {
      const { code, lines, stderr } = await run('look(1000).then(({ failure }) => say(failure.phase + " " + failure.code));', await stage.tcp(() => {}));
      assert.deepEqual([code, lines, stderr], [0, ['tls TIMEOUT'], '']);
    });

    it('process.exit with many under way ends at once', async () => {
      /** @type {import('node:net').Socket[]} */
      const open = [];
      // The last one's arrival ends the first, which ends the process.
      const host = await stage.tcp((socket) => {
        if (open.push(socket) === 50) open[0].destroy();
      });
      const source = 'for (let i = 0; i < 50; i += 1) look(600000).then(() => process.exit(7));';
      const { code, signal, stderr } = await run(source, host);
      assert.deepEqual([code, signal, stderr], [7, null, '']);
    });

    for (const [end, code] of /** @type {Array<[string, number]>} */ ([['exit', 5], ['terminate', 1]])) {
      it(`workers end by ${end} with some under way, and others go on`, async () => {
        /** @type {Set<import('node:net').Socket>} */
        const open = new Set();
        /** @type {() => void} */
        let arrived = () => {};
        const host = await stage.tcp((socket) => {
          open.add(socket.once('close', () => { open.delete(socket); arrived(); }).resume());
          arrived();
        });
        const untilOpen = (/** @type {number} */ count) => new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
          arrived = () => { if (open.size === count) resolve(); };
          arrived();
        });
        const own = look(`https://${host}`, { timeoutMs: 600_000 });
        await untilOpen(1);
        const source = `const { parentPort, workerData } = require('node:worker_threads');
          const { preflight } = require(${JSON.stringify(ROOT)});
          for (let i = 0; i < 5; i += 1) preflight('https://' + workerData, { allowPrivate: true, timeoutMs: 600000 });
          parentPort.once('message', () => process.exit(5));`;
        const worker = new Worker(source, { eval: true, workerData: host });
        await untilOpen(6);
        const ended = once(worker, 'exit');
        if (end === 'terminate') void worker.terminate();
        else worker.postMessage('go');
        assert.deepEqual(await ended, [code]);
        await untilOpen(1);
        for (const socket of open) socket.destroy();
        assert.equal((await own).failure.code, 'CONNECTION_FAILED');
      });
    }
  });
});
