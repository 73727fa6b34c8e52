// HttpClient: the bytes of a body, whatever holds them, and the order of requests that share a connection.
'use strict';

const assert = require('node:assert/strict');
const vm = require('node:vm');
const { openClientStage, failure } = require('../support/client-stage.js');

const TEXT = 'bytes ü 😀';

/** @param {Uint8Array} bytes whose memory goes elsewhere */
function detached(bytes) {
  structuredClone(bytes.buffer, { transfer: [/** @type {ArrayBuffer} */ (bytes.buffer)] });
  return bytes;
}
/** @param {Uint8Array} bytes */
function shared(bytes) {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
const bytesOf = () => Uint8Array.from(Buffer.from(TEXT));

describe('HttpClient bodies', () => {
  /** @type {import('../support/client-stage.js').ClientStage} */
  let stage;
  /** @type {import('../..').HttpClient} */
  let client;
  beforeEach(async () => {
    stage = await openClientStage();
    stage.platform.answer = (res, { body }) => res.end(body);
    client = stage.client({ maxConnections: 1 });
  });
  afterEach(() => stage.close());

  /** @param {any} body */
  const post = (body) => client.request({ method: 'POST', path: '/', body });

  /** @type {Array<[string, () => any]>} */
  const taken = [
    ['a string', () => TEXT],
    ['a Buffer', () => Buffer.from(TEXT)],
    ['a part of a Buffer', () => Buffer.from(`more ${TEXT} more`).subarray(5, -5)],
    ['a Uint8Array', bytesOf],
    ['a part of a Uint8Array', () => new Uint8Array([0, ...bytesOf(), 0]).subarray(1, -1)],
    ['a subclass of Uint8Array', () => new (class Bytes extends Uint8Array {})(bytesOf())],
    ['a Uint8Array of shared memory', () => shared(bytesOf())],
    ['a Uint8Array of another realm', () => vm.runInNewContext('Uint8Array.from(list)', { list: [...bytesOf()] })],
  ];
  for (const [what, make] of taken) {
    it(`takes ${what}`, async () => assert.equal((await post(make())).text(), TEXT));
  }

  /** @type {Array<[string, () => any]>} */
  const refused = [
    ['a Uint8Array that has given its memory away', () => detached(bytesOf())],
    ['a proxy of a Uint8Array', () => new Proxy(bytesOf(), {})],
    ['a proxy that was revoked', () => {
      const { proxy, revoke } = Proxy.revocable(bytesOf(), {});
      revoke();
      return proxy;
    }],
    ['what has the prototype of a Uint8Array alone', () => Object.create(Uint8Array.prototype)],
    ['what says of itself that it is one', () => ({ [Symbol.toStringTag]: 'Uint8Array', length: 3, byteLength: 3, buffer: new ArrayBuffer(3) })],
    ['a DataView', () => new DataView(bytesOf().buffer)],
    ['an ArrayBuffer', () => bytesOf().buffer],
    ['words instead of bytes', () => Uint16Array.from([1, 2])],
    ['an array', () => [1, 2]],
    ['an object', () => ({ a: 1 })],
    ['a number', () => 7],
    ['a function', () => () => TEXT],
    ['null', () => null],
  ];
  for (const [what, make] of refused) {
    it(`refuses ${what} by its name, and goes on with the others of that turn`, async () => {
      const before = post('before');
      const error = failure(post(make()), 'CONFIG_INVALID');
      const after = post('after');
      assert.match((await error).message, /^body: expected a Buffer or a string/);
      assert.deepEqual([(await before).text(), (await after).text()], ['before', 'after']);
      assert.equal(stage.platform.seen.length, 2);
    });
  }

  it('has copied a body when the call returns', async () => {
    for (const make of [() => Buffer.from('first'), () => shared(Buffer.from('first')), () => Uint8Array.from(Buffer.from('first'))]) {
      const bytes = make();
      const first = post(bytes);
      bytes.set(Buffer.from('other'));
      const second = post(bytes);
      bytes.fill(0);
      const third = post(bytes);
      if (bytes.buffer instanceof ArrayBuffer && !Buffer.isBuffer(bytes)) detached(bytes);
      const texts = (await Promise.all([first, second, third])).map((answer) => answer.text());
      assert.deepEqual(texts, ['first', 'other', '\0'.repeat(5)]);
    }
  });

  it('sends the requests of a turn in their order over one connection, each as it is', async () => {
    const ports = new Set();
    stage.platform.answer = (res) => {
      ports.add(res.socket?.remotePort);
      res.end('{}');
    };
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
    const wanted = Array.from({ length: 300 }, (_, n) => {
      const method = methods[n % methods.length];
      const text = `body ${n} ${'ü'.repeat(n)}`;
      const content = method === 'GET' || method === 'OPTIONS' ? {} : [{ body: text }, { body: Buffer.from(text) }, { json: text }, { form: { text } }][n % 4];
      const headers = Object.fromEntries(Array.from({ length: n % 40 }, (_unused, h) => [`x-${h}`, `${n}.${h}`]));
      return { method, path: `/${n}`, headers, ...content };
    });
    await Promise.all(wanted.map((request) => client.request(request)));
    assert.equal(ports.size, 1);
    const expected = wanted.map(({ method, path, headers, body, json, form }) => ({
      method, url: path, headers, body: form ? new URLSearchParams(form).toString() : json !== undefined ? JSON.stringify(json) : String(body ?? ''),
    }));
    const own = (/** @type {import('node:http').IncomingHttpHeaders} */ headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-')));
    assert.deepEqual(stage.platform.seen.map(({ method, url, headers, body }) => ({ method, url, headers: own(headers), body })), expected);
  });

  it('gives the text of an answer, also where it is no UTF-8, and the same each time', async () => {
    stage.platform.answer = (res, _seen, number) => res.end([Buffer.from(TEXT), Buffer.from([0x61, 0xff, 0x62]), Buffer.from('\ufeffa'), ''][number - 1]);
    for (const text of [TEXT, 'a\ufffdb', '\ufeffa', '']) {
      const answer = await client.request({ path: '/' });
      assert.deepEqual([answer.text(), answer.text(), answer.body.toString()], [text, text, text]);
    }
  });
});
