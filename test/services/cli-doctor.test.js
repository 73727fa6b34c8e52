// `trunkline doctor`: what it finds in good and bad environments, and its exit codes.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { openRegistrarStage } = require('../support/registrar-stage.js');
const { runCli } = require('../support/cli.js');

/** @typedef {{ check: string, state: string, text: string, hint?: string }} Finding */

describe('trunkline doctor', () => {
  /** @type {import('../support/registrar-stage.js').RegistrarStage} */
  let stage;
  /** @type {Record<string, string>} */
  let env;
  before(async () => {
    stage = await openRegistrarStage();
    const file = path.join(stage.folder, 'extra.pem');
    fs.writeFileSync(file, stage.authority.ca);
    env = { ...stage.sandbox.env, NODE_EXTRA_CA_CERTS: file };
  });
  beforeEach(() => stage.sandbox.reset());
  after(() => stage.close());

  /** @param {Record<string, string | undefined>} [more] @param {string[]} [flags] */
  async function examine(more, flags = ['--allow-private']) {
    const { status, stdout, stderr } = await runCli(['doctor', '--json', ...flags], { ...env, ...more }, stage.folder);
    /** @type {Finding[]} */
    const findings = JSON.parse(stdout);
    const of = (/** @type {string} */ check) => findings.filter((finding) => finding.check === check);
    return { status, stderr, findings, of, states: (/** @type {string} */ check) => of(check).map(({ state }) => state).join() };
  }

  it('is content with the sandbox', async () => {
    const { status, stderr, findings, of, states } = await examine();
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(findings.every(({ state }) => state === 'ok' || state === 'off'), JSON.stringify(findings));
    for (const check of ['addon', 'TLS trust', 'environment', 'data directory', 'Cognigy API', 'Cognigy administration']) assert.equal(states(check), 'ok', check);
    assert.match(of('Cognigy API')[0].text, /answers, takes the token/);
    assert.match(of('TLS trust')[0].text, /and 1 in .*extra\.pem/);
  });

  it('prints a line for each check, for a person', async () => {
    const { status, stdout, stderr } = await runCli(['doctor'], { ...env, COGNIGY_API_TOKEN: 'wr0ng-t0ken' }, stage.folder);
    assert.equal(status, 1);
    assert.match(stdout, /^ok +addon +trunkline \d/m);
    assert.match(stdout, /^failed +Cognigy API +AUTHENTICATION_FAILED: .*401\n +The platform refused/m);
    assert.match(stderr, /^trunkline: 1 of \d+ checks failed$/m);
    assert.doesNotMatch(stdout + stderr, /wr0ng-t0ken/);
  });

  it('tells of each platform whether it answers and takes the credentials', async () => {
    const { url } = stage.sandbox;
    const good = await examine({ GENESYS_DOMAIN: url, GENESYS_ENVIRONMENT: url, CXONE_TENANT: url, CXONE_CLIENT_ID: env.COGNIGY_CLIENT_ID,
      CXONE_CLIENT_SECRET: env.COGNIGY_CLIENT_SECRET, CRM_API_BASE_URL: url, CRM_API_KEY: stage.sandbox.env.CRM_API_KEY, COGNIGY_WEBHOOK_URL: `${url}/t0ken-in-the-path` });
    assert.equal(good.status, 0, JSON.stringify(good.findings));
    for (const check of ['Genesys Cloud, profile sync', 'Genesys Cloud, enrichment', 'NICE CXone']) assert.match(good.of(check)[0].text, /answers, gives a token/);
    assert.doesNotMatch(JSON.stringify(good.findings), /t0ken-in-the-path/);

    const bad = await examine({ GENESYS_CLIENT_SECRET: 'wrong', GENESYS_DOMAIN: url, GENESYS_ENVIRONMENT: url, CXONE_TENANT: url, CXONE_CLIENT_ID: '', CXONE_CLIENT_SECRET: '', CRM_API_BASE_URL: 'http://127.0.0.1:1', CRM_API_KEY: 'k', COGNIGY_CLIENT_SECRET: 'wrong' });
    assert.equal(bad.status, 1);
    assert.match(bad.of('Genesys Cloud, profile sync')[0].text, /^AUTHENTICATION_FAILED/);
    assert.match(bad.of('Cognigy administration')[0].text, /^AUTHENTICATION_FAILED/);
    assert.match(bad.of('NICE CXone')[0].text, /^missing: CXONE_CLIENT_ID, CXONE_CLIENT_SECRET$/);
    assert.match(bad.of('CRM')[0].text, /^CONNECTION_FAILED/);
  });

  it('tells of a platform that is down', async () => {
    stage.sandbox.faults.add({ method: 'GET', path: '/api/v1/dialogs/**', status: 503, times: -1 });
    const { status, of } = await examine();
    assert.equal(status, 1);
    assert.match(of('Cognigy API')[0].text, /^UPSTREAM_ERROR: .*503/);
  });

  it('warns of a certificate with fewer than 21 days, of what is registered as of what is configured, and fails for one that is refused', async () => {
    const soon = await stage.target({ certificate: stage.authority.leaf('IP:127.0.0.1', 21) });
    const later = await stage.target({ certificate: stage.authority.leaf('IP:127.0.0.1', 22) });
    const over = await stage.target({ certificate: stage.authority.leaf('IP:127.0.0.1', -1) });
    await stage.registrar().register({ url: `${soon}?key=k3y` });
    await stage.registrar().register({ url: later });
    const warned = await examine();
    assert.equal(warned.status, 0, 'a warning is no failure');
    const byUrl = (/** @type {Finding[]} */ list, /** @type {string} */ url) => list.find(({ text }) => text.startsWith(url));
    assert.equal(byUrl(warned.of('certificates'), soon)?.state, 'warning');
    assert.match(String(byUrl(warned.of('certificates'), soon)?.text), /20 days left/);
    assert.equal(byUrl(warned.of('certificates'), later)?.state, 'ok');
    assert.doesNotMatch(JSON.stringify(warned.findings), /k3y/);

    const failing = await examine({ WEBHOOK_TARGET_URL: over, MIDDLEWARE_URL: soon });
    assert.equal(failing.status, 1);
    assert.deepEqual([byUrl(failing.of('certificates'), over)?.state, byUrl(failing.of('certificates'), soon)?.state], ['failed', 'warning']);
    assert.match(String(byUrl(failing.of('certificates'), over)?.text), /TLS_FAILED.*expired/);
    const closed = await examine({}, []);
    assert.match(closed.of('certificates')[0].text, /ADDRESS_FORBIDDEN/);
  });

  it('finds Endpoints\' targets, too, and wants 2xx only of what Cognigy has to be answered by', async () => {
    const mute = await stage.target({ handler: (_req, res) => res.writeHead(404).end() });
    const url = await stage.target();
    const endpoints = { COGNIGY_REGISTRAR_RESOURCE: 'endpoints' };
    await stage.registrar({ env: { ...env, ...endpoints } }).register({ url });
    const good = await examine({ ...endpoints, MIDDLEWARE_URL: mute, GATEWAY_CALLBACK_URL: `${mute}2`.replace('//', '//ann:p4ss@') });
    assert.deepEqual([good.status, good.states('certificates')], [0, 'ok,ok,ok'], JSON.stringify(good.findings));
    assert.doesNotMatch(JSON.stringify(good.findings), /p4ss/);
    const bad = await examine({ ...endpoints, WEBHOOK_TARGET_URL: mute });
    assert.equal(bad.status, 1);
    assert.match(JSON.stringify(bad.of('certificates')), /NOT_FOUND.*404/);
  });

  it('fails for an environment that cannot work', async () => {
    const file = path.join(stage.folder, 'empty.pem');
    fs.writeFileSync(file, '');
    const { status, of, states } = await examine({ PORT: 'abc', TRUNKLINE_ALLOW_INSECURE_HTTP: 'yes', NODE_EXTRA_CA_CERTS: file, TRUNKLINE_DATA_DIR: path.join(file, 'data') });
    assert.equal(status, 1);
    assert.match(of('environment')[0].text, /PORT: .*TRUNKLINE_ALLOW_INSECURE_HTTP: /);
    assert.deepEqual([states('TLS trust'), states('data directory')], ['failed', 'failed']);
    const nothing = await runCli(['doctor', '--json'], {}, stage.folder);
    assert.equal(nothing.status, 1);
    assert.match(nothing.stdout, /no platform is configured/);
  });

  it('explains itself, and ends with 2 for unknown flags', async () => {
    assert.equal((await runCli(['doctor', '--help'], {}, stage.folder)).status, 0);
    assert.equal((await runCli(['doctor', '--nonsense'], {}, stage.folder)).status, 2);
  });
});
