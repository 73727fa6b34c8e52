// `trunkline doctor`: looks at all that trunkline needs here, and says what is not well; a row for each check.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const tls = require('node:tls');
const { X509Certificate } = require('node:crypto');
const { version } = require('../../package.json');
const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');
const { PLATFORMS } = require('./doctor-platforms.js');

/** @typedef {{ state: 'ok' | 'off' | 'warning' | 'failed', text: string, hint?: string }} Finding */
/** @typedef {{ allowPrivate: boolean, env: NodeJS.ProcessEnv, registered: () => Promise<Array<{ url?: string }>> }} Context what every check may need */
/** @typedef {{ name: string, run: (context: Context) => Finding | Finding[] | Promise<Finding | Finding[]> }} Check */

const LIMIT_MS = 5000;
const FEW_DAYS = 21;
const MAX_REGISTERED = 100;

/** @param {string} text @returns {Finding} */
const ok = (text) => ({ state: 'ok', text });
/** @param {string} text @returns {Finding} */
const off = (text) => ({ state: 'off', text });

/** @param {any} error @returns {Finding} */
function failed({ code, message, hint }) {
  if (code === 'CONFIG_INVALID') return { state: 'failed', text: message };
  return { state: 'failed', text: hint === undefined ? message : `${code}: ${message}`, hint };
}

/** @returns {Finding} */
function checkAddon() {
  require('../native.js');
  return ok(`trunkline ${version}, Node ${process.version} on ${process.platform}-${process.arch}`);
}

/** @param {Context} context @returns {Finding} */
function checkTrust({ env }) {
  const file = env.NODE_EXTRA_CA_CERTS;
  const roots = `${tls.rootCertificates.length} roots of Node`;
  if (!file) return ok(roots);
  const certificates = fs.readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) return { state: 'failed', text: `NODE_EXTRA_CA_CERTS: no certificate in ${file}`, hint: 'It wants PEM.' };
  const over = certificates.map((pem) => new X509Certificate(pem)).find(({ validTo }) => Date.parse(validTo) < Date.now());
  if (over) return { state: 'warning', text: `NODE_EXTRA_CA_CERTS: ${over.subject.replaceAll('\n', ', ')} has expired` };
  return ok(`${roots}, and ${certificates.length} in ${file}`);
}

/** @param {Context} context @returns {Finding} */
function checkEnvironment({ env }) {
  const { Options } = require('../options.js');
  const options = new Options({}, env);
  options.integer('port', { env: 'PORT', max: 65_535 });
  options.integer('respondWithinMs', { env: 'TRUNKLINE_RESPOND_WITHIN_MS', max: 600_000 });
  options.flag('allowInsecure', { env: 'TRUNKLINE_ALLOW_INSECURE_HTTP' });
  for (const name of ['TRUNKLINE_ADMIN_TOKEN', 'TRUNKLINE_INBOUND_TOKEN']) options.token(name, { env: name });
  for (const name of ['TRUNKLINE_INBOUND_SECRET', 'WEBHOOK_SIGNING_SECRET']) options.secrets(name, { env: name });
  options.finish();
  const inUse = [...PLATFORMS.flatMap(({ marks }) => marks), 'COGNIGY_DOMAIN'].some((name) => env[name]);
  if (!inUse) return { state: 'failed', text: 'no platform is configured', hint: '`trunkline sandbox` prints variables to begin with.' };
  return ok('good');
}

/** @param {Context} context @returns {Finding} */
function checkDataDirectory({ env }) {
  const folder = path.resolve(env.TRUNKLINE_DATA_DIR || './trunkline-data');
  let there = folder;
  while (!fs.existsSync(there)) there = path.dirname(there);
  if (!fs.statSync(there).isDirectory()) return { state: 'failed', text: `${there} is not a folder`, hint: 'Set TRUNKLINE_DATA_DIR to one.' };
  fs.accessSync(there, fs.constants.W_OK);
  return ok(there === folder ? folder : `${folder}, to be made`);
}

/** @param {import('./doctor-platforms.js').PlatformRow} row @returns {Check['run']} */
const checkPlatform = ({ name, marks, path: harmless, read }) => async ({ env }) => {
  if (!marks.some((mark) => env[mark])) return off(`not configured: none of ${marks.join(', ')} is set`);
  const { Options } = require('../options.js');
  const { HttpClient } = require('../index.js');
  const options = new Options({}, env);
  const { baseUrl, auth, path: own = harmless } = read(options);
  const allowInsecure = options.flag('allowInsecure', { env: 'TRUNKLINE_ALLOW_INSECURE_HTTP' });
  options.finish();
  const client = new HttpClient({ baseUrl, platform: name, env, logger: false, allowInsecure, ...(auth && { auth }) });
  const startedMs = performance.now();
  const good = () => ok(`${baseUrl} answers${auth ? `, ${auth.type === 'oauth2' ? 'gives a token' : 'takes the token'}` : ''} (${Math.round(performance.now() - startedMs)} ms)`);
  try {
    await client.request({ path: own, retry: false, deadlineMs: LIMIT_MS });
    return good();
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    // Only an answer of the platform itself is kept, not one of its token server: then name, connection, certificate and token are good.
    return error.response && error.status !== 401 && error.status < 500 ? good() : failed(error);
  } finally {
    await client.close();
  }
};

/** @param {Context} context @returns {Promise<Finding>} */
async function checkRegistry({ env, registered }) {
  if (!env.COGNIGY_DOMAIN) return off('not configured: COGNIGY_DOMAIN is not set');
  const startedMs = performance.now();
  const targets = await registered();
  return ok(`${targets.length} webhook target${targets.length === 1 ? '' : 's'} registered (${Math.round(performance.now() - startedMs)} ms)`);
}

/** What is registered at Cognigy; asked once, whoever wants to know. @param {NodeJS.ProcessEnv} env */
function askOnce(env) {
  /** @type {Promise<Array<{ url?: string }>> | undefined} */
  let asked;
  return () => (asked ??= listRegistered(env));
}

/** @param {NodeJS.ProcessEnv} env */
async function listRegistered(env) {
  const { Options } = require('../options.js');
  const { SILENT } = require('../log.js');
  const { readRegistry, TargetRegistry } = require('../services/target-registry.js');
  const options = new Options({ retry: { attempts: 1 } }, env);
  const read = readRegistry(options, SILENT);
  options.finish();
  const registry = new TargetRegistry(read);
  try {
    const listed = (await registry.list()).slice(0, MAX_REGISTERED);
    // A list need not tell where each of them points.
    return await Promise.all(listed.map((target) => (target.url === undefined ? registry.get(target.id, { timeoutMs: LIMIT_MS, secrets: [] }) : target)));
  } finally {
    await registry.close();
  }
}

/** @param {Context} context @returns {Promise<Finding[]>} */
async function checkTargets({ env, allowPrivate, registered }) {
  const known = env.COGNIGY_DOMAIN ? await registered().catch(() => []) : []; // another check tells why
  /** By URL, whether Cognigy has to be answered 2xx there. @type {Map<string, boolean>} */
  const targets = new Map();
  for (const url of [env.MIDDLEWARE_URL, env.GATEWAY_CALLBACK_URL]) {
    if (url?.startsWith('https:')) targets.set(url.replace(/\/\/[^/?#]*@/, '//'), false); // a gateway's URL may carry user and password
  }
  if (env.WEBHOOK_TARGET_URL) targets.set(env.WEBHOOK_TARGET_URL, true);
  for (const { url } of known) if (url !== undefined) targets.set(url, true);
  if (targets.size === 0) return [off('nothing is registered, and none of WEBHOOK_TARGET_URL, MIDDLEWARE_URL, GATEWAY_CALLBACK_URL is https')];
  return Promise.all([...targets].map(([url, mustBeFit]) => checkTarget(url, mustBeFit, allowPrivate)));
}

/** @param {string} url @param {boolean} mustBeFit @param {boolean} allowPrivate @returns {Promise<Finding>} */
async function checkTarget(url, mustBeFit, allowPrivate) {
  const { preflight } = require('../index.js');
  const { redactUrl } = require('../redact.js');
  const shown = redactUrl(url);
  const report = await preflight(url, { allowPrivate, timeoutMs: LIMIT_MS }).catch((error) => error);
  const { failure } = report;
  const problem = failure ? (mustBeFit || failure.phase !== 'http') && { ...failure, message: failure.reason } : report instanceof Error && report;
  if (problem) {
    const finding = failed(problem);
    return { ...finding, text: `${shown}: ${finding.text}` };
  }
  const { daysLeft, validTo } = report.certificate;
  const left = `${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} left, until ${validTo.slice(0, 10)}`;
  if (daysLeft < FEW_DAYS) return { state: 'warning', text: `${shown}: the certificate has ${left}`, hint: 'Renew it in time.' };
  return ok(`${shown}: ${left}`);
}

/** @type {Check[]} */
const CHECKS = [
  { name: 'addon', run: checkAddon },
  { name: 'TLS trust', run: checkTrust },
  { name: 'environment', run: checkEnvironment },
  { name: 'data directory', run: checkDataDirectory },
  ...PLATFORMS.map((row) => ({ name: row.name, run: checkPlatform(row) })),
  { name: 'Cognigy administration', run: checkRegistry },
  { name: 'certificates', run: checkTargets },
];

const NAME_WIDTH = Math.max(...CHECKS.map(({ name }) => name.length)) + 2;

/** @param {import('commander').Command} program */
function addDoctor(program) {
  program.command('doctor')
    .description('look at the environment, the addon, TLS trust, every configured platform and the certificates of webhook targets')
    .option('--json', 'print the findings as one line of JSON')
    .option('--allow-private', 'look also at targets on loopback, private and link-local addresses')
    .action(doctor);
}

/** @param {Check} check @param {Context} context @returns {Promise<Array<Finding & { check: string }>>} */
async function runCheck({ name, run }, context) {
  const found = await Promise.resolve(context).then(run).catch((error) => failed(error));
  return [found].flat().map((finding) => ({ check: name, ...finding }));
}

/** @param {{ json?: boolean, allowPrivate?: boolean }} flags */
async function doctor({ json = false, allowPrivate = false }) {
  loadDotenv();
  const context = { env: process.env, allowPrivate, registered: askOnce(process.env) };
  const [addon, ...others] = CHECKS;
  const findings = await runCheck(addon, context);
  // Without it there is nothing to look with.
  if (findings[0].state === 'ok') findings.push(...(await Promise.all(others.map((check) => runCheck(check, context)))).flat());
  if (json) console.log(JSON.stringify(findings));
  else for (const finding of findings) show(finding);
  const bad = findings.filter(({ state }) => state === 'failed').length;
  if (bad > 0) throw new Failure(`${bad} of ${findings.length} checks failed`);
}

/** @param {Finding & { check: string }} finding */
function show({ check, state, text, hint }) {
  console.log(`${state.padEnd(9)}${check.padEnd(NAME_WIDTH)}${text}`);
  if (hint !== undefined) console.log(`${' '.repeat(9 + NAME_WIDTH)}${hint}`);
}

module.exports = { addDoctor };
