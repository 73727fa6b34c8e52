// What the documentation's blocks find when they run: simulated platforms, a service in front of them, the commands, and a folder for each document.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const { startCommand } = require('../../scripts/support/child.js');
const { startTlsFront } = require('../../scripts/tls-front.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { ROOT } = require('./docs-blocks.js');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');
const { send } = require('./send.js');

/** @typedef {import('./docs-blocks.js').Block} Block */
/** @typedef {{ output: string, errors: string[] }} Outcome */

const CLI = path.join(ROOT, 'lib', 'cli', 'main.js');
const LIMIT_MS = 60_000;
/** Programs that shell blocks use; where one is missing its blocks are left out. */
const PROGRAMS = ['curl', 'sqlite3', 'openssl'];
const PACKAGES = ['trunkline', 'express'];
/** The event that the documents speak of: it is a dead letter, and its body is in event.json. */
const EVENT = { webhookEventId: 'evt_1', intent: 'order_management', dialogId: 'dlg_1', sessionId: 'sess_1' };
const ADMIN_TOKEN = 'change-me';
const TARGET = 'https://hooks.example.com';

const lacking = PROGRAMS.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);

/** @param {Block} block @returns {string | undefined} the program for want of which it cannot run */
const lackedBy = ({ code }) => lacking.find((name) => code.includes(name) || (name === 'openssl' && code.includes(TARGET)));

class DocsStage {
  folder = makeTempDir();
  #sandbox;
  /** @type {import('../../scripts/support/child.js').Command | undefined} */ #server;
  /** @type {Awaited<ReturnType<typeof startTlsFront>> | undefined} */ #front;

  /** @param {Awaited<ReturnType<typeof createSandbox>>} sandbox */
  constructor(sandbox) {
    this.#sandbox = sandbox;
  }

  async start() {
    this.#writePackages();
    this.#writeProgram();
    const dataDir = path.join(this.folder, 'trunkline-data');
    const serve = [CLI, 'serve', '--port', '0', '--data-dir', dataDir];
    this.#server = await startCommand(serve, { ...this.#sandbox.env, TRUNKLINE_ADMIN_TOKEN: ADMIN_TOKEN }, /^listening on (\S+)$/m, this.folder);
    if (!lacking.includes('openssl')) this.#front = await startTlsFront(this.#server.match, path.join(this.folder, 'tls'));
  }

  /** Makes the documents' event a dead letter, for a document to begin with. */
  async bury() {
    this.#sandbox.faults.add({ platform: 'cognigy', method: 'POST', status: 501 }); // which is not tried again
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const { status, text } = await send(`${this.#server?.match}/debug/replay`, { headers, body: JSON.stringify(EVENT) });
    if (status !== 500) throw new Error(`expected a dead letter, got ${status} ${text}`);
  }

  /** As `npm install` leaves them. */
  #writePackages() {
    const modules = path.join(this.folder, 'node_modules');
    fs.mkdirSync(modules);
    for (const name of PACKAGES) fs.symlinkSync(name === 'trunkline' ? ROOT : path.join(ROOT, 'node_modules', name), path.join(modules, name), 'dir');
  }

  #writeProgram() {
    const bin = path.join(this.folder, 'bin');
    fs.mkdirSync(bin);
    // The target in the documents is a public one; what stands for it here is on loopback.
    fs.writeFileSync(path.join(bin, 'trunkline'), [
      '#!/bin/sh',
      'case "$1" in',
      `  serve | sandbox) exec "${process.execPath}" "${path.join(__dirname, 'docs-run-up.js')}" "$@" ;;`,
      `  register) exec "${process.execPath}" "${CLI}" "$@" --allow-private ;;`,
      `  *) exec "${process.execPath}" "${CLI}" "$@" ;;`,
      'esac', '',
    ].join('\n'), { mode: 0o755 });
    fs.writeFileSync(path.join(this.folder, '.curlrc'), 'fail-with-body\nsilent\nshow-error\n');
  }

  /** A folder that stands beside the service's data directory, as the documents have it. @param {string} file */
  #folderOf(file) {
    const folder = path.join(this.folder, file.replaceAll(/[/.]/g, '-'));
    if (!fs.existsSync(folder)) {
      fs.mkdirSync(folder);
      const example = /^examples\/[\w-]+/.exec(file)?.[0];
      if (example !== undefined) fs.cpSync(path.join(ROOT, example), folder, { recursive: true });
      fs.symlinkSync(path.join(this.folder, 'trunkline-data'), path.join(folder, 'trunkline-data'), 'dir');
      fs.writeFileSync(path.join(folder, 'event.json'), JSON.stringify(EVENT));
    }
    return folder;
  }

  /** @param {Record<string, string>} more @returns {NodeJS.ProcessEnv} */
  #env(more) {
    const { PATH, HOME, TMPDIR } = process.env;
    return {
      PATH: `${path.join(this.folder, 'bin')}:${path.dirname(process.execPath)}:${PATH}`, HOME, TMPDIR, CURL_HOME: this.folder,
      ...this.#sandbox.env, TRUNKLINE_ADMIN_TOKEN: ADMIN_TOKEN, ...(this.#front && { NODE_EXTRA_CA_CERTS: this.#front.caFile }), ...more,
    };
  }

  /** What documents call by a name or port of their own is elsewhere here. @param {string} code */
  #here(code) {
    return code.replaceAll('127.0.0.1:4010', `127.0.0.1:${this.#sandbox.port}`)
      .replaceAll('127.0.0.1:3000', new URL(this.#server?.match ?? '').host)
      .replaceAll(TARGET, this.#front?.url ?? TARGET);
  }

  /**
   * The JavaScript blocks of a document, in one process, each in a folder of its own.
   * @param {Block[]} blocks @param {Record<string, string>} env
   * @returns {Promise<Map<Block, Outcome>>}
   */
  async runScripts(blocks, env) {
    const files = blocks.map((block) => {
      const name = block.place.replaceAll(/[/:]/g, '-');
      const folder = path.join(this.folder, 'scripts', name);
      fs.mkdirSync(folder, { recursive: true });
      const file = path.join(folder, `${name}.${block.language}`);
      fs.writeFileSync(file, this.#here(block.code));
      return file;
    });
    const { told, ended, stderr } = await this.#spawn(process.execPath, [path.join(__dirname, 'docs-child.js'), ...files], this.folder, env);
    const lines = told.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    return new Map(blocks.map((block, index) => {
      const outcome = lines.find(({ file }) => file === files[index]);
      const begun = lines.some(({ begun: file }) => file === files[index]);
      return [block, outcome ?? { output: '', errors: [`${begun ? 'did not end' : 'was not reached'}; the process: ${ended}\n${stderr}`] }];
    }));
  }

  /** @param {Block} block @param {Record<string, string>} env @returns {Promise<Outcome>} */
  async runShell(block, env) {
    const [file] = block.place.split(':');
    const { ended, stdout, stderr } = await this.#spawn('bash', ['-euo', 'pipefail', '-c', this.#here(block.code)], this.#folderOf(file), env);
    this.#sandbox.reset();
    return { output: stdout, errors: ended === 'exit 0' ? [] : [`${ended}\n${stdout}${stderr}`] };
  }

  /** @param {string} program @param {string[]} args @param {string} cwd @param {Record<string, string>} env */
  async #spawn(program, args, cwd, env) {
    const child = spawn(program, args, { cwd, env: this.#env(env), stdio: ['ignore', 'pipe', 'pipe', 'pipe'], timeout: LIMIT_MS, killSignal: 'SIGKILL' });
    const texts = ['', '', '', ''];
    for (const at of [1, 2, 3]) child.stdio[at]?.on('data', (/** @type {Buffer} */ chunk) => { texts[at] += chunk; });
    const ended = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve(signal ? `ended by ${signal}` : `exit ${status}`));
    });
    return { ended, stdout: texts[1], stderr: texts[2], told: texts[3] };
  }

  async close() {
    this.#front?.close();
    await this.#server?.stop();
    await this.#sandbox.close();
    removeTempDir(this.folder);
  }
}

async function openDocsStage() {
  const stage = new DocsStage(await createSandbox());
  try {
    await stage.start();
  } catch (error) {
    await stage.close();
    throw error;
  }
  return stage;
}

module.exports = { openDocsStage, lackedBy };
