// SignatureVerifier: each scheme against codes made with node:crypto, what is refused and why, and that no sender can make it throw.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { SignatureVerifier } = require('../../lib/index.js');

const SECRET = 'a secret for tests';
const BODY = '{"webhookEventId":"evt_1","text":"Grüße, 世界 \u{1F600}"}';
const BYTES = Buffer.from(BODY);

/** @param {string | Buffer} key @param {'hex' | 'base64'} encoding @param {string} [algorithm] @param {string | Buffer} [body] */
const hmac = (key, encoding, algorithm = 'sha256', body = BYTES) => createHmac(algorithm, key).update(body).digest(encoding);
const HEX = hmac(SECRET, 'hex');
const BASE64 = hmac(SECRET, 'base64');
const VALID = { valid: true, secretIndex: 0 };

/** @param {string} reason */
const invalid = (reason) => ({ valid: false, reason });

/** @param {any} [more] */
const make = (more = {}) => new SignatureVerifier({ secrets: SECRET, ...more });

/** @type {Array<[string, string, string, string]>} scheme, header, value, its code's alphabet */
const SCHEMES = [
  ['cognigy', 'X-Cognigy-Signature', HEX, 'hex'],
  ['connector', 'X-Webhook-Signature', HEX, 'hex'],
  ['open-messaging', 'X-Hub-Signature-256', `sha256=${BASE64}`, 'base64'],
];

for (const [scheme, header, value, alphabet] of SCHEMES) {
  describe(`SignatureVerifier ${scheme}`, () => {
    const verifier = make({ scheme });
    const lower = header.toLowerCase();

    it('accepts the code of the body, by header object and by value', () => {
      assert.deepEqual(verifier.verify(BYTES, { [lower]: value }), VALID);
      assert.deepEqual(verifier.verify(BYTES, value), VALID);
    });

    it('finds the header in any case', () => {
      for (const name of [header, header.toUpperCase(), lower]) assert.deepEqual(verifier.verify(BYTES, { host: 'x', [name]: value }), VALID, name);
    });

    it('takes the body as Buffer, Uint8Array and string, for the same bytes', () => {
      for (const body of [BYTES, new Uint8Array(BYTES), BODY]) assert.deepEqual(verifier.verify(body, value), VALID);
      const larger = Buffer.concat([Buffer.from('before'), BYTES, Buffer.from('after')]);
      assert.deepEqual(verifier.verify(larger.subarray(6, 6 + BYTES.length), value), VALID, 'a view of a larger buffer');
      assert.deepEqual(make({ scheme }).verify('', make({ scheme }).sign('')), VALID, 'no bytes at all');
    });

    it('signs with the header as it is written, and accepts it', () => {
      assert.deepEqual(verifier.sign(BYTES), { [header]: value });
      assert.deepEqual(verifier.sign(BODY), { [header]: value });
      assert.deepEqual(verifier.verify(BYTES, verifier.sign(BYTES)), VALID);
    });

    it('calls a single changed bit a mismatch, in the body or in the code', () => {
      const changed = Buffer.from(BYTES);
      changed[10] ^= 1;
      assert.deepEqual(verifier.verify(changed, value), invalid('mismatch'));
      assert.deepEqual(verifier.verify(BYTES, make({ scheme, secrets: 'another' }).sign(BYTES)), invalid('mismatch'));
      assert.deepEqual(verifier.verify(Buffer.alloc(0), value), invalid('mismatch'));
    });

    it('tells of a header that is not there or empty', () => {
      for (const headers of [{}, { [lower]: '' }, { [lower]: undefined }, { other: value }, '']) {
        assert.deepEqual(verifier.verify(BYTES, headers), invalid('missing'), JSON.stringify(headers));
      }
      for (const headers of [undefined, null]) assert.deepEqual(verifier.verify(BYTES, /** @type {any} */ (headers)), invalid('missing'));
    });

    it('takes a header that came several times for malformed', () => {
      for (const several of [[value, value], `${value}, ${value}`, `${value},${value}`, `${value} ${value}`]) {
        assert.deepEqual(verifier.verify(BYTES, { [lower]: several }), invalid('malformed'), String(several));
      }
      assert.deepEqual(verifier.verify(BYTES, { [lower]: [value] }), VALID, 'once is once');
    });

    it('takes whatever is no code for malformed, and never throws', () => {
      const code = alphabet === 'hex' ? HEX : BASE64;
      const prefix = value.slice(0, value.length - code.length);
      const odd = ['x', code.slice(0, -1), `${code}0`, `${code.slice(0, -1)}g!`, `${code.slice(0, -1)}\0`, `${code.slice(0, -1)}ü`, ` ${code}`, `${code} `, `${code}\n`,
        '\u{1F600}'.repeat(16), '\0'.repeat(64), '='.repeat(44), '-_'.repeat(22), '\ud800'.repeat(64), 'f'.repeat(1 << 20)];
      for (const text of odd) assert.deepEqual(verifier.verify(BYTES, { [lower]: prefix + text }), invalid('malformed'), JSON.stringify(text.slice(0, 70)));
    });
  });
}

describe('SignatureVerifier', () => {
  it('takes hex in either case, and mixed', () => {
    const mixed = [...HEX].map((char, index) => (index % 2 ? char.toUpperCase() : char)).join('');
    for (const value of [HEX, HEX.toUpperCase(), mixed]) assert.deepEqual(make().verify(BYTES, value), VALID, value);
  });

  it('wants base64, not hex, and its prefix, for open-messaging', () => {
    const verifier = make({ scheme: 'open-messaging' });
    for (const value of [`sha256=${HEX}`, BASE64, `sha1=${BASE64}`, `SHA256=${BASE64}`, 'sha256=']) {
      assert.deepEqual(verifier.verify(BYTES, value), invalid('malformed'), value);
    }
  });

  it('is cognigy by default', () => assert.deepEqual(Object.keys(make().sign('x')), ['X-Cognigy-Signature']));

  it('tells which secret fitted, and signs with the first', () => {
    const secrets = ['new', Buffer.from([0, 1, 2, 255]), 'old'];
    const verifier = make({ secrets });
    secrets.forEach((secret, secretIndex) => {
      assert.deepEqual(verifier.verify(BYTES, hmac(secret, 'hex')), { valid: true, secretIndex });
    });
    assert.deepEqual(verifier.verify(BYTES, hmac('older', 'hex')), invalid('mismatch'));
    assert.deepEqual(verifier.sign(BYTES), { 'X-Cognigy-Signature': hmac('new', 'hex') });
    assert.deepEqual(make({ secrets: ['same', 'same'] }).verify(BYTES, hmac('same', 'hex')), VALID, 'the first of equals');
  });

  it('takes a string secret as its UTF-8 bytes and a Buffer as the key itself, long ones included', () => {
    for (const secret of ['Schlüssel', Buffer.from('Schlüssel'), Buffer.from([0]), 'k'.repeat(1000), new Uint8Array([1, 2, 3])]) {
      const key = typeof secret === 'string' ? secret : Buffer.from(secret);
      assert.deepEqual(make({ secrets: secret }).verify(BYTES, hmac(key, 'hex')), VALID);
    }
  });

  it('keeps its own copy of a secret', () => {
    const secret = Buffer.from('changed later');
    const verifier = make({ secrets: secret });
    const signed = verifier.sign(BYTES);
    secret.fill(0);
    assert.deepEqual(verifier.verify(BYTES, signed), VALID);
  });

  for (const body of [{ a: 1 }, [], null, undefined, 42, new Uint16Array(2), new ArrayBuffer(4)]) {
    it(`throws a TypeError that says how to mount the raw body for ${Object.prototype.toString.call(body)}`, () => {
      const expected = { name: 'TypeError', message: /^rawBody: expected a Buffer, Uint8Array or string.*before express\.json\(\).*express\.raw/ };
      assert.throws(() => make().verify(/** @type {any} */ (body), HEX), expected);
      assert.throws(() => make().sign(/** @type {any} */ (body)), expected);
    });
  }

  /** @type {Array<'sha1' | 'sha256' | 'sha512'>} */
  const algorithms = ['sha1', 'sha256', 'sha512'];
  for (const algorithm of algorithms) {
    for (const encoding of /** @type {const} */ (['hex', 'base64'])) {
      for (const prefix of [undefined, '', `${algorithm}=`]) {
        it(`takes a scheme of one's own: ${algorithm}, ${encoding}, prefix ${JSON.stringify(prefix)}`, () => {
          const verifier = make({ scheme: { header: 'X-Own', algorithm, encoding, ...(prefix === undefined ? {} : { prefix }) } });
          const value = `${prefix ?? ''}${hmac(SECRET, encoding, algorithm)}`;
          assert.deepEqual(verifier.sign(BYTES), { 'X-Own': value });
          assert.deepEqual(verifier.verify(BYTES, { 'x-own': value }), VALID);
          assert.deepEqual(verifier.verify(BYTES, { 'x-own': value.slice(0, -2) }), invalid('malformed'));
        });
      }
    }
  }

  const own = { header: 'X-Own', algorithm: 'sha256', encoding: 'hex' };
  /** @type {Array<[any, RegExp]>} */
  const wrong = [
    [undefined, /^missing: secrets$/], [{}, /^missing: secrets$/], [null, /^options: expected an object, got null$/],
    [{ secrets: '' }, /^secrets: expected one or several non-empty secrets, got an empty string$/], [{ secrets: [] }, /^secrets: .*got an array$/],
    [{ secrets: ['good-one', ''] }, /^secrets: /], [{ secrets: ' \t\n' }, /^secrets: /], [{ secrets: ['good-one', '  '] }, /^secrets: /],
    [{ secrets: Buffer.alloc(0) }, /^secrets: /], [{ secrets: 90210 }, /^secrets: .*got a number$/], [{ secrets: [90210] }, /^secrets: /], [{ secrets: {} }, /^secrets: /],
    [{ secrets: 'x', scheme: 'md5' }, /^scheme: expected cognigy, connector, open-messaging, standard-webhooks or an object, got another string$/],
    [{ secrets: 'x', scheme: 'constructor' }, /^scheme: expected/], [{ secrets: 'x', scheme: 7 }, /^scheme: expected .*got 7$/],
    [{ secrets: 'x', scheme: null }, /^scheme: expected .*got null$/], [{ secrets: 'x', scheme: {} }, /^scheme\.header: expected .*got a value of type undefined.*scheme\.algorithm: .*scheme\.encoding: /],
    [{ secrets: 'x', scheme: { ...own, header: '' } }, /^scheme\.header: expected/], [{ secrets: 'x', scheme: { ...own, header: 'a b' } }, /^scheme\.header: expected/],
    [{ secrets: 'x', scheme: { ...own, algorithm: 'md5' } }, /^scheme\.algorithm: expected sha1, sha256 or sha512, got another string$/],
    [{ secrets: 'x', scheme: { ...own, encoding: 'base32' } }, /^scheme\.encoding: expected hex or base64, got another string$/],
    [{ secrets: 'x', scheme: { ...own, prefix: 'a\r\nb' } }, /^scheme\.prefix: expected/], [{ secrets: 'x', scheme: { ...own, prefix: 1 } }, /^scheme\.prefix: expected .*got 1$/],
    [{ secrets: 'x', toleranceSeconds: -1 }, /^toleranceSeconds: expected an integer from 0 to \d+, got -1$/],
    [{ secrets: 'x', toleranceSeconds: 'soon' }, /^toleranceSeconds: .*got a string$/], [{ secrets: 'x', toleranceSeconds: null }, /^toleranceSeconds: .*got null$/],
    [{ secrets: 'x', secret: 'y' }, /^secret: is not an option; known are .*secrets/], [{ secret: 'y', toleranceSeconds: -1 }, /^missing: secrets; toleranceSeconds: .*; secret: is not an option/],
    [{ scheme: 'standard-webhooks', secrets: 'not*base64' }, /^secret: expected base64/], [{ scheme: 'standard-webhooks', secrets: 'whsec_' }, /^secret: expected/],
  ];
  wrong.forEach(([options, message], index) => {
    it(`refuses bad options ${index + 1}: ${message.source}`, () => {
      assert.throws(() => new SignatureVerifier(options), (error) => {
        assert.ok(error instanceof Error);
        assert.equal(/** @type {any} */ (error).code, 'CONFIG_INVALID', error.stack);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /good-one|90210|not\*base64/, 'no secret in the text');
        return true;
      });
    });
  });
});
