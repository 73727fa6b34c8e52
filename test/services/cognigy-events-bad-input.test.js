// Whatever a sender can send that is no event: it is told so, nothing is stored or sent, no id is used up, and the next event goes through.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const { makeEvent, signatureOf, statePath } = require('../support/events.js');
const { openStage } = require('../support/stage.js');
const { send } = require('../support/send.js');
const { within } = require('../support/until.js');

const MIB = 2 ** 20;
const FIELDS = ['webhookEventId', 'intent', 'dialogId', 'sessionId'];

/** @param {number} depth @param {string} open @param {string} close */
const nested = (depth, open, close) => `${JSON.stringify(makeEvent()).slice(0, -1)},"deep":${open.repeat(depth)}1${close.repeat(depth)}}`;

describe('cognigyEvents and bad input', () => {
  /** @type {import('../support/stage.js').Stage} */
  let stage;
  /** @type {import('../..').CognigyEvents} */
  let service;
  /** @type {string} */
  let url;

  // One service for all: what follows a bad request is part of the test.
  before(async () => {
    stage = await openStage();
    ({ service, url } = await stage.start());
  });
  beforeEach(() => stage.sandbox.reset());
  after(() => stage.close());

  /** Nothing was taken so far, and an event still is. @param {number} accepted before the bad request */
  async function assertUntouched(accepted) {
    assert.equal(service.stats().accepted, accepted);
    assert.equal(stage.sandbox.requests.total, 0);
    assert.equal((await stage.post(url, makeEvent())).json.status, 'processed');
  }

  /** @type {Array<[string, (right: string) => string]>} */
  const signatures = [
    ['short', (right) => right.slice(0, 63)], ['long', (right) => `${right}0`], ['one character', () => '0'], ['base64', () => 'q'.repeat(43) + '='],
    ['an odd alphabet', (right) => `${right.slice(0, 62)}zz`], ['latin-1', (right) => `${right.slice(0, 63)}ü`], ['with a prefix', (right) => `sha256=${right}`],
    ['twice in one header', (right) => `${right}, ${right}`], ['of 8 KB', (right) => right.repeat(128)], ['off by one digit', (right) => (right[0] === '0' ? '1' : '0') + right.slice(1)],
  ];
  for (const [name, spoil] of signatures) {
    it(`answers 403 to a signature that is ${name}`, async () => {
      const { accepted } = service.stats();
      const body = JSON.stringify(makeEvent());
      const { status, json } = await stage.post(url, body, { headers: { 'x-cognigy-signature': spoil(signatureOf(body, stage.secret)) } });
      assert.deepEqual([status, json], [403, { error: 'Invalid webhook signature' }]);
      await assertUntouched(accepted);
    });
  }

  it('answers 403 to a signature header that came twice', async () => {
    const { accepted } = service.stats();
    const body = JSON.stringify(makeEvent());
    const right = signatureOf(body, stage.secret);
    const { status } = await send(`${url}/webhook/cognigy`, { body, headers: { 'x-cognigy-signature': [right, right] } });
    assert.equal(status, 403);
    await assertUntouched(accepted);
  });

  it('answers 403 to a signature of 1 MB, where the server lets it in', async () => {
    const { accepted } = service.stats();
    const server = http.createServer({ maxHeaderSize: 4 * MIB }, service.router()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = /** @type {net.AddressInfo} */ (server.address()).port;
    const { status } = await send(`http://127.0.0.1:${port}/webhook/cognigy`, { body: '{}', headers: { 'x-cognigy-signature': 'a'.repeat(MIB) } });
    server.close();
    assert.equal(status, 403);
    assert.equal((await service.handle('{}', 'a'.repeat(MIB))).status, 403);
    await assertUntouched(accepted);
  });

  it('survives a header of 1 MB that Node itself refuses', async () => {
    const { accepted } = service.stats();
    const refused = await send(`${url}/webhook/cognigy`, { body: '{}', headers: { 'x-cognigy-signature': 'a'.repeat(MIB) } }).catch((error) => error);
    assert.ok(refused.status === 431 || ['ECONNRESET', 'EPIPE'].includes(refused.code), String(refused.status ?? refused.code));
    await assertUntouched(accepted);
  });

  const event = JSON.stringify(makeEvent());
  /** @type {Array<[string, string | Buffer, RegExp]>} */
  const bodies = [
    ['empty', '', /not valid JSON/], ['not JSON', 'hello', /not valid JSON/], ['cut off', event.slice(0, -1), /not valid JSON/], ['two values', `${event}{}`, /not valid JSON/],
    ['JSON with a comment', `/* x */${event}`, /not valid JSON/], ['JSON with a trailing comma', event.replace(/}$/, ',}'), /not valid JSON/],
    ['JSON in single quotes', event.replaceAll('"', "'"), /not valid JSON/], ['with NaN', event.replace(/}$/, ',"n":NaN}'), /not valid JSON/],
    ['with a byte order mark', `\ufeff${event}`, /not valid JSON/], ['UTF-16', Buffer.from(event, 'utf16le'), /not valid JSON/],
    ['with a NUL behind', `${event}\0`, /not valid JSON/], ['with a raw control character', event.replace('gold', 'go\nld'), /not valid JSON/],
    ['not UTF-8', Buffer.concat([Buffer.from(event.replace(/}$/, ',"n":"')), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), /not valid JSON/],
    ['overlong UTF-8', Buffer.concat([Buffer.from(event.replace(/}$/, ',"n":"')), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), /not valid JSON/],
    ['a surrogate in UTF-8', Buffer.concat([Buffer.from(event.replace(/}$/, ',"n":"')), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), /not valid JSON/],
    ['an array', `[${event}]`, /not a JSON object/], ['a string', '"x"', /not a JSON object/], ['null', 'null', /not a JSON object/], ['a number', '1', /not a JSON object/],
    ['arrays 10,000 deep', nested(10_000, '[', ']'), /nested deeper than 64/], ['objects 10,000 deep', nested(10_000, '{"a":', '}'), /nested deeper than 64/],
    ['65 levels deep', nested(64, '[', ']'), /nested deeper than 64/], ['500,000 open brackets', '['.repeat(500_000), /nested deeper than 64/],
    ['an empty object', '{}', /^Malformed payload\. Missing fields: webhookEventId, intent, dialogId, sessionId$/],
    ['with the fields in __proto__', `{"__proto__":${event}}`, /Missing fields: webhookEventId, intent, dialogId, sessionId$/],
    ['with the fields one level down', `{"event":${event}}`, /Missing fields: webhookEventId, intent, dialogId, sessionId$/],
    ['with the names in another case', event.replace('dialogId', 'dialogid'), /Missing fields: dialogId$/],
    ['with a name that only begins right', event.replace('"intent"', '"intents"'), /Missing fields: intent$/],
    ['an id of 1025 bytes', JSON.stringify(makeEvent({ webhookEventId: 'x'.repeat(1025) })), /webhookEventId is longer than 1024 bytes$/],
    ['two ids that are too long', JSON.stringify(makeEvent({ dialogId: 'ü'.repeat(513), sessionId: 'x'.repeat(MIB / 2) })), /dialogId, sessionId are longer than 1024 bytes$/],
    ['a field that comes again as null', event.replace(/}$/, ',"dialogId":null}'), /Missing fields: dialogId$/],
  ];
  for (const [name, body, message] of bodies) {
    it(`answers 400 to a body that is ${name}`, async () => {
      const { accepted } = service.stats();
      const { status, json } = await stage.post(url, body);
      assert.equal(status, 400, JSON.stringify(json));
      assert.match(json.error, /^Malformed payload/);
      assert.match(json.error, message);
      assert.deepEqual(Object.keys(json), ['error']);
      await assertUntouched(accepted);
    });
  }

  for (const [what, value] of /** @type {Array<[string, unknown]>} */ ([['missing', undefined], ['empty', ''], ['null', null], ['a number', 7], ['true', true], ['an array', ['x']], ['an object', { x: 'x' }]])) {
    it(`names each field that is ${what}, in order`, async () => {
      const { accepted } = service.stats();
      for (const names of [...FIELDS.map((name) => [name]), FIELDS.slice(1, 3), [FIELDS[3], FIELDS[0]], FIELDS]) {
        const { status, json } = await stage.post(url, makeEvent(Object.fromEntries(names.map((name) => [name, value]))));
        const expected = FIELDS.filter((name) => names.includes(name)).join(', ');
        assert.deepEqual([status, json], [400, { error: `Malformed payload. Missing fields: ${expected}` }]);
      }
      await assertUntouched(accepted);
    });
  }

  it('does not use up the id of an event that it refuses', async () => {
    const good = makeEvent();
    assert.equal((await stage.post(url, { ...good, intent: '' })).status, 400);
    assert.equal((await stage.post(url, good, { headers: { 'x-cognigy-signature': '00' } })).status, 403);
    assert.equal((await stage.post(url, good)).json.status, 'processed');
  });

  it('counts the last one of a field that comes twice, as JSON.parse does', async () => {
    const [first, last] = [makeEvent({ sessionId: 'first' }), makeEvent({ sessionId: 'last' })];
    const body = `${JSON.stringify(first).slice(0, -1)},${JSON.stringify(last).slice(1)}`;
    assert.equal(JSON.parse(body).sessionId, 'last');
    assert.deepEqual((await stage.post(url, body)).json, { status: 'processed', eventId: last.webhookEventId });
    assert.equal(stage.posts()[0].path, statePath(last));
    assert.equal((await stage.post(url, first)).json.status, 'processed', 'the first id was not taken');
  });

  it('reads names and values with escapes', async () => {
    const { webhookEventId } = makeEvent();
    const body = `{"\\u0077ebhookEventId":"${webhookEventId.replace('e', '\\u0065')}","\\u0069ntent":"x","dialogId":"\\ud83d\\ude00\\n","sessionId":"a\\/b"}`;
    assert.deepEqual((await stage.post(url, body)).json, { status: 'processed', eventId: webhookEventId });
    assert.equal(stage.posts()[0].path, statePath({ dialogId: '\u{1F600}\n', sessionId: 'a/b' }));
  });

  for (const intent of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'ORDER_MANAGEMENT', 'order_management ', '\0', 'x'.repeat(1024)]) {
    it(`routes the intent ${JSON.stringify(intent.slice(0, 20))} to the general queue`, async () => {
      const odd = makeEvent({ intent, sessionId: `s-${intent.slice(0, 20)}` });
      assert.equal((await stage.post(url, odd)).json.status, 'processed');
      assert.equal((await stage.stateAt(statePath(odd))).queueRoutingStatus, 'general-queue');
    });
  }

  it('takes 64 levels, 1024-byte ids and a body of exactly 1 MiB, and keeps ids with NUL or look-alikes apart', async () => {
    assert.equal((await stage.post(url, nested(63, '[', ']'))).json.status, 'processed');
    assert.equal((await stage.post(url, makeEvent({ webhookEventId: 'y'.repeat(1024) }))).json.status, 'processed');
    const start = JSON.stringify(makeEvent({ pad: '' }));
    assert.equal((await stage.post(url, start.replace('"pad":""', `"pad":"${'p'.repeat(MIB - start.length)}"`))).json.status, 'processed');
    for (const webhookEventId of ['odd', 'odd\0', 'odd\0a', 'odd ', 'Odd', 'o\u0308dd']) {
      assert.deepEqual((await stage.post(url, makeEvent({ webhookEventId }))).json, { status: 'processed', eventId: webhookEventId });
    }
  });

  for (const [how, upload] of /** @type {Array<[string, (bytes: Buffer) => object]>} */ ([
    ['with a Content-Length', (bytes) => ({ body: bytes })],
    ['chunked', (bytes) => ({ chunks: [bytes.subarray(0, 1000), bytes.subarray(1000, MIB), bytes.subarray(MIB)] })],
  ])) {
    it(`answers 413 to 1 MiB and a byte ${how}, before the signature is looked at, and the connection goes on`, async () => {
      const { accepted } = service.stats();
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const sockets = new Set();
      const counted = await stage.serve((req, res) => {
        sockets.add(req.socket);
        service.router()(req, res);
      });
      const bytes = Buffer.alloc(MIB + 1, 0x20);
      for (const headers of [stage.headersFor(bytes), { 'x-cognigy-signature': 'wrong' }, {}]) {
        const { status, json } = await send(`${counted}/webhook/cognigy`, { headers, agent, ...upload(bytes) });
        assert.deepEqual([status, json], [413, { error: 'Body exceeds 1048576 bytes' }]);
      }
      assert.equal((await stage.post(counted, makeEvent(), { agent })).json.status, 'processed');
      agent.destroy();
      assert.equal(sockets.size, 1);
      assert.equal(service.stats().accepted, accepted + 1);
    });
  }

  it('is not disturbed by a sender that goes away in the middle of its upload', async () => {
    const { accepted } = service.stats();
    for (const head of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
      /** @type {Promise<unknown> | undefined} */
      let closed;
      const watched = await stage.serve((req, res) => {
        closed = once(req, 'close').catch(() => {});
        service.router()(req, res);
        req.once('data', () => socket.destroy());
      });
      const socket = net.connect(Number(new URL(watched).port), '127.0.0.1');
      const gone = once(socket, 'close');
      socket.write(`POST /webhook/cognigy HTTP/1.1\r\nHost: x\r\nX-Cognigy-Signature: 00\r\n${head}\r\n\r\n5\r\n{"web`);
      await within(gone, 'the sender to be gone');
      await within(/** @type {Promise<unknown>} */ (closed), 'the server to notice');
    }
    await assertUntouched(accepted);
    assert.equal(stage.logger.lines.filter(({ level }) => level === 'error').length, 0);
  });
});
