// `trunkline sign`: prints the signature headers of the body on standard input.
'use strict';

const { Option } = require('commander');
const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');

const SCHEMES = ['cognigy', 'connector', 'open-messaging', 'standard-webhooks'];
const MAX_BODY_BYTES = 64 << 20;

/** @param {import('commander').Command} program */
function addSign(program) {
  program.command('sign')
    .description('print the signature headers of the body on standard input')
    .option('--secret <secret>', 'the shared secret (default: the first of COGNIGY_WEBHOOK_SECRET)')
    .addOption(new Option('--scheme <scheme>', 'how to sign').choices(SCHEMES).default('cognigy'))
    .action(sign);
}

/** @returns {string | undefined} */
function secretFromEnv() {
  loadDotenv();
  return process.env.COGNIGY_WEBHOOK_SECRET?.split(',').map((secret) => secret.trim()).find((secret) => secret !== '');
}

/** @returns {Promise<Buffer>} standard input, byte for byte */
async function readStdin() {
  const chunks = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Failure(`body: expected at most ${MAX_BODY_BYTES} bytes, got more`, 2);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @param {{ secret?: string, scheme: 'cognigy' | 'connector' | 'open-messaging' | 'standard-webhooks' }} flags */
async function sign({ secret = secretFromEnv(), scheme }) {
  if (secret === undefined || secret === '') throw new Failure('--secret: expected a secret, or one in COGNIGY_WEBHOOK_SECRET, got none', 2);
  const { SignatureVerifier } = require('../index.js');
  const body = await readStdin();
  let headers;
  try {
    headers = new SignatureVerifier({ scheme, secrets: [secret] }).sign(body);
  } catch (error) {
    if (/** @type {{ code?: unknown }} */ (error).code !== 'CONFIG_INVALID') throw error;
    throw new Failure(/** @type {Error} */ (error).message, 2);
  }
  for (const [name, value] of Object.entries(headers)) console.log(`${name}: ${value}`);
}

module.exports = { addSign };
