// examples/express-app, as a new user has it: copied, installed, started with `npm start`, stopped, and tested with `npm test`.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { makeEvent, signatureOf } = require('../support/events.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { Changes } = require('../support/changes.js');
const { send } = require('../support/send.js');

const ROOT = path.join(__dirname, '..', '..');
const EXAMPLE = path.join(ROOT, 'examples', 'express-app');
const LIMIT_MS = 60_000;

const packageOf = (/** @type {string} */ folder) => JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));

/** `npm` and what it runs, as one group of processes, since npm does not hand on every signal. */
class Npm {
  log = '';
  #child;
  #changes = new Changes();
  #ended = false;

  /** @param {string} command @param {string} cwd @param {Record<string, string>} env */
  constructor(command, cwd, env) {
    const { PATH, HOME, TMPDIR } = process.env;
    this.#child = spawn('npm', [command], { cwd, env: { PATH, HOME, TMPDIR, npm_config_update_notifier: 'false', ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (chunk) => {
        this.log += chunk;
        this.#changes.tell();
      });
    }
    this.#child.on('close', () => {
      this.#ended = true;
      this.#changes.tell();
    });
  }

  /** @param {RegExp} pattern @returns {Promise<RegExpExecArray>} */
  async says(pattern) {
    await this.#changes.until(() => this.#ended || pattern.test(this.log), String(pattern), LIMIT_MS);
    const match = pattern.exec(this.log);
    assert.ok(match, `expected ${pattern}, got\n${this.log}`);
    return match;
  }

  /** @param {NodeJS.Signals} signal to all of them */
  kill(signal) {
    try {
      process.kill(-Number(this.#child.pid), signal);
    } catch { /* they have ended */ }
  }

  async ended() {
    await this.#changes.until(() => this.#ended, 'npm to end', LIMIT_MS);
    return this.#child.exitCode;
  }
}

describe('examples/express-app', function () {
  this.timeout(LIMIT_MS + 10_000);
  /** @type {string} */
  let folder;
  /** @type {Awaited<ReturnType<typeof createSandbox>>} */
  let sandbox;
  /** @type {Npm | undefined} */
  let npm;

  before(async () => {
    folder = path.join(makeTempDir(), 'my-events');
    fs.cpSync(EXAMPLE, folder, { recursive: true });
    // As `npm install` leaves it, with this checkout as the package.
    const modules = path.join(folder, 'node_modules');
    fs.mkdirSync(path.join(modules, '.bin'), { recursive: true });
    fs.symlinkSync(ROOT, path.join(modules, 'trunkline'), 'dir');
    for (const name of ['express', 'mocha', '.bin/mocha']) fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
    sandbox = await createSandbox();
  });
  afterEach(() => npm?.kill('SIGKILL'));
  after(async () => {
    await sandbox.close();
    removeTempDir(path.dirname(folder));
  });

  it('asks for the packages that its test has', () => {
    const { dependencies, devDependencies } = packageOf(EXAMPLE);
    const ours = packageOf(ROOT);
    assert.deepEqual({ ...dependencies, ...devDependencies }, { express: ours.devDependencies.express, mocha: ours.devDependencies.mocha, trunkline: `^${ours.version}` });
  });

  it('names every required variable in .env.example', async () => {
    npm = new Npm('start', folder, {});
    const [, missing] = await npm.says(/missing: ([\w, ]+)/);
    assert.equal(await npm.ended(), 1);
    const variables = fs.readFileSync(path.join(EXAMPLE, '.env.example'), 'utf8');
    for (const name of missing.split(', ')) assert.match(variables, new RegExp(`^${name}=$`, 'm'));
  });

  it('npm start: reads .env, takes a signed event, and stops when it is told to', async () => {
    fs.writeFileSync(path.join(folder, '.env'), Object.entries(sandbox.env).map(([name, value]) => `${name}=${value}\n`).join(''));
    npm = new Npm('start', folder, { PORT: '0' });
    const [, port] = await npm.says(/listening on .*port: (\d+)/);
    const event = makeEvent();
    const body = JSON.stringify(event);
    const post = () => send(`http://127.0.0.1:${port}/webhook/cognigy`, { headers: { 'x-cognigy-signature': signatureOf(body, sandbox.env.COGNIGY_WEBHOOK_SECRET) }, body });
    assert.deepEqual((await post()).json, { status: 'processed', eventId: event.webhookEventId });
    assert.deepEqual((await post()).json, { status: 'duplicate_skipped', eventId: event.webhookEventId });
    assert.equal((await send(`http://127.0.0.1:${port}/`, { method: 'GET' })).json.processed, 1);
    npm.kill('SIGTERM');
    await npm.ended();
    await npm.says(/^stopped$/m);
  });

  it('npm test passes', async () => {
    npm = new Npm('test', folder, {});
    assert.equal(await npm.ended(), 0, npm.log);
    assert.match(npm.log, /4 passing/);
  });
});
