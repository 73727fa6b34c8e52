// The Runtime API of AWS Lambda (2018-06-01), for one environment: the process that a handler runs in asks it for events and tells it what became of them.
'use strict';

const http = require('node:http');
const { once, EventEmitter } = require('node:events');
const { spawn } = require('node:child_process');

const VERSION = '/2018-06-01/runtime';

/** @typedef {{ result?: any, error?: { errorType: string, errorMessage: string } }} Outcome of an invocation; error: the function failed, or its process is gone */
/** @typedef {{ requestId: string, event: unknown, timeoutMs: number, settle: (outcome: Outcome) => void }} Invocation */

class LambdaEnvironment extends EventEmitter {
  /** @type {import('node:child_process').ChildProcess | undefined} */ #process;
  /** Whoever asked for the next event. @type {http.ServerResponse | undefined} */ #waiting;
  /** @type {Invocation | undefined} */ #current;
  #count = 0;
  stderr = '';
  #server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => this.#serve(req, res));
  #command;
  #env;

  /** @param {string[]} command of the runtime: Node's arguments @param {Record<string, string>} env */
  constructor(command, env) {
    super();
    this.#command = command;
    this.#env = env;
  }

  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** A cold start, unless the process is there. */
  #start() {
    if (this.#process) return;
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    const child = spawn(process.execPath, this.#command, {
      cwd: this.#env.LAMBDA_TASK_ROOT, env: { ...process.env, ...this.#env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}` }, stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    child.stderr.on('data', (chunk) => { this.stderr += chunk; });
    child.once('exit', (code, signal) => {
      this.#process = undefined;
      this.#waiting = undefined;
      this.#finish({ error: { errorType: 'Runtime.ExitError', errorMessage: `exited with ${signal ?? code}` } });
      this.emit('gone');
    });
  }

  /**
   * One event. One at a time.
   * @param {unknown} event
   * @param {number} timeoutMs what the context says; nobody is cut off
   * @returns {Promise<Outcome>}
   */
  invoke(event, timeoutMs) {
    this.#start();
    return new Promise((settle) => {
      this.#current = { requestId: `request-${(this.#count += 1)}`, event, timeoutMs, settle };
      this.#hand();
    });
  }

  #hand() {
    if (!this.#waiting || !this.#current) return;
    const { requestId, event, timeoutMs } = this.#current;
    this.#waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': requestId,
      'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:enrichment',
      'lambda-runtime-trace-id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700',
    });
    this.#waiting.end(JSON.stringify(event));
    this.#waiting = undefined;
    this.emit('handed');
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res */
  async #serve(req, res) {
    let text = '';
    for await (const chunk of req) text += chunk;
    if (req.method === 'GET' && req.url === `${VERSION}/invocation/next`) {
      this.#waiting = res;
      this.emit('idle');
      return this.#hand();
    }
    const kind = new RegExp(`^${VERSION}/(?:invocation/${this.#current?.requestId}/(response|error)|init/error)$`).exec(req.url ?? '');
    if (!kind) return res.writeHead(400).end('{"errorMessage":"nobody asked"}');
    res.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    this.#finish(kind[1] === 'response' ? { result: JSON.parse(text) } : { error: JSON.parse(text) });
  }

  /** @param {Outcome} outcome */
  #finish(outcome) {
    const current = this.#current;
    this.#current = undefined;
    current?.settle(outcome);
  }

  /** As Lambda does between invocations: the process, where there is one, stands still as a whole. */
  async freeze() {
    if (!this.#process) return;
    if (!this.#waiting) await once(this, 'idle');
    this.#process.kill('SIGSTOP');
  }

  thaw() {
    this.#process?.kill('SIGCONT');
  }

  /** As Lambda does at a time-out: the process is gone, and the next event meets a new one. */
  async kill() {
    if (!this.#process) return;
    this.#process.kill('SIGKILL');
    await once(this, 'gone');
  }

  async close() {
    await this.kill();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

module.exports = { LambdaEnvironment };
