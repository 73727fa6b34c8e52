// Cognigy events: a signed event comes in, is stored, routed to its queue, and the dialog's state is updated.
'use strict';

const cognigy = require('../platforms/cognigy.js');
const native = require('../native.js');
const { isBytes } = require('../bytes.js');
const { TrunklineError } = require('../errors.js');
const { settled, valueOf } = require('../settlements.js');
const { Options } = require('../options.js');
const { readConnection } = require('../connection-options.js');
const { createRouter } = require('../http/router.js');
const { hasBearer } = require('../http/bearer.js');
const { headerValue } = require('../http/headers.js');
const { readLogger, SILENT } = require('../log.js');
const { readRawBody } = require('../http/raw-body.js');
const { readRetryPolicy } = require('../retry-policy.js');
const { DeadLetters } = require('../store/dead-letters.js');
const { readRing } = require('../idempotency-ring.js');
const { readRoutes } = require('../queues/routes.js');
const { publishTo, readQueue } = require('../queues/sink.js');

/** @typedef {import('../http/router.js').Answer} Answer */
/** @typedef {{ kind: string, eventId: string, error?: TrunklineError }} Outcome */

const { answerKinds } = native;
const MAX_BODY_BYTES = 1024 * 1024;
const CLOSE_GRACE_MS = 10_000;
const ORDERS = ['sessionId', 'dialogId', 'intent'];
const RETRY_LATER = { 'Retry-After': '1' };

/**
 * What a sender is told of each outcome.
 * @type {Record<string, (outcome: Outcome) => Answer>}
 */
const ANSWERS = {
  unsigned: () => ({ status: 401, body: { error: 'Missing X-Cognigy-Signature header' } }),
  forged: () => ({ status: 403, body: { error: 'Invalid webhook signature' } }),
  oversized: () => ({ status: 413, body: { error: `Body exceeds ${MAX_BODY_BYTES} bytes` } }),
  malformed: ({ error }) => ({ status: 400, body: { error: error?.message } }),
  duplicate: ({ eventId }) => ({ status: 200, body: { status: 'duplicate_skipped', eventId } }),
  processed: ({ eventId }) => ({ status: 200, body: { status: 'processed', eventId } }),
  accepted: ({ eventId }) => ({ status: 202, body: { status: 'accepted', eventId } }),
  dead: ({ eventId, error }) => ({ status: 200, body: { status: 'failed_queued_for_dlq', eventId, error: error?.summary } }),
  refused: ({ error }) => ({ status: 503, body: { error: error?.summary }, headers: RETRY_LATER }),
};

/**
 * @param {number} kind
 * @param {string} eventId
 * @param {TrunklineError} [error]
 * @returns {Outcome}
 */
const readOutcome = (kind, eventId, error) => ({ kind: answerKinds[kind], eventId, error });

/**
 * Options in the form that the core takes.
 * @param {object} given
 */
function readOptions(given) {
  const options = new Options(given);
  const logger = readLogger(options);
  const baseUrl = options.host('apiBaseUrl', { env: 'COGNIGY_API_BASE_URL', fallback: cognigy.defaultHost });
  const secrets = options.secrets('secrets', { env: 'COGNIGY_WEBHOOK_SECRET', required: true });
  const apiToken = options.token('apiToken', { env: 'COGNIGY_API_TOKEN', required: true });
  const ring = readRing(options.nested('idempotency'), 2 ** 20);
  const settings = {
    scheme: 'cognigy',
    storeName: 'events',
    secrets,
    ringCapacity: ring.capacity,
    ringTtlMs: ring.ttlMs,
    dataDir: options.text('dataDir', { env: 'TRUNKLINE_DATA_DIR', fallback: './trunkline-data' }),
    platform: cognigy.name,
    ...readConnection(options, { baseUrl, logger }),
    maxResponseBytes: 1024 * 1024,
    resource: readResource(options, apiToken),
    retry: readRetryPolicy(options, options.raw('retry')),
    ...readRoutes(options),
    publishRetry: readRetryPolicy(options, options.raw('publishRetry'), 'publishRetry'),
    publishTimeoutMs: options.integer('publishTimeoutMs', { min: 1, max: 600_000, fallback: 5000 }),
    orderBy: readOrderBy(options),
    deadlineMs: options.integer('deadlineMs', { min: 1, max: 2_592_000_000, fallback: 0 }),
    respondWithinMs: options.integer('respondWithinMs', { env: 'TRUNKLINE_RESPOND_WITHIN_MS', max: 600_000, fallback: 5000 }),
    maxPending: options.integer('maxPending', { min: 1, max: 10_000_000, fallback: 100_000 }),
  };
  const adminToken = options.token('adminToken', { env: 'TRUNKLINE_ADMIN_TOKEN' });
  const queue = readQueue(options);
  options.finish();
  return { settings, adminToken, queue, logger };
}

/** @param {Options} options */
function readOrderBy(options) {
  const given = options.raw('orderBy');
  if (given !== undefined && !ORDERS.includes(given)) options.wrong('orderBy', ORDERS.join(' or '), given);
  return given ?? '';
}

/**
 * @param {Options} options
 * @param {string} apiToken
 */
function readResource(options, apiToken) {
  const given = options.raw('resource', 'dialogState');
  const resource = typeof given === 'string' && Object.hasOwn(cognigy.resources, given) ? cognigy.resources[given] : given;
  if (typeof resource?.method !== 'string' || typeof resource?.path !== 'string' || !resource.path.startsWith('/')) {
    options.wrong('resource', `${Object.keys(cognigy.resources).join(', ')} or { method, path, body }`, given);
    return {};
  }
  return {
    method: resource.method,
    path: resource.path,
    body: resource.body === undefined ? '' : JSON.stringify(resource.body),
    headers: cognigy.authHeaders(apiToken),
  };
}

class CognigyEvents {
  #native;
  #logger;
  #adminToken;
  #duplicates = 0;
  /** @type {Promise<void> | null} */ #opening = null;
  #open = false;
  /** @type {Promise<void> | null} */ #closing = null;
  /** @type {Record<string, number | object> | null} */ #lastStats = null;

  /** @param {import('../..').CognigyEventsOptions} [given] */
  constructor(given = {}) {
    const { settings, adminToken, queue, logger } = readOptions(given);
    this.#logger = logger;
    this.#adminToken = adminToken;
    this.#native = new native.EventService({
      ...settings,
      onFinished: logger === SILENT ? null : this.#logLatency.bind(this),
      publish: queue ? publishTo(queue, (id, error) => this.#native.published(id, error)) : null,
    });
    /** What could not be delivered. */
    this.deadLetters = new DeadLetters(settings.dataDir, { ready: () => this.ready(), replay: (eventId) => this.replay(eventId) });
    // A store that cannot be opened is told by ready() and by every 503, not by an unhandled rejection.
    this.ready().catch(() => {});
  }

  /** Resolves once the store is open and what an earlier run left is being worked on. */
  ready() {
    if (this.#closing) return Promise.reject(new TrunklineError('CLOSED', 'the service is closed'));
    // After a failure the next call tries again: the disk may be there by then.
    this.#opening ??= settled((slot) => this.#native.open(slot), valueOf).then(
      (/** @type {number} */ unfinished) => {
        this.#open = true;
        if (unfinished > 0) this.#logger.info({ unfinished }, 'going on with events of an earlier run');
      },
      (/** @type {TrunklineError} */ error) => {
        this.#opening = null;
        if (!this.#closing) this.#logger.error({ code: error.code, hint: error.hint }, error.summary);
        throw error;
      },
    );
    return /** @type {Promise<void>} */ (this.#opening);
  }

  /**
   * The work of POST /webhook/cognigy.
   * @param {Buffer | Uint8Array | string} rawBody the bytes as they came
   * @param {import('node:http').IncomingHttpHeaders | string} headers all of them, or the signature
   * @returns {Promise<Answer>} rejects only for a parsed body (BODY_CONSUMED), which is a mistake in the mounting
   */
  async handle(rawBody, headers) {
    if (this.#closing) return ANSWERS.refused(closed());
    if (typeof rawBody !== 'string' && !isBytes(rawBody)) {
      throw new TrunklineError('BODY_CONSUMED', 'the body has been parsed, so the signed bytes are gone; pass it as a Buffer or string');
    }
    const size = typeof rawBody === 'string' ? Buffer.byteLength(rawBody) : rawBody.length;
    if (size > MAX_BODY_BYTES) return ANSWERS.oversized({ kind: 'oversized', eventId: '' });
    if (!this.#open) {
      try {
        await this.ready();
      } catch (error) {
        return ANSWERS.refused({ kind: 'refused', eventId: '', error: /** @type {TrunklineError} */ (error) });
      }
    }
    const signature = typeof headers === 'string' ? headers : headerValue(headers, 'x-cognigy-signature');
    const outcome = await settled((slot) => this.#native.admit(slot, rawBody, signature), readOutcome);
    if (outcome.kind === 'duplicate') this.#duplicates += 1;
    return ANSWERS[outcome.kind](outcome);
  }

  /**
   * Runs an event again: a dead letter from the step that failed, under its old idempotency key.
   * @param {string | object} eventIdOrBody the id of a stored event, or a whole event
   * @returns {Promise<{ status: 'replayed' | 'accepted', eventId: string }>}
   * @throws {TrunklineError} NOT_FOUND for an unknown id, MALFORMED_PAYLOAD for a body that is no event, else why it failed
   */
  async replay(eventIdOrBody) {
    await this.ready();
    const isId = typeof eventIdOrBody === 'string';
    if (isId && eventIdOrBody === '') throw new TrunklineError('MALFORMED_PAYLOAD', 'Malformed payload. Missing fields: eventId');
    const body = isId ? undefined : (JSON.stringify(eventIdOrBody) ?? 'null');
    const outcome = await settled((slot) => this.#native.replay(slot, isId ? eventIdOrBody : undefined, body), readOutcome);
    const { kind, eventId } = outcome;
    if (kind === 'processed') return { status: 'replayed', eventId };
    if (kind === 'accepted') return { status: 'accepted', eventId };
    if (kind === 'unknown') throw new TrunklineError('NOT_FOUND', `no stored event has the id ${eventId}`, { hint: 'Ids are kept for 24 hours, dead letters longer.' });
    throw outcome.error;
  }

  /** Counters since the start; still there after close(). */
  stats() {
    if (!this.#lastStats) return { ...this.#native.stats(), duplicates: this.#duplicates };
    return this.#lastStats;
  }

  /** One plain (req, res, next) with the routes; see contract in README. */
  router() {
    /** @type {Record<string, import('../http/router.js').Route>} */
    const routes = {
      'POST /webhook/cognigy': (req, answer) =>
        this.#withBody(req, answer, async (body) => {
          answer(await this.handle(body, req.headers));
        }),
    };
    if (this.#adminToken) routes['POST /debug/replay'] = (req, answer) => this.#replayRoute(req, answer);
    return createRouter(routes);
  }

  /**
   * @param {import('node:http').IncomingMessage} req
   * @param {(answer: Answer) => void} answer
   * @param {(body: Buffer) => Promise<void>} work
   */
  #withBody(req, answer, work) {
    readRawBody(req, MAX_BODY_BYTES, (error, body) => {
      if (error) return this.#fail(error, answer);
      if (!body) return answer(ANSWERS.oversized({ kind: 'oversized', eventId: '' }));
      work(body).catch((failure) => this.#fail(failure, answer));
    });
  }

  /**
   * A mistake of ours or of the mounting: loud, and never a 2xx.
   * @param {unknown} error
   * @param {(answer: Answer) => void} answer
   */
  #fail(error, answer) {
    const told = error instanceof TrunklineError ? error.summary : 'Internal error';
    this.#logger.error({ err: error }, told);
    answer({ status: 500, body: { error: told } });
  }

  /**
   * @param {import('node:http').IncomingMessage} req
   * @param {(answer: Answer) => void} answer
   */
  #replayRoute(req, answer) {
    if (!hasBearer(req, this.#adminToken)) {
      req.resume();
      return answer({ status: 401, body: { error: 'A valid bearer token is required' }, headers: { 'WWW-Authenticate': 'Bearer' } });
    }
    this.#withBody(req, answer, async (body) => {
      let asked;
      try {
        asked = JSON.parse(body.toString());
      } catch {
        return answer({ status: 400, body: { error: 'Malformed payload: not valid JSON' } });
      }
      if (typeof asked === 'string') return answer({ status: 400, body: { error: 'Malformed payload: not a JSON object' } });
      const id = asked?.eventId;
      const byId = typeof id === 'string' && id !== '' && asked.webhookEventId === undefined;
      try {
        answer(replayed(await this.replay(byId ? id : asked)));
      } catch (error) {
        answer(replayFailed(/** @type {TrunklineError} */ (error)));
      }
    });
  }

  /**
   * Stops taking events, finishes or parks what is under way within ten seconds, and lets go of the data directory.
   * @returns {Promise<void>}
   */
  close() {
    this.#closing ??= Promise.resolve().then(async () => {
      await settled((slot) => this.#native.close(slot, CLOSE_GRACE_MS), valueOf);
      await this.deadLetters.close();
      this.#lastStats = { ...this.#native.stats(), duplicates: this.#duplicates };
    });
    return this.#closing;
  }

  /**
   * @param {string} eventId
   * @param {boolean} success
   * @param {number} durationMs
   * @param {number} attempts
   * @param {TrunklineError} [error]
   */
  #logLatency(eventId, success, durationMs, attempts, error) {
    const status = success ? 'SUCCESS' : 'FAILURE';
    const duration = durationMs.toFixed(2);
    const msg = `[LATENCY] Event: ${eventId} | Status: ${status} | Duration: ${duration}ms`;
    const fields = { eventId, status, durationMs: Number(duration), attempts };
    if (success) {
      this.#logger.info(fields, msg);
    } else {
      this.#logger.error({ ...fields, code: error?.code, hint: error?.hint }, msg);
    }
  }
}

/** @returns {Outcome} */
const closed = () => ({ kind: 'refused', eventId: '', error: new TrunklineError('CLOSED', 'the service is shutting down') });

/**
 * @param {{ status: string, eventId: string }} result
 * @returns {Answer}
 */
const replayed = (result) => ({ status: result.status === 'accepted' ? 202 : 200, body: result });

/**
 * @param {TrunklineError} error
 * @returns {Answer}
 */
function replayFailed(error) {
  const body = { error: error.code === 'MALFORMED_PAYLOAD' ? error.message : (error.summary ?? error.message) };
  if (error.code === 'MALFORMED_PAYLOAD') return { status: 400, body };
  if (error.code === 'NOT_FOUND' && error.status === undefined) return { status: 404, body };
  return { status: 500, body };
}

/** @param {import('../..').CognigyEventsOptions} [options] */
const cognigyEvents = (options) => new CognigyEvents(options);

module.exports = { cognigyEvents };
