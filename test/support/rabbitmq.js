// RabbitMQ for tests: a broker of its own, with everything of it in one folder, and its own port mapper (epmd); nothing stays behind.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { Authority } = require('./certificates.js');
const { Changes } = require('./changes.js');
const { freePort } = require('./free-port.js');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');

const START_LIMIT_MS = 300_000; // about 5 s, on a machine that has nothing else to do

/** Where distributions put the script itself. What they have on the PATH is another, which switches to the user rabbitmq. */
const FOLDERS = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin', '/usr/local/sbin', '/opt/rabbitmq/sbin'];
const script = FOLDERS.map((folder) => path.join(folder, 'rabbitmq-server')).find((file) => fs.existsSync(file));

/** Beside guest, who may do everything. */
const USERS = { odd: { name: 'jürgen@work', password: 'p/ä:s?s#w%rd' }, reader: { name: 'reader', password: 'reads' } };
const VHOST = 'other/vhost';

const DEFINITIONS = {
  users: [{ name: 'guest', password: 'guest', tags: 'administrator' }, ...Object.values(USERS).map((user) => ({ ...user, tags: '' }))],
  vhosts: [{ name: '/' }, { name: VHOST }],
  permissions: [
    { user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' },
    { user: USERS.odd.name, vhost: VHOST, configure: '.*', write: '.*', read: '.*' },
    { user: USERS.reader.name, vhost: '/', configure: '', write: '', read: '.*' },
  ],
};

/** @param {string} folder @param {number} port @param {number} tlsPort @param {{ cert: string, key: string }} leaf */
function writeConfiguration(folder, port, tlsPort, { cert, key }) {
  const write = (/** @type {string} */ name, /** @type {string} */ text) => fs.writeFileSync(path.join(folder, name), text);
  write('cert.pem', cert);
  write('key.pem', key);
  write('definitions.json', JSON.stringify(DEFINITIONS));
  write('enabled_plugins', '[].\n');
  write('rabbitmq.conf', [
    `listeners.tcp.1 = 127.0.0.1:${port}`, `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `ssl_options.cacertfile = ${folder}/ca.pem`, `ssl_options.certfile = ${folder}/cert.pem`, `ssl_options.keyfile = ${folder}/key.pem`,
    `load_definitions = ${folder}/definitions.json`, 'log.console = true', 'log.file = false', '',
  ].join('\n'));
}

class Broker {
  #folder = makeTempDir();
  /** Who signed its certificate. */ authority = new Authority(this.#folder);
  #log = '';
  /** @type {NodeJS.ProcessEnv} */ #env = {};
  /** @type {import('node:child_process').ChildProcess | undefined} */ #mapper;
  /** @type {import('node:child_process').ChildProcess | undefined} */ #server;
  port = 0;
  tlsPort = 0;

  get url() {
    return `amqp://127.0.0.1:${this.port}`;
  }

  get tlsUrl() {
    return `amqps://127.0.0.1:${this.tlsPort}`;
  }

  /** What it wrote so far. */
  log() {
    return this.#log;
  }

  /** Starts it, again on the ports and with the data that it had. */
  async start() {
    if (this.port === 0) await this.#prepare();
    this.#log = '';
    // Said to run under systemd, the script becomes the broker instead of waiting for it, so that signals reach it.
    const server = spawn(/** @type {string} */ (script), { env: { ...this.#env, RUNNING_UNDER_SYSTEMD: 'true' }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#server = server;
    guard(server);
    const changes = new Changes();
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', (chunk) => {
        this.#log = (this.#log + chunk).slice(-1 << 20);
        changes.tell();
      });
    }
    server.on('close', () => changes.tell());
    await changes.until(() => {
      if (server.exitCode !== null) throw new Error(`rabbitmq-server ended with ${server.exitCode}:\n${this.#log}`);
      return this.#log.includes('Server startup complete');
    }, 'RabbitMQ to start', START_LIMIT_MS);
  }

  async #prepare() {
    const folder = this.#folder;
    const [port, tlsPort, mapperPort, distributionPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.port = port;
    this.tlsPort = tlsPort;
    writeConfiguration(folder, port, tlsPort, this.authority.leaf('IP:127.0.0.1'));
    this.#env = {
      PATH: process.env.PATH,
      HOME: folder, // Erlang's cookie
      ERL_EPMD_PORT: String(mapperPort),
      RABBITMQ_NODENAME: `trunkline-${process.pid}-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
      RABBITMQ_LOG_BASE: path.join(folder, 'log'),
    };
    // In the foreground: Erlang would start one that outlives it.
    this.#mapper = spawn('epmd', ['-port', String(mapperPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
    guard(this.#mapper);
  }

  /** @param {string[]} args of rabbitmqctl */
  async control(...args) {
    const child = spawn(path.join(path.dirname(/** @type {string} */ (script)), 'rabbitmqctl'), ['-q', ...args], { env: this.#env, stdio: ['ignore', 'ignore', 'inherit'] });
    const [status] = await once(child, 'exit');
    if (status !== 0) throw new Error(`rabbitmqctl ${args.join(' ')} ended with ${status}`);
  }

  /** As a power cut does it. */
  async kill() {
    await end(this.#server);
  }

  async close() {
    await end(this.#server);
    await end(this.#mapper);
    removeTempDir(this.#folder);
  }
}

/** It ends with this process, in whatever way that ends: the guard's input closes then. @param {import('node:child_process').ChildProcess} child */
function guard(child) {
  const watcher = spawn('sh', ['-c', 'cat > /dev/null; kill -KILL "$1"', 'sh', String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.once('exit', () => watcher.kill('SIGKILL'));
}

/** @param {import('node:child_process').ChildProcess | undefined} child */
async function end(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Why its tests cannot run here, if so. */
const lacking = script === undefined ? 'there is no rabbitmq-server on this machine' : undefined;

/** @type {Promise<Broker> | undefined} */
let shared;

/** One broker for all test files, since its start takes seconds. @returns {Promise<Broker>} */
function sharedBroker() {
  shared ??= (async () => {
    const broker = new Broker();
    await broker.start();
    return broker;
  })();
  return shared;
}

async function closeSharedBroker() {
  const broker = await shared?.catch(() => undefined);
  shared = undefined;
  await broker?.close();
}

module.exports = { Broker, sharedBroker, closeSharedBroker, lacking, START_LIMIT_MS, USERS, VHOST };
