// SignatureVerifier for standard-webhooks: three headers, several signatures, a tolerance in time, and secrets in base64.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { SignatureVerifier } = require('../../lib/index.js');

const KEY = Buffer.from('a key of twenty-four by.');
const SECRET = `whsec_${KEY.toString('base64')}`;
const BODY = Buffer.from('{"text":"Grüße"}');
const ID = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W';
const VALID = { valid: true, secretIndex: 0 };

/** @param {any} [more] */
const make = (more = {}) => new SignatureVerifier({ scheme: 'standard-webhooks', secrets: SECRET, ...more });

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** @param {{ key?: Buffer, id?: string, timestamp?: number | string, body?: Buffer }} [o] */
function codeOf({ key = KEY, id = ID, timestamp = nowSeconds(), body = BODY } = {}) {
  return createHmac('sha256', key).update(Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])).digest('base64');
}

/** @param {Record<string, any>} [more] */
function headersWith(more = {}) {
  const timestamp = String(more['webhook-timestamp'] ?? nowSeconds());
  return { 'webhook-id': ID, 'webhook-signature': `v1,${codeOf({ timestamp })}`, ...more, 'webhook-timestamp': timestamp };
}

/** @param {Record<string, any>} more */
const reasonFor = (more) => /** @type {any} */ (make().verify(BODY, headersWith(more))).reason;

describe('SignatureVerifier standard-webhooks', () => {
  it('accepts the known vector of the specification', () => {
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const verifier = make({ secrets: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', toleranceSeconds: 86_400 * 366 });
    const signed = verifier.sign('{"test": 2432232314}', { id: headers['webhook-id'], timestamp: 1_614_265_330 });
    assert.deepEqual(signed, headers);
  });

  it('accepts the code of id, time and body, and finds the headers in any case', () => {
    assert.deepEqual(make().verify(BODY, headersWith()), VALID);
    const upper = Object.fromEntries(Object.entries(headersWith()).map(([name, value]) => [name.toUpperCase(), value]));
    assert.deepEqual(make().verify(BODY, upper), VALID);
  });

  it('takes a secret with whsec_, without it, and as the key itself', () => {
    for (const secrets of [SECRET, KEY.toString('base64'), KEY, [Buffer.from('x'), SECRET]]) {
      assert.equal(make({ secrets }).verify(BODY, headersWith()).valid, true);
    }
  });

  it('signs with the headers as they are written: a new id and the time of now, or those given', () => {
    const signed = make().sign(BODY);
    assert.deepEqual(Object.keys(signed), ['webhook-id', 'webhook-timestamp', 'webhook-signature']);
    assert.match(signed['webhook-id'], /^msg_\S{20,}$/);
    assert.notEqual(make().sign(BODY)['webhook-id'], signed['webhook-id']);
    assert.ok(Math.abs(Number(signed['webhook-timestamp']) - nowSeconds()) <= 60);
    assert.deepEqual(make().verify(BODY, signed), VALID);
    assert.deepEqual(make().sign(BODY, { id: ID, timestamp: 1_700_000_000 }),
      { 'webhook-id': ID, 'webhook-timestamp': '1700000000', 'webhook-signature': `v1,${codeOf({ timestamp: 1_700_000_000 })}` });
  });

  it('accepts the right one of several signatures, whatever version the others have', () => {
    const timestamp = nowSeconds();
    const right = `v1,${codeOf({ timestamp })}`;
    const wrong = `v1,${codeOf({ timestamp, key: Buffer.from('another') })}`;
    for (const several of [`${wrong} ${right}`, `${right} ${wrong}`, `v1a,abc ${right}`, `v2,### ${right} ${wrong}`, `${wrong} ${wrong} ${right}`]) {
      assert.deepEqual(make().verify(BODY, headersWith({ 'webhook-timestamp': timestamp, 'webhook-signature': several })), VALID, several);
    }
    assert.equal(reasonFor({ 'webhook-timestamp': timestamp, 'webhook-signature': `${wrong} ${wrong}` }), 'mismatch');
  });

  it('tells which secret fitted during a rotation', () => {
    const secrets = [Buffer.from('new').toString('base64'), SECRET];
    assert.deepEqual(make({ secrets }).verify(BODY, headersWith()), { valid: true, secretIndex: 1 });
    assert.equal(make({ secrets }).sign(BODY, { id: ID, timestamp: 1 })['webhook-signature'], `v1,${codeOf({ key: Buffer.from('new'), timestamp: 1 })}`);
  });

  it('lets a timestamp lie 300 seconds off by default, in the past and in the future', () => {
    for (const off of [-290, 0, 290]) assert.deepEqual(make().verify(BODY, headersWith({ 'webhook-timestamp': nowSeconds() + off })), VALID, String(off));
    for (const off of [-320, 320, -1e9, 1e12]) assert.equal(reasonFor({ 'webhook-timestamp': nowSeconds() + off }), 'expired', String(off));
  });

  it('takes another tolerance', () => {
    const hour = make({ toleranceSeconds: 3600 });
    for (const off of [-3500, 3500]) assert.deepEqual(hour.verify(BODY, headersWith({ 'webhook-timestamp': nowSeconds() + off })), VALID);
    for (const off of [-3700, 3700]) assert.equal(hour.verify(BODY, headersWith({ 'webhook-timestamp': nowSeconds() + off })).valid, false);
    assert.equal(make({ toleranceSeconds: 0 }).verify(BODY, headersWith({ 'webhook-timestamp': nowSeconds() - 5 })).valid, false);
  });

  it('tells of each header that is not there or empty, and of a lone header value', () => {
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      for (const value of ['', undefined]) assert.equal(/** @type {any} */ (make().verify(BODY, { ...headersWith(), [name]: value })).reason, 'missing', name);
    }
    assert.deepEqual(make().verify(BODY, headersWith()['webhook-signature']), { valid: false, reason: 'missing' });
  });

  it('takes a header that came several times for malformed', () => {
    const headers = headersWith();
    for (const name of /** @type {Array<keyof typeof headers>} */ (['webhook-id', 'webhook-timestamp', 'webhook-signature'])) {
      for (const several of [[headers[name], headers[name]], `${headers[name]}, ${headers[name]}`]) {
        assert.deepEqual(make().verify(BODY, { ...headers, [name]: several }), { valid: false, reason: 'malformed' }, `${name}: ${several}`);
      }
    }
  });

  it('calls another id, time or body a mismatch', () => {
    const headers = headersWith();
    assert.deepEqual(make().verify(BODY, { ...headers, 'webhook-id': 'msg_other' }), { valid: false, reason: 'mismatch' });
    assert.deepEqual(make().verify(BODY, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }), { valid: false, reason: 'mismatch' });
    assert.deepEqual(make().verify(`${BODY} `, headers), { valid: false, reason: 'mismatch' });
  });

  it('takes odd times and signatures for malformed, and never throws', () => {
    for (const time of ['soon', '-1', '+1', '1.5', '1e9', '0x10', ' 1', '9'.repeat(19), '9'.repeat(1 << 20), '١٢٣', '1\0']) {
      assert.equal(reasonFor({ 'webhook-timestamp': time }), 'malformed', time.slice(0, 20));
    }
    const code = codeOf();
    for (const signature of [code, 'v1', 'v1,', `v1,${code}0`, `v1,${code.slice(1)}`, 'v1a,abc', 'v2,abc', ' ', ',,,', `v1,${'ü'.repeat(22)}`, `v1;${code}`,
      `V1,${code}`, `v1, ${code}`, 'v1,x '.repeat(200_000), 'x'.repeat(1 << 20)]) {
      assert.equal(reasonFor({ 'webhook-signature': signature }), 'malformed', signature.slice(0, 60));
    }
    assert.equal(reasonFor({ 'webhook-id': 'i'.repeat(1 << 20) }), 'malformed');
  });
});
