// `trunkline serve`: runs the services that the environment configures behind one HTTP server, until a signal.
'use strict';

const http = require('node:http');
const { isIP } = require('node:net');
const { InvalidArgumentError } = require('commander');
const { isLoopback } = require('../http/loopback.js');
const { Failure } = require('./failure.js');
const { SERVICES } = require('./services.js');
const { parsePort, portFromEnv, loadDotenv, stopSignal } = require('./options.js');

/** @typedef {import('./services.js').Service} Service */
/** @typedef {import('./services.js').Handler} Handler */
/** @typedef {{ name: string, service: Service }} Running */

const DEFAULT_PORT = 3000;
const DEFAULT_HOST = '127.0.0.1';
const MAX_CONNECTIONS = 10_000;
const KEEP_ALIVE_MS = 65_000; // longer than the usual load balancer's 60 s, so that it is the one who lets go
const REQUEST_LIMIT_MS = 30_000; // for a whole body: a sender that trickles must not hold a connection
const ANSWER_GRACE_MS = 15_000; // for requests that are being answered when the signal comes
const LOG_LIMIT_BYTES = 4 << 20; // waiting for a slow reader of stderr; beyond it lines are dropped

/** For commander. @param {string} text @returns {string[]} */
function parseServices(text) {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(SERVICES, name));
  if (unknown !== undefined) throw new InvalidArgumentError(`expected any of ${Object.keys(SERVICES).join(', ')}, got "${unknown}"`);
  return [...new Set(names)];
}

/** @param {import('commander').Command} program */
function addServe(program) {
  program.command('serve')
    .description('run the services that the environment, and .env, configure')
    .option('--services <names>', `which, separated by commas (${Object.keys(SERVICES).join(', ')}; default: all that are configured)`, parseServices)
    .option('--port <number>', `port to listen on; 0 takes a free one (default: PORT, else ${DEFAULT_PORT})`, parsePort)
    .option('--host <address>', `address to listen on (default: HOST, else ${DEFAULT_HOST})`)
    .option('--data-dir <folder>', 'where events are stored (default: TRUNKLINE_DATA_DIR, else ./trunkline-data)')
    .option('--insecure', 'allow inbound routes without authentication off loopback')
    .action(serve);
}

/** @returns {{ logger: import('pino').Logger, flush: () => void }} JSON lines on stderr */
function createLog() {
  const pino = require('pino');
  const destination = pino.destination({ dest: 2, sync: false, maxLength: LOG_LIMIT_BYTES });
  const level = process.env.TRUNKLINE_LOG_LEVEL ?? 'info';
  if (!Object.hasOwn(pino.levels.values, level) && level !== 'silent') {
    throw new Failure(`TRUNKLINE_LOG_LEVEL: expected one of ${Object.keys(pino.levels.values).join(', ')}, silent, got ${level.slice(0, 40)}`, 2);
  }
  return {
    logger: pino({ level, base: null }, destination),
    flush: () => {
      try {
        destination.flushSync();
      } catch { /* nobody reads stderr any more */ }
    },
  };
}

/**
 * @param {string[]} names
 * @param {import('./services.js').ServeOptions} options
 * @param {Running[]} running what could be created is added here, also when a later one throws
 * @returns {Array<{ name: string, reason: string }>} what is not configured, and why
 */
function createServices(names, options, running) {
  const lacking = [];
  for (const name of names) {
    try {
      running.push({ name, service: SERVICES[name].create(options) });
    } catch (error) {
      if (/** @type {{ code?: unknown }} */ (error).code !== 'CONFIG_INVALID') throw error;
      lacking.push({ name, reason: /** @type {Error} */ (error).message });
    }
  }
  return lacking;
}

/** A host that everybody reaches, and routes that ask nothing of them. @param {string} host @param {Running[]} running */
function refuseOpenRoutes(host, running) {
  if (host === 'localhost' || (isIP(host) !== 0 && isLoopback(host))) return;
  const open = running.filter(({ service }) => service.open).map(({ name }) => name);
  if (open.length === 0) return;
  throw new Failure(`host ${host} is not loopback, and anybody could call ${open.join(', ')}: ` +
    'set TRUNKLINE_INBOUND_TOKEN or TRUNKLINE_INBOUND_SECRET, or allow it with --insecure');
}

/** @param {Outgoing} res @param {number} status @param {string} error @typedef {import('./services.js').Outgoing} Outgoing */
function sendError(res, status, error) {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ error }));
}

/** Each router in turn, until one takes the request. @param {Handler[]} routers @returns {(req: import('node:http').IncomingMessage, res: Outgoing) => void} */
function chain(routers) {
  return (req, res) => {
    /** @param {number} index */
    const from = (index) => {
      if (index === routers.length) {
        sendError(res, 404, 'Not found');
        return;
      }
      routers[index](req, res, (error) => (error === undefined || error === null ? from(index + 1) : sendError(res, 500, 'Internal error')));
    };
    from(0);
  };
}

/** @param {http.Server} server @param {number} port @param {string} host @returns {Promise<string>} its URL */
function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) => reject(listenFailure(error, port, host)));
    server.listen(port, host, () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${address.port}`);
    });
  });
}

/** @param {NodeJS.ErrnoException} error @param {number} port @param {string} host */
function listenFailure(error, port, host) {
  /** @type {Record<string, string>} */
  const reasons = {
    EADDRINUSE: `port ${port} on ${host} is in use; stop the other program or choose another --port`,
    EACCES: `port ${port} on ${host} needs more rights than this user has; choose another --port`,
    EADDRNOTAVAIL: `host ${host} is no address of this machine; choose another --host`,
    ENOTFOUND: `host ${host} is not known; choose another --host`,
  };
  return new Failure(reasons[error.code ?? ''] ?? `cannot listen on ${host} port ${port}: ${error.message}`);
}

/** Takes no new connections, lets the running answers go out. @param {http.Server} server @returns {Promise<void>} */
function stopServer(server) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), ANSWER_GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** @param {Running[]} running */
function closeServices(running) {
  return Promise.all(running.map(({ service }) => service.close()));
}

/** @param {{ services?: string[], port?: number, host?: string, dataDir?: string, insecure?: boolean }} flags */
async function serve(flags) {
  loadDotenv();
  const port = flags.port ?? portFromEnv(DEFAULT_PORT);
  const host = flags.host ?? (process.env.HOST || DEFAULT_HOST);
  const { logger, flush } = createLog();
  const stopped = stopSignal();
  const names = flags.services ?? Object.keys(SERVICES);
  const allowUnauthenticated = flags.insecure ?? false;
  /** @type {Running[]} */
  const running = [];
  try {
    const lacking = createServices(names, { env: process.env, logger, dataDir: flags.dataDir, allowUnauthenticated }, running);
    const lines = lacking.map(({ name, reason }) => `off: ${name}: ${reason}`);
    if (running.length === 0) throw new Failure(`no service is configured\n${lines.join('\n')}`);
    if (!allowUnauthenticated) refuseOpenRoutes(host, running);
    for (const { name } of running) console.log(`on:  ${name}: ${SERVICES[name].about}, ${SERVICES[name].route}`);
    for (const line of lines) console.log(line);
    await Promise.all(running.map(({ service }) => service.ready()));

    let stopping = false;
    const handle = chain(running.map(({ service }) => service.router()));
    const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_LIMIT_MS, headersTimeout: REQUEST_LIMIT_MS }, (req, res) => {
      if (stopping) res.setHeader('connection', 'close');
      // A connection whose answer goes out after the signal is idle only in the next turn.
      else res.once('close', () => setImmediate(() => stopping && server.closeIdleConnections()));
      handle(req, res);
    });
    server.maxConnections = MAX_CONNECTIONS;
    console.log(`listening on ${await listen(server, port, host)}`);
    const signal = await stopped;
    stopping = true;
    console.log(`${signal}: finishing what is under way`);
    await stopServer(server);
  } finally {
    await closeServices(running);
    flush();
  }
  console.log('stopped');
  // The signal handlers stay until the end, and nothing else should: the process leaves by itself.
}

module.exports = { addServe };
