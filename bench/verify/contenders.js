// Ways to tell whether a body is its sender's. `create()` gives a function (body, signature) → accepted?; where `sign` is missing, the signature is the
// HMAC in hex, as Cognigy's is.
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const path = require('node:path');
const { SECRET } = require('../lib/events');

const SEED = "the seed's way";
const CAREFUL = 'careful JavaScript';
const OURS = 'SignatureVerifier, cognigy';
const OURS_STANDARD = 'SignatureVerifier, standard-webhooks';
const STANDARD = 'standardwebhooks';
const OCTOKIT = '@octokit/webhooks-methods';

const SIGNED_AS_STANDARD = `whsec_${Buffer.from(SECRET).toString('base64')}`;

/**
 * The seed's way: what was parsed is written again, that is hashed, and hex digits are compared.
 *
 * @param {unknown} payload
 * @param {string} signature
 */
function seedVerifies(payload, signature) {
  const expected = createHmac('sha256', SECRET).update(JSON.stringify(payload)).digest('hex');
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature));
}

/**
 * Careful JavaScript: the bytes that came are hashed, and digests of the same length are compared.
 *
 * @param {Buffer} body
 * @param {string} signature
 */
function carefullyVerifies(body, signature) {
  const expected = createHmac('sha256', SECRET).update(body).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The package is loaded late here and elsewhere: a benchmark whose addon is missing still says what it needs. @param {any} scheme @param {string} secret */
function ours(scheme, secret) {
  const { SignatureVerifier } = require(path.join(__dirname, '..', '..', 'lib', 'index.js'));
  return new SignatureVerifier({ scheme, secrets: secret });
}

const standard = () => ours('standard-webhooks', SIGNED_AS_STANDARD);

/** @returns {import('../lib/types').JudgeContender[]} */
function ownContenders() {
  const signer = standard();
  return [
    { name: SEED, create: () => (body, signature) => seedVerifies(JSON.parse(body.toString('utf8')), signature) },
    { name: CAREFUL, create: () => carefullyVerifies },
    {
      name: OURS,
      create: () => {
        const verifier = ours('cognigy', SECRET);
        return (body, signature) => verifier.verify(body, signature).valid;
      },
    },
    {
      name: OURS_STANDARD,
      sign: (body) => signer.sign(body),
      create: () => {
        const verifier = standard();
        return (body, headers) => verifier.verify(body, headers).valid;
      },
    },
  ];
}

/** Libraries that are measured where they are installed. @type {Record<string, (library: any) => import('../lib/types').JudgeContender>} */
const LIBRARIES = {
  [STANDARD]: ({ Webhook }) => {
    const signer = standard();
    return {
      name: STANDARD,
      sign: (body) => signer.sign(body),
      create: () => {
        const webhook = new Webhook(SIGNED_AS_STANDARD);
        return (body, headers) => {
          webhook.verify(body, headers, { jsonParse: false });  // throws where it does not accept
          return true;
        };
      },
    };
  },
  [OCTOKIT]: ({ verify }) => ({
    name: OCTOKIT,
    sign: (body) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    create: () => (body, signature) => verify(SECRET, body.toString('utf8'), signature),
  }),
};

async function contenders() {
  const list = ownContenders();
  /** @type {string[]} */
  const absent = [];
  for (const [name, create] of Object.entries(LIBRARIES)) {
    try {
      list.push(create(await import(name)));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ERR_MODULE_NOT_FOUND') throw error;
      absent.push(name);
    }
  }
  return { list, absent };
}

module.exports = { CAREFUL, carefullyVerifies, contenders, OURS, SEED, seedVerifies };
