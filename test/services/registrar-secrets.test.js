// Secrets: none of them comes out of the registrar, by a result, a record, a log line, an error or the gateway's event.
'use strict';

const assert = require('node:assert/strict');
const { redact, redactUrl } = require('../../lib/redact.js');
const { failure } = require('../support/client-stage.js');
const { openRegistrarStage, withTokens } = require('../support/registrar-stage.js');

const SECRETS = { client: 'cl1ent-s3cret', signing: 's1gning-s3cret', hook: 'h00k-s3cret', query: 'qu3ry-s3cret', token: 't0ken-of-the-test' };

describe('registrar and secrets', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {import('../support/platform.js').Platform} */
  let platform;
  /** @type {string} */
  let url;
  beforeEach(async () => {
    stage = await openRegistrarStage();
    platform = await stage.platform();
    url = await stage.target();
  });
  afterEach(() => stage.close());

  /** A registrar whose every secret is known to the test. */
  const create = () => stage.registrar({ domain: platform.url, gatewayUrl: `${platform.url}/gateway`, clientSecret: SECRETS.client, signingSecret: SECRETS.signing });
  /** @type {import('../..').RegistrationOptions['authentication']} */
  const authentication = { type: 'custom', headers: { 'X-Hook': SECRETS.hook } };
  /** @param {unknown} value @param {string[]} [allowed] */
  function assertClean(value, allowed = []) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    for (const secret of Object.values(SECRETS)) if (!allowed.includes(secret)) assert.ok(!text.includes(secret), `${secret} in ${text}`);
  }

  it('are neither in results nor in logs nor told to the gateway, though the platform repeats them', async () => {
    /** @type {any} */
    let posted;
    platform.answer = withTokens((res, { method, body, url: path }) => {
      if (method === 'POST' && path !== '/gateway') posted = JSON.parse(body);
      return res.end(JSON.stringify({ ...posted, id: 'c1', status: 'active', note: `signed with ${SECRETS.signing}`, apiKey: SECRETS.query }));
    });
    const { registration, ...result } = await create().register({ url, authentication });
    assert.equal(posted.requestSigning.secret, SECRETS.signing, 'the platform does get it');
    assert.deepEqual([registration.id, registration.data.endpointUrl, registration.data.note], ['c1', url, 'signed with [redacted]']);
    assert.deepEqual([registration.data.authentication.headers, registration.data.headers], [{ 'X-Hook': '[redacted]' }, { 'X-Content-Type': 'application/json' }]);
    assertClean({ registration, result });
    assertClean(stage.logger.text());
    const [told] = platform.seen.filter(({ url: path }) => path === '/gateway');
    assert.equal(JSON.parse(told.body).connector.endpointUrl, url);
    assertClean(told.body);
    assertClean(await create().plan({ url, authentication }));
  });

  it('are not in the error of a platform that repeats them', async () => {
    platform.answer = withTokens((res, { body }) => res.writeHead(400).end(JSON.stringify({ error: `bad connector ${body}` })));
    const error = await failure(create().register({ url, authentication }), 'BAD_REQUEST');
    assert.match(error.message, /400: bad connector .*\[redacted\]/);
    assertClean([error.message, error.hint, error.summary, JSON.stringify(error), error.stack]);
    assertClean(stage.logger.text());
    platform.answer = (res) => res.writeHead(401).end(JSON.stringify({ error: SECRETS.client }));
    assertClean(String(await failure(create().register({ url }), 'AUTHENTICATION_FAILED')));
    assertClean(stage.logger.text());
  });

  it('of the target\'s URL are not in the record', async () => {
    platform.answer = withTokens((res) => res.end('{"id":"c1","status":"active"}'));
    await create().register({ url: `${url}?key=${SECRETS.query}` });
    await failure(create().register({ url: `https://user:${SECRETS.query}@example.com/in` }), 'CONFIG_INVALID');
    assert.deepEqual(stage.audits().map(({ details }) => details.targetUrl), [`${url}?[redacted]`, 'https://example.com/in']);
    assertClean(stage.logger.text());
  });

  it('names the scope that a refused client lacks', async () => {
    platform.answer = withTokens((res) => res.writeHead(403).end('{"error_description":"not for you"}'));
    const refused = await failure(create().register({ url }), 'AUTHORIZATION_FAILED');
    assert.match(refused.hint, /connectors:write/);
    assert.match(refused.message, /403: not for you$/);
    assert.match((await failure(create().plan({ url }), 'AUTHORIZATION_FAILED')).hint, /connectors:read/);
    platform.answer = (res) => res.end('{"access_token":"t","expires_in":60,"scope":"connectors:read"}');
    assert.match((await failure(stage.registrar({ domain: platform.url, clientSecret: 'another' }).register({ url }), 'SCOPE_MISSING')).message, /connectors:write/);
  });
});

describe('redact', () => {
  it('takes out what is secret by its name, and the values of headers', () => {
    const given = { a: 1, b: null, ok: true, clientSecret: 's', nested: [{ Password: 'p', URLToken: 't', 'api-key': 'k', apiKey: 5 }], headers: { Authorization: 'x', accept: 'y', 'Content-Type': 'z' }, secret: '' };
    assert.deepEqual(redact(given), {
      a: 1, b: null, ok: true, clientSecret: '[redacted]', nested: [{ Password: '[redacted]', URLToken: '[redacted]', 'api-key': '[redacted]', apiKey: '[redacted]' }],
      headers: { Authorization: '[redacted]', accept: 'y', 'Content-Type': 'z' }, secret: '',
    });
    assert.equal(redact('abc-s3cret-def', ['s3cret']), 'abc-[redacted]-def');
    assert.deepEqual([redact(undefined), redact(7), redact([])], [undefined, 7, []]);
  });

  it('does not follow what is too deep', () => {
    let deep = {};
    for (let i = 0; i < 100_000; i += 1) deep = { deep };
    assert.match(JSON.stringify(redact(deep)), /"\[redacted\]"/);
  });

  it('shows a URL without its query and whose it is', () => {
    assert.equal(redactUrl('https://u:p@example.com/a?b=c#d'), 'https://example.com/a?[redacted]');
    assert.deepEqual(['https://example.com/a', 'http://x', 'not a URL', undefined, 7].map(redactUrl), ['https://example.com/a', 'http://x', '[redacted]', undefined, '[redacted]']);
  });
});
