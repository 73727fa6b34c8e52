// Which proxy is asked for which URL: the option, the variables, and what they exempt.
'use strict';

const assert = require('node:assert/strict');
const { Options } = require('../../lib/options.js');
const { readProxy } = require('../../lib/proxy.js');
const { HttpClient } = require('../../lib/index.js');
const { failure } = require('../support/client-stage.js');

/** @param {NodeJS.ProcessEnv} env @param {string} url @param {object} [given] */
function proxyFor(env, url, given = {}) {
  const options = new Options(given, env);
  const proxy = readProxy(options)(url);
  options.finish();
  return proxy;
}

const API = 'https://api.example.com/v1';
const PLAIN = 'http://api.example.com';

describe('the proxy for a URL', () => {
  it('is that of its scheme; lower case wins', () => {
    assert.equal(proxyFor({}, API), undefined);
    const env = { HTTPS_PROXY: 'http://upper:1', HTTP_PROXY: 'http://plain:2' };
    assert.equal(proxyFor(env, API), 'http://upper:1/');
    assert.equal(proxyFor(env, PLAIN), 'http://plain:2/');
    assert.equal(proxyFor({ ...env, https_proxy: 'http://lower:3', http_proxy: 'http://lower:4' }, API), 'http://lower:3/');
    assert.equal(proxyFor({ ...env, https_proxy: 'http://lower:3', http_proxy: 'http://lower:4' }, PLAIN), 'http://lower:4/');
    assert.equal(proxyFor({ ...env, https_proxy: '' }, API), 'http://upper:1/');
    assert.equal(proxyFor({ HTTP_PROXY: 'http://plain:2' }, API), undefined);
  });

  it('is not what a stranger put into HTTP_PROXY under CGI', () => {
    const env = { REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil:1', HTTPS_PROXY: 'http://good:2' };
    assert.equal(proxyFor(env, PLAIN), undefined);
    assert.equal(proxyFor({ ...env, http_proxy: 'http://good:3' }, PLAIN), 'http://good:3/');
    assert.equal(proxyFor(env, API), 'http://good:2/');
  });

  it('of the environment is never for this machine itself; an explicit one is for everything', () => {
    const env = { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1', NO_PROXY: 'api.example.com' };
    for (const host of ['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '127.8.8.8', '127.1', '[::1]']) {
      assert.equal(proxyFor(env, `http://${host}:8080/x`), undefined, host);
      assert.equal(proxyFor(env, `https://${host}`, { proxy: 'http://own:2' }), 'http://own:2/', host);
    }
    for (const host of ['localhost.example.com', '127.0.0.1.example.com', '128.0.0.1', '[::2]']) assert.equal(proxyFor(env, `http://${host}`), 'http://p:1/', host);
    assert.equal(proxyFor(env, API, { proxy: 'http://own:2' }), 'http://own:2/');
    assert.equal(proxyFor(env, PLAIN, { proxy: false }), undefined);
  });

  /** @type {Array<[string, string[], string[]]>} */
  const exempt = [
    ['*', [API, 'http://192.0.2.1'], []],
    ['example.com', ['https://example.com', API, 'https://a.b.example.com', 'https://API.Example.COM'], ['https://example.org', 'https://badexample.com', 'https://example.com.evil.org']],
    ['.example.com', ['https://example.com', API], ['https://badexample.com']],
    ['*.Example.com.', [API], ['https://example.org']],
    ['api.example.com:443', [API, 'https://api.example.com:443'], ['https://api.example.com:8443', PLAIN]],
    ['api.example.com:80', [PLAIN], [API]],
    ['192.0.2.7', ['http://192.0.2.7', 'https://192.0.2.7:8443'], ['http://192.0.2.70', 'http://x.192.0.2.7.example.com']],
    ['10.0.0.0/8', ['http://10.255.0.1'], ['http://11.0.0.1', 'https://10.example.com']],
    ['10.0.0.0/8:8080', ['http://10.255.0.1:8080'], ['http://10.255.0.1']],
    ['fd00::/8, 2001:db8::7', ['http://[fd12::1]', 'https://[2001:db8::7]', 'https://[2001:db8:0:0::7]'], ['http://[fe80::1]', 'http://[2001:db8::8]']],
    ['[2001:db8::7]:8443', ['https://[2001:db8::7]:8443'], ['https://[2001:db8::7]']],
    ['one.test two.test,\tthree.test ,, ', ['https://one.test', 'https://two.test', 'https://three.test'], [API]],
    ['10.0.0.0/99 . : [ ] / api.example.com: \u0000', [], [API, 'http://10.0.0.1', 'http://[fd00::1]']],
    ['', [], [API]],
  ];
  for (const [list, direct, proxied] of exempt) {
    it(`NO_PROXY=${JSON.stringify(list)}`, () => {
      const env = { https_proxy: 'http://p:1', http_proxy: 'http://p:1' };
      for (const name of ['no_proxy', 'NO_PROXY']) {
        for (const url of direct) assert.equal(proxyFor({ ...env, [name]: list }, url), undefined, url);
        for (const url of proxied) assert.equal(proxyFor({ ...env, [name]: list }, url), 'http://p:1/', url);
      }
    });
  }

  it('may be a bare host, and hold a user name and a password', () => {
    assert.equal(proxyFor({ HTTPS_PROXY: 'proxy.example.com:3128' }, API), 'http://proxy.example.com:3128/');
    assert.equal(proxyFor({}, API, { proxy: 'ann:p%40ss@proxy:3128' }), 'http://ann:p%40ss@proxy:3128/');
  });

  it('that makes no sense is refused by its name, without its password', async () => {
    for (const url of ['https://ann:hunter2@proxy', 'socks5://ann:hunter2@proxy', 'http://ann:hunter2@', 'http://ann:hunter2@proxy/path', 'http://ann:hunter2@proxy?x', 'http://ann:hunter2@proxy:99999', '', ' ', 7, true, null, {}]) {
      const error = await failure(() => new HttpClient({ baseUrl: API, logger: false, proxy: /** @type {any} */ (url) }), 'CONFIG_INVALID');
      assert.match(error.message, /^proxy: expected an http:\/\/ URL such as /);
      assert.doesNotMatch(error.message, /hunter2/);
      if (typeof url !== 'string' || url.trim() === '') continue;
      const ofEnvironment = await failure(() => proxyFor({ https_proxy: url }, API), 'CONFIG_INVALID');
      assert.match(ofEnvironment.message, /^https_proxy: expected an http:\/\/ URL such as /);
      assert.doesNotMatch(ofEnvironment.message, /hunter2/);
    }
    for (const url of ['http://a%3Ab:hunter2@proxy', 'http://ann:hunter2%zz@proxy']) {
      const error = await failure(() => new HttpClient({ baseUrl: API, logger: false, proxy: url }), 'CONFIG_INVALID');
      assert.match(error.message, /^proxy: /);
      assert.doesNotMatch(error.message, /hunter2/);
    }
  });

  it('is refused once, however many URLs it is for', () => {
    const options = new Options({}, { https_proxy: 'ftp://x' });
    const find = readProxy(options);
    find(API);
    find('https://login.example.com');
    assert.throws(() => options.finish(), (/** @type {any} */ error) => error.message.match(/https_proxy/g).length === 1);
  });
});
