// `trunkline register`: looks at a webhook target, registers it with Cognigy once, and says how it went.
'use strict';

const { InvalidArgumentError } = require('commander');
const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');
const { Progress } = require('./progress.js');

/** @typedef {import('../..').RegistrationStep} RegistrationStep */
/** @typedef {{ url?: string, deploymentId?: string, dryRun?: boolean, json?: boolean, allowPrivate?: boolean }} Flags */

/** For commander. @param {string} text @returns {string} */
function parseUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username || url.password) throw new InvalidArgumentError('expected an absolute https URL without credentials');
  return text;
}

/** For commander. @param {string} text @returns {string} */
function parseText(text) {
  if (text === '') throw new InvalidArgumentError('expected a text that is not empty');
  return text;
}

/** @param {import('commander').Command} program */
function addRegister(program) {
  program.command('register')
    .description('look at a webhook target, and register it with Cognigy once')
    .option('--url <url>', 'the target (default: WEBHOOK_TARGET_URL)', parseUrl)
    .option('--deployment-id <id>', 'the same id is the same registration, whatever else has changed', parseText)
    .option('--dry-run', 'do everything up to the registration, and show what would be sent')
    .option('--json', 'print the result as one line of JSON')
    .option('--allow-private', 'look also at loopback, private and link-local addresses')
    .action(register);
}

/**
 * What is said of a step when it is done, line by line: how long it took, and what came of it.
 * @type {Record<RegistrationStep['step'], (detail: any, durationMs: number) => Array<[string, number, string]>>}
 */
const TOLD = {
  validate: ({ timings, failure, address, protocol, certificate, status, contentType }) => {
    /** @type {Record<string, string>} */
    const good = { dns: '', connect: address, tls: `${protocol}, ${certificate?.subject}, ${days(certificate?.daysLeft)} left`, http: `${status} ${contentType}` };
    const phases = Object.keys(good);
    const last = failure ? phases.indexOf(failure.phase) : phases.length - 1;
    return phases.slice(0, last + 1).map((phase) => [phase, timings[`${phase}Ms`], phase === failure?.phase ? `failed: ${failure.reason}` : good[phase]]);
  },
  lookup: (there, durationMs) => [['look up', durationMs, there ? `${there.id} is registered already` : 'not registered yet']],
  register: ({ target, idempotent }, durationMs) => [['register', durationMs, `${target.id}${idempotent ? ', which was there before' : ''}`]],
  verify: ({ verified, status, error }, durationMs) => [['verify', durationMs, error ?? `${verified ? '' : 'not active: '}${status}`]],
  sync: ({ synced, error }, durationMs) => [['gateway', durationMs, synced ? 'told' : `failed: ${error}`]],
};

const WAITING = { validate: 'looking at the target', lookup: 'looking it up', register: 'registering', verify: 'waiting until it is active', sync: 'telling the gateway' };

/** @param {number | undefined} count */
const days = (count) => `${count} ${count === 1 ? 'day' : 'days'}`;

/** @param {Progress} progress @returns {(step: RegistrationStep) => void} */
function teller(progress) {
  return ({ step, state, durationMs, detail }) => {
    if (state === 'started') progress.wait(WAITING[step]);
    if (state === 'progress') progress.wait(`${WAITING[step]}: poll ${detail.poll} says ${detail.status}`);
    if (state === 'failed') progress.stop();
    if (state === 'done') for (const [name, ms, text] of TOLD[step](detail, durationMs)) progress.line(`  ${name.padEnd(8)} ${ms.toFixed(0).padStart(6)} ms  ${text}`.trimEnd());
  };
}

/** @param {Flags} flags */
async function register({ url, deploymentId, dryRun = false, json = false, allowPrivate = false }) {
  loadDotenv();
  const { registrar } = require('../index.js');
  const progress = new Progress();
  const what = { ...(deploymentId === undefined ? {} : { deploymentId }), ...(json ? {} : { onStep: teller(progress) }) };
  /** @type {ReturnType<typeof registrar> | undefined} */
  let service;
  try {
    service = registrar({ allowPrivate, ...(url === undefined ? {} : { url }) });
    if (dryRun) return showPlan(await service.plan(what), json);
    return showResult(await service.register(what), json);
  } catch (error) {
    throw failed(/** @type {any} */ (error), json);
  } finally {
    progress.stop();
    await service?.close();
  }
}

/** @param {import('../..').RegistrationPlan} plan @param {boolean} json */
function showPlan(plan, json) {
  if (json) return console.log(JSON.stringify({ dryRun: true, ...plan }));
  const { name, idempotencyKey, payload, existing } = plan;
  console.log(existing ? `${name} is registered already, as ${existing.id}.` : `${name} would be registered, with the Idempotency-Key ${idempotencyKey}:\n${JSON.stringify(payload, null, 2)}`);
}

/** @param {import('../..').RegistrationResult} result @param {boolean} json */
function showResult(result, json) {
  const { success, registration: { id, idempotent }, health, gateway, latencyMs } = result;
  if (json) console.log(JSON.stringify(result));
  if (!success) throw new Failure(`${id} is registered, but not active: ${health.error ?? `its status is ${health.status}`}\n  Look at it at Cognigy, and run the same command again.`);
  if (json) return;
  console.log(`${idempotent ? 'Was registered before' : 'Registered'}: ${id}, active, in ${latencyMs} ms${gateway.error ? '; the gateway was not told' : ''}`);
}

/** Hints that a person at a command line can follow. @type {Record<string, string>} */
const HINTS = { ADDRESS_FORBIDDEN: 'Give --allow-private if that is meant.' };

/** @param {any} error @param {boolean} json */
function failed(error, json) {
  if (error instanceof Failure || error.summary === undefined) return error;
  const { code, message, status, retryable, hint = '' } = { ...error, message: error.message, hint: HINTS[error.code] ?? error.hint };
  if (json) console.log(JSON.stringify({ success: false, error: { code, message, status, retryable, hint } }));
  return new Failure(`${error.summary}\n  ${hint}`);
}

module.exports = { addRegister };
