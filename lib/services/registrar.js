// The registrar: looks whether a webhook target is fit, registers it with Cognigy once, waits until it is active, and tells a gateway.
'use strict';

const { TrunklineError } = require('../errors.js');
const { HttpClient } = require('../http-client.js');
const { Options } = require('../options.js');
const { createRouter } = require('../http/router.js');
const { readClientOptions } = require('../client-options.js');
const { auditTo, readLogger } = require('../log.js');
const { preflight, readUrl } = require('../preflight.js');
const { redact, redactUrl } = require('../redact.js');
const { retry } = require('../retry.js');
const { readRetryPolicy } = require('../retry-policy.js');
const { negotiateContentType, readRegistration } = require('./registration.js');
const { readRegistry, TargetRegistry } = require('./target-registry.js');
const { uuidV5 } = require('../uuid.js');

/** @typedef {import('./registration.js').Registration} Registration */
/** @typedef {import('./target-registry.js').Target} Target */
/** @typedef {import('../..').PreflightReport} PreflightReport */
/** @typedef {(step: import('../..').RegistrationStep) => void} OnStep */

const CALL_TIMEOUT_MS = 5000;
const GATEWAY_TIMEOUT_MS = 3000;
/** Five polls: at once, then after 2, 4, 8 and 16 s. */
const POLL_POLICY = { attempts: 5, baseMs: 2000, factor: 2, maxMs: 16_000, jitter: /** @type {const} */ ('none') };

/** @param {object} given */
function readOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options);
  const registry = readRegistry(options, logger);
  const signingSecret = options.secret('signingSecret', { env: 'WEBHOOK_SIGNING_SECRET' });
  const gateway = readGateway(options, logger);
  const givenPoll = options.raw('poll', {});
  const poll = typeof givenPoll === 'object' ? { ...POLL_POLICY, ...givenPoll } : givenPoll;
  readRetryPolicy(options, poll, 'poll');
  const settings = {
    registry,
    logger,
    domain: options.raw('domain') ?? options.env.COGNIGY_DOMAIN,
    // It may come with each call; where something else is missing, it is missing too.
    url: options.text('url', { env: 'WEBHOOK_TARGET_URL', required: options.lacks }),
    ca: options.text('ca'),
    allowPrivate: options.flag('allowPrivate'),
    signingSecret,
    poll,
  };
  options.finish();
  return { ...settings, gateway: gateway && { client: new HttpClient(gateway.client), path: gateway.path } };
}

/**
 * @param {Options} options
 * @param {import('../log.js').Logger} logger
 * @returns {{ path: string, client: import('../..').HttpClientOptions } | undefined} undefined: there is none
 */
function readGateway(options, logger) {
  const given = options.text('gatewayUrl', { env: 'GATEWAY_CALLBACK_URL' });
  const client = { ...readClientOptions(options, logger), retry: options.raw('retry'), rateLimit: undefined, platform: 'gateway' };
  if (given === undefined) return undefined;
  try {
    const { protocol, origin, pathname, search, username, password } = new URL(given);
    if (!/^https?:$/.test(protocol)) throw new TypeError();
    const auth = { type: /** @type {const} */ ('basic'), username: decodeURIComponent(username), password: decodeURIComponent(password) };
    return { path: pathname + search, client: { ...client, baseUrl: origin, ...(username === '' ? {} : { auth }) } };
  } catch {
    options.wrong('gatewayUrl', 'an absolute http(s) URL', given);
    return undefined;
  }
}

/** @param {PreflightReport} report @returns {TrunklineError} why the target is not fit */
function notFit({ failure, status }) {
  const { code, reason, hint } = /** @type {NonNullable<PreflightReport['failure']>} */ (failure);
  return new TrunklineError(code, `the target is not fit: ${reason}`, { hint, ...(status === 0 ? {} : { status }) });
}

/** A target that is not active yet: worth another look. */
class NotActive extends Error {}

class Registrar {
  #settings;
  #registry;
  #audit;
  /** @type {Set<Promise<unknown>>} */ #underWay = new Set();
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('../..').RegistrarOptions} [given] */
  constructor(given = {}) {
    this.#settings = readOptions(given);
    this.#registry = new TargetRegistry(this.#settings.registry);
    this.#audit = auditTo(this.#settings.logger);
  }

  /**
   * Is a target fit to be registered?
   * @param {string} [url]
   * @param {{ allowPrivate?: boolean }} [o]
   * @returns {Promise<PreflightReport>} as preflight() gives it
   */
  async validate(url = this.#settings.url, { allowPrivate = this.#settings.allowPrivate } = {}) {
    const { ca } = this.#settings;
    return preflight(url, { allowPrivate, timeoutMs: CALL_TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) });
  }

  /**
   * Everything that register() does before it registers: nothing is changed at Cognigy.
   * @param {import('../..').RegistrationOptions} [given]
   * @returns {Promise<import('../..').RegistrationPlan>}
   */
  plan(given = {}) {
    return this.#track(async () => {
      const { registration, validation } = await this.#prepare(given);
      const there = await this.#step(given.onStep, 'lookup', () => this.#registry.find(registration));
      const { name, idempotencyKey, secrets } = registration;
      const payload = redact(this.#settings.registry.resource.body(registration), secrets);
      return { validation, name, idempotencyKey, payload, existing: there && { id: there.id, data: there.data } };
    });
  }

  /**
   * Registers a target. The same input, again or at the same time, ends in the same registration.
   * @param {import('../..').RegistrationOptions} [given]
   * @returns {Promise<import('../..').RegistrationResult>}
   */
  register(given = {}) {
    const startedMs = performance.now();
    const latencyMs = () => Math.round(performance.now() - startedMs);
    const details = { domain: this.#settings.domain, targetUrl: redactUrl(given?.url ?? this.#settings.url) };
    /** @param {'SUCCESS' | 'FAILURE'} status @param {number} tookMs @param {object} more */
    const audit = (status, tookMs, more) =>
      this.#audit(/** @type {any} */ ({ timestamp: new Date().toISOString(), action: 'WEBHOOK_REGISTRATION', status, latencyMs: tookMs, details: { ...details, ...more } }));
    return this.#track(() => this.#register(given)).then(
      (result) => {
        const { success, registration, validation, health } = result;
        const { tlsValid, reachable, contentType, responseTimeMs } = validation;
        const tookMs = latencyMs();
        audit(success ? 'SUCCESS' : 'FAILURE', tookMs, {
          validation: { tlsValid, reachable, contentType, responseTimeMs }, idempotent: registration.idempotent, healthVerified: health.verified,
        });
        return { ...result, latencyMs: tookMs };
      },
      (error) => {
        audit('FAILURE', latencyMs(), { error: error.summary ?? String(error) });
        throw error;
      },
    );
  }

  /** @param {import('../..').RegistrationOptions} given */
  async #register(given) {
    const { onStep } = given ?? {};
    const { registration, validation } = await this.#prepare(given);
    const { target, idempotent } = await this.#step(onStep, 'register', () => this.#registry.put(registration));
    const { active, ...health } = await this.#step(onStep, 'verify', (tell) => this.#verify(target, registration, tell));
    const gateway = active ? await this.#sync(active, registration, onStep) : { synced: false };
    return { success: health.verified, registration: { id: target.id, idempotent, data: target.data }, validation, health, gateway };
  }

  /** What comes before anything is registered. @param {import('../..').RegistrationOptions} given */
  async #prepare(given) {
    const { registry, signingSecret, url: usual } = this.#settings;
    const options = new Options(given, {});
    const url = options.text('url', { env: 'WEBHOOK_TARGET_URL', required: usual === undefined, fallback: usual });
    const allowPrivate = options.flag('allowPrivate', { fallback: this.#settings.allowPrivate });
    const onStep = options.raw('onStep');
    if (onStep !== undefined && typeof onStep !== 'function') options.wrong('onStep', 'a function', onStep);
    const registrationOf = readRegistration(options, { ...registry, signingSecret });
    options.finish();
    readUrl(url);
    const registration = registrationOf(url);
    const validation = await this.#step(onStep, 'validate', () => this.validate(url, { allowPrivate }));
    if (!validation.ok) throw notFit(validation);
    return { registration: { ...registration, contentType: negotiateContentType(validation.contentType) }, validation };
  }

  /**
   * Looks until Cognigy calls the target active, as often as the policy says.
   * @param {Target} target @param {Registration} registration @param {(detail: any) => void} tell
   * @returns {Promise<{ verified: boolean, status: string, error?: string, active?: Target }>}
   */
  async #verify({ id }, { secrets }, tell) {
    let status = 'pending';
    try {
      const active = await retry(async ({ attempt }) => {
        const seen = await this.#registry.get(id, { timeoutMs: CALL_TIMEOUT_MS, secrets });
        status = seen.status ?? status;
        tell({ poll: attempt, status });
        if (status !== 'active') throw new NotActive();
        return seen;
      }, this.#settings.poll, { retryable: (error) => error instanceof NotActive || error.retryable === true || error.code === 'NOT_FOUND' });
      return { verified: true, status, active };
    } catch (error) {
      if (error instanceof NotActive) return { verified: false, status };
      if (!(error instanceof TrunklineError)) throw error;
      this.#settings.logger.warn({ id, code: error.code, hint: error.hint }, `registered, but its state cannot be seen: ${error.summary}`);
      return { verified: false, status, error: error.summary };
    }
  }

  /**
   * Tells the gateway. The target is live by now, and stays so whatever the gateway says.
   * @param {Target} target as it is now @param {Registration} registration @param {OnStep | undefined} onStep
   * @returns {Promise<{ synced: boolean, error?: string }>}
   */
  async #sync(target, registration, onStep) {
    const { gateway, logger } = this.#settings;
    if (!gateway) return { synced: false };
    const event = { event: 'connector.registered', timestamp: new Date().toISOString(), connector: target.data };
    const request = { method: 'POST', path: gateway.path, json: event, idempotencyKey: uuidV5(registration.idempotencyKey, target.id), timeoutMs: GATEWAY_TIMEOUT_MS };
    return this.#step(onStep, 'sync', async () => {
      try {
        await gateway.client.request(request);
        return { synced: true };
      } catch (thrown) {
        const error = /** @type {TrunklineError} */ (thrown);
        logger.warn({ code: error.code, attempts: error.attempts, hint: error.hint }, `registered, but the gateway was not told: ${error.summary}`);
        return { synced: false, error: error.summary };
      }
    });
  }

  /**
   * A step of the work, told to whoever watches.
   * @template T
   * @param {OnStep | undefined} onStep
   * @param {import('../..').RegistrationStep['step']} step
   * @param {(tell: (detail: any) => void) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #step(onStep, step, work) {
    const startedMs = performance.now();
    /** @param {import('../..').RegistrationStep['state']} state @param {any} [detail] */
    const tell = (state, detail) => {
      try {
        onStep?.({ step, state, durationMs: performance.now() - startedMs, detail });
      } catch (error) {
        this.#settings.logger.error({ err: error }, 'onStep threw'); // who watches cannot undo a registration
      }
    };
    tell('started');
    try {
      const result = await work((detail) => tell('progress', detail));
      tell('done', result);
      return result;
    } catch (error) {
      tell('failed', error);
      throw error;
    }
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  async #track(work) {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the registrar is closed');
    const promise = work();
    this.#underWay.add(promise);
    try {
      return await promise;
    } finally {
      this.#underWay.delete(promise);
    }
  }

  /** One plain (req, res, next) with `GET /health`. */
  router() {
    return createRouter({});
  }

  /**
   * Takes no more registrations and waits for those under way.
   * @returns {Promise<void>}
   */
  close() {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#underWay);
      await Promise.all([this.#registry.close(), this.#settings.gateway?.client.close()]);
    })();
    return this.#closing;
  }
}

/** @param {import('../..').RegistrarOptions} [options] */
const registrar = (options) => new Registrar(options);

module.exports = { registrar, POLL_POLICY };
