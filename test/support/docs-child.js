// Runs the JavaScript blocks of a document, one after the other, in a process of their own: node docs-child.js FILE …
// A block has ended when nothing is left to wait for, as a program of its own would end there. What it has told goes to descriptor 3, a line of JSON a block.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { makeEvent, signatureOf } = require('./events.js');
const { send } = require('./send.js');

/** The ports that documents name; another program may have them. */
const DOCUMENTED_PORTS = [3000, 3001, 4010];

/** What a server of a block is asked, beside its health: whoever reads the block expects an answer to it. */
const QUESTIONS = [
  { mentions: 'cognigyEvents(', path: '/webhook/cognigy', body: () => makeEvent() },
  { mentions: 'profileSync(', path: '/webhook/sync', body: () => ({ sessionId: 'sess_docs', currentIntent: 'billing_inquiry', externalCustomerId: 'CUST-1001' }) },
  { mentions: 'intentRouter(', path: '/api/route', body: () => ({ conversationId: '60123456789', intent: 'billing_inquiry', confidence: 0.9 }) },
];

const LAMBDA_EVENT = { id: 'evt_docs', source: 'genesys.cloud', detail: { interactionId: '8f7e6d5c', externalCustomerId: 'CUST-1001' } };

const files = process.argv.slice(2);
/** @type {{ file: string, code: string, output: string, errors: string[] }} */
let block;
/** Servers of the block that are not yet asked, and those that are. */
let starting = 0;
/** @type {net.Server[]} */
let asked = [];

/** @param {unknown} error */
const fail = (error) => block.errors.push(error instanceof Error ? String(error.stack) : String(error));

process.on('uncaughtException', fail);

const write = process.stdout.write;
process.stdout.write = /** @type {any} */ ((/** @type {string} */ text, /** @type {any[]} */ ...rest) => {
  block.output += text;
  return /** @type {any} */ (write).call(process.stdout, text, ...rest);
});

/** @param {import('node:net').Server} server */
async function ask(server) {
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  const health = await send(`${url}/health`, { method: 'GET' });
  if (health.status !== 200) fail(`GET /health: expected 200, got ${health.status} ${health.text}`);
  for (const { mentions, path: where, body } of QUESTIONS.filter((question) => block.code.includes(question.mentions))) {
    const text = JSON.stringify(body());
    const headers = { 'content-type': 'application/json', 'x-cognigy-signature': signatureOf(text, String(process.env.COGNIGY_WEBHOOK_SECRET)) };
    const answer = await send(url + where, { headers, body: text });
    if (answer.status !== 200) fail(`${mentions}): POST ${where}: expected 200, got ${answer.status} ${answer.text}`);
  }
}

/** As whoever runs the program stops it: by the signal, where it takes that. */
function stop() {
  if (starting > 0) return;
  if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM');
  else for (const server of asked) server.close();
  asked = [];
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = /** @type {any} */ (/** @this {net.Server} @param {any[]} args */ function listenAnywhere(...args) {
  if (!DOCUMENTED_PORTS.includes(args[0])) return listen.apply(this, /** @type {any} */ (args));
  starting += 1;
  this.once('listening', () => {
    ask(this).catch(fail).finally(() => {
      starting -= 1;
      asked.push(this);
      stop();
    });
  });
  return listen.apply(this, /** @type {any} */ ([0, '127.0.0.1', ...args.slice(1)]));
});

// A program that waits for nothing but the signal gets it once it is ready for it.
process.on('newListener', (name) => {
  if (name === 'SIGTERM') setImmediate(stop);
});

/** @param {string} file */
async function run(file) {
  fs.writeSync(3, `${JSON.stringify({ begun: file })}\n`);
  block = { file, code: fs.readFileSync(file, 'utf8'), output: '', errors: [] };
  process.chdir(path.dirname(file));
  const exports = file.endsWith('.mjs') ? await import(pathToFileURL(file).href) : require(file);
  if (typeof exports.handler !== 'function') return;
  const answer = await exports.handler(LAMBDA_EVENT);
  if (answer.statusCode !== 200) fail(`the handler: expected 200, got ${JSON.stringify(answer)}`);
  await exports.handler.close?.();
}

function next() {
  if (block !== undefined) {
    if (process.exitCode) fail(`the exit code would be ${process.exitCode}`);
    process.exitCode = undefined;
    const { file, output, errors } = block;
    fs.writeSync(3, `${JSON.stringify({ file, output, errors })}\n`);
    process.removeAllListeners('SIGTERM');
  }
  const file = files.shift();
  if (file !== undefined) setImmediate(() => run(file).catch(fail)); // something to wait for, else this would be the end
}

process.on('beforeExit', next);
next();
