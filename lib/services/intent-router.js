// Intent routing: the intent of a conversation is written to CXone while the caller waits, so that its rules or scripts find the queue.
'use strict';

const cxone = require('../platforms/cxone.js');
const { CxoneConnection, readTenant } = require('../platforms/cxone-connection.js');
const { TrunklineError } = require('../errors.js');
const { Options, refuse } = require('../options.js');
const { createRouter } = require('../http/router.js');
const { jsonRoute } = require('../http/json-route.js');
const { readClientOptions } = require('../client-options.js');
const { readCors } = require('../http/cors.js');
const { readInbound } = require('../http/inbound.js');
const { readLogger } = require('../log.js');
const { readRouteRequest } = require('./route-request.js');

/** @typedef {import('../http/router.js').Answer} Answer */
/** @typedef {import('../platforms/cxone.js').Resource} Resource */

/** The caller waits: fewer tries than elsewhere, and all of them within the deadline. */
const ATTEMPTS = 3;
const DEADLINE_MS = 5000;
const MAX_PLATFORM_TEXT = 300;

/** @param {object} given */
function readOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options);
  const resource = readResource(options);
  const retry = options.raw('retry', {});
  const settings = {
    tenant: readTenant(options, resource.host ?? 'tenant'),
    resource,
    attributeNames: readAttributeNames(options),
    ...readQueues(options, resource.needsQueue ?? false),
    deadlineMs: options.integer('deadlineMs', { env: 'CXONE_DEADLINE_MS', min: 1, max: 600_000, fallback: DEADLINE_MS }),
    inbound: readInbound(options),
    cors: readCors(options, ['POST']),
    client: { ...readClientOptions(options, logger), retry: retry !== null && typeof retry === 'object' ? { attempts: ATTEMPTS, ...retry } : retry },
  };
  options.finish();
  return { ...settings, logger };
}

/** @param {Options} options @returns {Resource} */
function readResource(options) {
  const resource = options.choice('resource', { env: 'CXONE_RESOURCE', among: cxone.resources, fallback: 'interactionContext' });
  const { method, path, host = 'tenant' } = resource;
  if (typeof method === 'string' && typeof path === 'function' && ['tenant', 'acd', 'digital'].includes(host)) return resource;
  options.wrong('resource', "{ method, path(facts), … } with a host of 'tenant', 'acd' or 'digital'", resource);
  return cxone.resources.interactionContext;
}

/** @param {Options} options @returns {{ intent: string, confidence: string, time: string }} */
function readAttributeNames(options) {
  const { intent, confidence, time } = options.choice('attributeNames', { env: 'CXONE_ATTRIBUTE_NAMES', among: cxone.attributeNames, fallback: 'routedAt' });
  const names = [intent, confidence, time];
  if (new Set(names).size < 3 || !names.every((name) => typeof name === 'string' && name !== '')) {
    options.wrong('attributeNames', 'three different names: { intent, confidence, time }', names);
  }
  return { intent, confidence, time };
}

/**
 * @param {Options} options
 * @param {boolean} required
 * @returns {{ queueOf: (intent: string) => number | undefined }} own properties only: an intent called "constructor" is like any other
 */
function readQueues(options, required) {
  const otherwise = options.integer('defaultQueue', { env: 'CXONE_DEFAULT_QUEUE' });
  const queues = new Map(Object.entries(options.object('routes', { env: 'CXONE_ROUTES', fallback: {}, required: required && otherwise === undefined })));
  for (const [intent, queue] of queues) {
    if (!Number.isSafeInteger(queue) || queue < 0) options.wrong(`routes.${intent} (CXONE_ROUTES)`, 'the id of a skill, a whole number', queue);
  }
  return { queueOf: (intent) => queues.get(intent) ?? otherwise };
}

class IntentRouter {
  #settings;
  #logger;
  #connection;
  /** @type {Promise<void> | null} */ #checking = null;

  /** @param {import('../..').IntentRouterOptions} [given] */
  constructor(given = {}) {
    const { logger, ...settings } = readOptions(given);
    this.#settings = settings;
    this.#logger = logger;
    this.#connection = new CxoneConnection(settings.tenant, settings.client);
  }

  /** Is nothing asked of who calls /api/route? Then only this machine may. */
  get open() {
    return this.#settings.inbound.open;
  }

  /**
   * Resolves when CXone has taken the credentials, and also when it cannot be asked, which is logged: then the first request tries again.
   * @returns {Promise<void>}
   * @throws {TrunklineError} AUTHENTICATION_FAILED and whatever else further tries do not mend
   */
  ready() {
    this.#checking ??= this.#connection.authenticate(this.#settings.deadlineMs).catch((/** @type {TrunklineError} */ error) => {
      this.#checking = null;
      if (!error.retryable) throw this.#explained(error, {});
      this.#logger.warn({ code: error.code, hint: error.hint }, `CXone's credentials could not be checked yet: ${error.summary}`);
    });
    return this.#checking;
  }

  /**
   * The work of POST /api/route.
   * @param {import('../..').RouteRequest} request
   * @returns {Promise<import('../..').RouteResult>}
   */
  async route(request) {
    const startedMs = performance.now();
    const { conversationId, intent, confidence } = readRouteRequest(request);
    const { resource, deadlineMs } = this.#settings;
    const facts = this.#factsOf(conversationId, intent, confidence);
    const { method, path, query, json, idempotent } = resource;
    try {
      const response = await this.#connection.request({ method, path: path(facts), query: query?.(facts), json: json?.(facts), idempotent }, deadlineMs);
      const message = `${resource.done ?? 'Routed conversation'} ${conversationId}`;
      this.#logger.info({ conversationId, intent, attempts: response.attempts, durationMs: since(startedMs) }, message);
      return { success: true, message, data: dataOf(response) };
    } catch (error) {
      throw this.#explained(error, { conversationId, intent, durationMs: since(startedMs) }, resource.scope, 'Conversation not found in CXone');
    }
  }

  /**
   * @param {string} conversationId
   * @param {string} intent
   * @param {number | undefined} confidence
   * @returns {import('../platforms/cxone.js').Facts}
   */
  #factsOf(conversationId, intent, confidence) {
    const { attributeNames: names, queueOf, resource } = this.#settings;
    const queue = queueOf(intent);
    if (resource.needsQueue && queue === undefined) throw new TrunklineError('MALFORMED_PAYLOAD', 'Invalid fields: intent (no queue is configured for it)');
    const time = new Date().toISOString();
    const attributes = { [names.intent]: intent, ...(confidence === undefined ? {} : { [names.confidence]: confidence }), [names.time]: time };
    return { conversationId, intent, confidence, time, attributes, queue };
  }

  /**
   * A rule that sends conversations with this intent to a queue. One of that name that exists already is left as it is.
   * @param {import('../..').RoutingRuleRequest} request
   * @returns {Promise<import('../..').RoutingRule>}
   */
  async createRoutingRule(request) {
    const { intent, queueId, name = `Cognigy Intent Route: ${intent}` } = Object(request);
    for (const [label, value] of Object.entries({ intent, queueId, name })) {
      if (typeof value !== 'string' || value.trim() === '') throw refuse(label, 'a non-empty string', value);
    }
    const { resource, attributeNames, deadlineMs } = this.#settings;
    if (resource.host !== undefined && resource.host !== 'tenant') {
      throw new TrunklineError('CONFIG_INVALID', 'routing rules go with the resource interactionContext', {
        hint: 'CXone itself has no rules to create: a Studio script reads the values, or resource routingQueue names the queue.',
      });
    }
    const { method, path, json, idempotent, scope } = cxone.routingRules;
    const facts = { name, intent, queueId, attribute: attributeNames.intent };
    try {
      const response = await this.#connection.request({ method, path: path(facts), json: json?.(facts), idempotent }, deadlineMs);
      return { name, .../** @type {object} */ (dataOf(response)), created: true };
    } catch (error) {
      if (error instanceof TrunklineError && error.code === 'CONFLICT') return { name, created: false };
      throw this.#explained(error, { name }, scope);
    }
  }

  /**
   * Logs a failure, and lets its text say what CXone said.
   * @param {unknown} error
   * @param {object} fields
   * @param {string} [scope] that the call needs
   * @param {string} [notFound] what a 404 means
   */
  #explained(error, fields, scope, notFound) {
    if (!(error instanceof TrunklineError)) return error;
    const { auth, secrets } = this.#settings.tenant;
    const response = answerIn(error);
    if (response) error.message = textOf(response, secrets, notFound);
    else if (error.code === 'AUTHENTICATION_FAILED') error.message = auth.grant === 'password' ? 'Invalid CXone client or access key' : 'Invalid CXone Client ID or Secret';
    if (error.code === 'AUTHORIZATION_FAILED' && scope !== undefined) error.hint = `Grant the scope ${scope} to the API client of CXone.`;
    const { code, status, attempts, hint } = error;
    this.#logger.error({ ...fields, code, status, attempts, hint }, error.message);
    return error;
  }

  /** One plain (req, res, next) with POST /api/route and GET /health. */
  router() {
    const { inbound, cors } = this.#settings;
    return createRouter({
      'POST /api/route': jsonRoute({ doorman: inbound.doorman, logger: this.#logger, errorBody: (error) => ({ success: false, error }) },
        (body) => this.route(/** @type {any} */ (body)).then((result) => ({ status: 200, body: result }), answerTo)),
    }, cors);
  }

  /** Takes no more requests, and resolves when those under way have ended. */
  close() {
    return this.#connection.close();
  }
}

/** @param {number} startedMs */
const since = (startedMs) => Math.round((performance.now() - startedMs) * 100) / 100;

/**
 * What CXone said to the call itself; a token server's answer is not among it.
 * @param {TrunklineError} error
 * @returns {import('../http-response.js').HttpResponse | undefined}
 */
const answerIn = (error) => /** @type {any} */ (error).response;

/**
 * CXone has done what it was asked for, whatever its answer looks like.
 * @param {import('../http-response.js').HttpResponse} response
 * @returns {unknown} null where it is no JSON
 */
function dataOf(response) {
  try {
    return response.json();
  } catch {
    return null;
  }
}

/**
 * @param {import('../http-response.js').HttpResponse} response
 * @param {string[]} secrets not to be repeated, whoever says them
 * @param {string} [notFound]
 */
function textOf(response, secrets, notFound) {
  if (response.status === 404 && notFound !== undefined) return notFound;
  if (response.status === 429) return 'Rate limited by CXone';
  const message = /** @type {any} */ (dataOf(response))?.errors?.[0]?.message;
  const said = typeof message === 'string' && message.trim() !== '' ? message : 'Unknown';
  const blanked = secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), said);
  return `CXone API Error ${response.status}: ${blanked.replace(/\p{C}+/gu, ' ').slice(0, MAX_PLATFORM_TEXT)}`;
}

/**
 * @param {unknown} error of route()
 * @returns {Answer}
 */
function answerTo(error) {
  if (!(error instanceof TrunklineError)) throw error;
  const refused = (/** @type {number} */ status, text = error.message) => ({ status, body: { success: false, error: text } });
  if (error.code === 'MALFORMED_PAYLOAD') return refused(400);
  if (error.code === 'RATE_LIMITED') return { ...refused(429, 'Rate limited by CXone'), headers: { 'Retry-After': String(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))) } };
  if (answerIn(error)) return refused(error.status === 404 ? 404 : 500);
  return refused(500, error.code === 'AUTHENTICATION_FAILED' ? error.message : error.summary);
}

/** @param {import('../..').IntentRouterOptions} [options] */
const intentRouter = (options) => new IntentRouter(options);

module.exports = { intentRouter };
