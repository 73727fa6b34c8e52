// What `npm pack` puts into the package, and that it works where it is installed: from CommonJS, from ESM, as a command, in Express.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { target } = require('../../lib/target.js');
const { startCommand } = require('../../scripts/support/child.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { installedPackage, expressExample, runIn } = require('../support/installed-package.js');
const { makeEvent, signatureOf } = require('../support/events.js');
const { send } = require('../support/send.js');

const ROOT = path.join(__dirname, '..', '..');
const MAX_BYTES = 5 << 20;

/** What users need: the code and its types, the binaries, the guides, and what a build from source is made of. */
const WANTED = [
  /^(package\.json|README\.md|LICENSE)$/,
  /^lib\/[\w/-]+\.js$/,
  /^(index|lambda|sandbox|error-code|options)\.d\.ts$/,
  /^prebuilds\/[a-z0-9-]+\/trunkline\.node$/,
  /^docs\/[\w-]+\.(md|svg)$/,
  /^(CMakeLists\.txt|cmake\/[\w-]+\.cmake|(src|binding)\/[\w/]+\.(cc|h|def|txt|map))$/,
  /^scripts\/[\w/-]+\.js$/,
];
/** All that these folders hold goes along. */
const WHOLE_FOLDERS = ['lib', 'src', 'binding', 'cmake'];

/** What a script loads, itself included. @param {string} file @param {Set<string>} [found] */
function closureOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of fs.readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\brequire\('(\.[^']+\.js)'\)/g)) closureOf(path.join(path.dirname(file), name), found);
  return found;
}

describe('the package', function packed() {
  this.timeout(120_000);
  /** @type {import('../support/installed-package.js').Installed} */
  let app;
  before(async () => { app = await installedPackage(); });

  const names = () => app.tarball.files.map(({ path: name }) => name);

  it('holds nothing that a user does not need', () => {
    assert.deepEqual(names().filter((name) => !WANTED.some((pattern) => pattern.test(name))), []);
  });

  it('holds all of the code, the sources and the binary of this machine', () => {
    const own = WHOLE_FOLDERS.flatMap((folder) => fs.readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile()).map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name))));
    assert.ok(own.length > 100);
    assert.deepEqual([...own, `prebuilds/${target()}/trunkline.node`, 'README.md', 'LICENSE', 'CMakeLists.txt', 'error-code.d.ts', 'options.d.ts'].filter((name) => !names().includes(name)), []);
    const { exports, types, bin } = require('../../package.json');
    const entries = [types, ...Object.values(bin), ...Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)))];
    assert.deepEqual(entries.map((file) => path.normalize(file)).filter((file) => !names().includes(file)), []);
  });

  it('holds the scripts that a build from source runs, and no others', () => {
    assert.deepEqual(names().filter((name) => name.startsWith('scripts/')).sort(), [...closureOf('scripts/build.js')].filter((name) => name.startsWith('scripts/')).sort());
  });

  it('has at most 5 MiB', () => {
    assert.ok(app.tarball.size <= MAX_BYTES, `${app.tarball.size} bytes`);
  });

  it('runs nothing when it is installed', () => {
    const { scripts, gypfile } = JSON.parse(fs.readFileSync(path.join(app.folder, 'node_modules', 'trunkline', 'package.json'), 'utf8'));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(scripts[name], undefined);
    // npm builds where it finds a binding.gyp.
    assert.equal(gypfile, false);
    assert.equal(names().includes('binding.gyp'), false);
  });

  const MAIN = `
    async function main() {
      const sandbox = await createSandbox();
      const events = cognigyEvents({ env: sandbox.env, dataDir: process.argv[1], logger: false });
      const body = JSON.stringify({ webhookEventId: 'e1', intent: 'order_management', dialogId: 'd1', sessionId: 's1' });
      const headers = new SignatureVerifier({ secrets: sandbox.env.COGNIGY_WEBHOOK_SECRET }).sign(body);
      const server = http.createServer(events.router()).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const post = async () => (await fetch('http://127.0.0.1:' + server.address().port + '/webhook/cognigy', { method: 'POST', body, headers })).json();
      const answers = [await post(), await post()];
      server.close();
      await events.close();
      await sandbox.close();
      console.log(JSON.stringify({ answers, handler: typeof enrichmentHandler }));
    }
    main();`;
  const EXPECTED = { answers: [{ status: 'processed', eventId: 'e1' }, { status: 'duplicate_skipped', eventId: 'e1' }], handler: 'function' };

  it('takes a signed event, from CommonJS, with the packed binary', async () => {
    const { stdout } = await runIn(app, ['-e', `
      const http = require('node:http');
      const { cognigyEvents, SignatureVerifier } = require('trunkline');
      const { enrichmentHandler } = require('trunkline/lambda');
      const { createSandbox } = require('trunkline/sandbox');
      ${MAIN}
      console.log(Object.keys(require.cache).find((file) => file.endsWith('.node')));`, 'from-commonjs']);
    const [file, said] = stdout.trim().split('\n');
    assert.equal(path.relative(fs.realpathSync(app.folder), file), path.join('node_modules', 'trunkline', 'prebuilds', target(), 'trunkline.node'));
    assert.deepEqual(JSON.parse(said), EXPECTED);
  });

  it('takes a signed event, from ESM', async () => {
    const { stdout } = await runIn(app, ['--input-type=module', '-e', `
      import http from 'node:http';
      import { cognigyEvents, SignatureVerifier } from 'trunkline';
      import { enrichmentHandler } from 'trunkline/lambda';
      import { createSandbox } from 'trunkline/sandbox';
      ${MAIN}`, 'from-esm']);
    assert.deepEqual(JSON.parse(stdout), EXPECTED);
  });

  it('brings the command', () => {
    const command = path.join(app.folder, 'node_modules', '.bin', 'trunkline');
    const run = (/** @type {string[]} */ args, input = '') => spawnSync(command, args, { input, env: app.env, encoding: 'utf8' }).stdout;
    assert.equal(run(['--version']), `${require('../../package.json').version}\n`);
    assert.equal(run(['sign', '--secret', 's3cret'], '{}'), `X-Cognigy-Signature: ${signatureOf('{}', 's3cret')}\n`);
  });

  it('runs the README\'s Express example as it stands there', async () => {
    const sandbox = await createSandbox();
    const server = await startCommand(expressExample(app), { ...sandbox.env, PATH: app.env.PATH }, /^listening on (\d+)$/m, app.folder);
    const event = makeEvent();
    const body = JSON.stringify(event);
    const post = (/** @type {string} */ signature) => send(`http://127.0.0.1:${server.match}/webhook/cognigy`, {
      body, headers: { 'content-type': 'application/json', 'x-cognigy-signature': signature },
    });
    const answers = [await post(signatureOf(body, sandbox.env.COGNIGY_WEBHOOK_SECRET)), await post(signatureOf(body, 'another'))];
    const status = await server.stop();
    await sandbox.close();
    assert.deepEqual(answers.map(({ status: code, text }) => [code, JSON.parse(text)]), [
      [200, { status: 'processed', eventId: event.webhookEventId }], [403, { error: 'Invalid webhook signature' }],
    ]);
    assert.equal(status, 0);
  });
});
