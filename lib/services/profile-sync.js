// Profile sync: sessions of Cognigy and customer profiles of Genesys Cloud, kept in step in both directions.
'use strict';

const { randomUUID } = require('node:crypto');
const native = require('../native.js');
const { readEvents } = require('../platforms/genesys-profiles.js');
const { TrunklineError } = require('../errors.js');
const { HttpClient } = require('../http-client.js');
const { settled, valueOf } = require('../settlements.js');
const { createRouter } = require('../http/router.js');
const { jsonRoute } = require('../http/json-route.js');
const { SILENT } = require('../log.js');
const { DeadLetters } = require('../store/dead-letters.js');
const { receiveFailure, summaryOf, syncFailure } = require('./profile-sync/answers.js');
const { CustomerLines } = require('./profile-sync/customer-lines.js');
const { Ledgers } = require('./profile-sync/ledgers.js');
const { ProfileWrite, readTime } = require('./profile-sync/profile-write.js');
const { readProfileSyncOptions } = require('./profile-sync/options.js');
const { registerWebhook } = require('./profile-sync/webhook.js');
const { SessionForward } = require('./profile-sync/session-forward.js');
const { sanitizeExternalId } = require('./profile-sync/maps.js');

/**
 * @typedef {import('./profile-sync/session-forward.js').Fate} Fate
 * @typedef {import('./profile-sync/answers.js').Outcome} Outcome
 */

const INBOUND_PATH = '/webhook/genesys-to-cognigy';
const SOURCE = { name: 'X-Webhook-Source', value: 'genesys-cloud' };
const EVENT_KIND = 'customer.profile.update';
const CLOSE_GRACE_MS = 10_000;
const START_DEADLINE_MS = 10_000;
const REMEMBERED = 65_536;
const DAY_MS = 86_400_000;
const MAX_ID_LENGTH = 256;

/** @param {number} kind @param {string} _eventId @param {TrunklineError} [error] @returns {Outcome} */
const readOutcome = (kind, _eventId, error) => ({ kind: native.answerKinds[kind], error });

class ProfileSync {
  #settings;
  #logger;
  #genesys;
  #cognigy;
  #native;
  #ledgers;
  /** @type {CustomerLines<any>} */ #lines = new CustomerLines();
  #counters = { syncs: 0, calls: 0, coalesced: 0, forwards: 0, suppressed: 0, ended: 0 };
  /** What became of events that somebody waits for, by their id. @type {Map<string, Fate | undefined>} */
  #fates = new Map();
  /** @type {Promise<void> | null} */ #opening = null;
  /** @type {Promise<any> | null} */ #starting = null;
  /** @type {Promise<any> | null} */ #registering = null;
  /** Genesys could not be asked for it yet. */ #isWebhookDue = false;
  /** @type {Promise<void> | null} */ #closing = null;
  /** @type {Record<string, any> | null} */ #lastStats = null;

  /** @param {import('../..').ProfileSyncOptions} [given] */
  constructor(given = {}) {
    const settings = readProfileSyncOptions(given);
    this.#settings = settings;
    this.#logger = settings.logger;
    this.#genesys = new HttpClient(settings.genesysClient);
    this.#cognigy = new HttpClient(/** @type {import('../..').HttpClientOptions} */ (settings.cognigyClient));
    this.#native = new native.EventService({
      scheme: null,
      storeName: 'sync',
      dataDir: settings.dataDir,
      ringCapacity: REMEMBERED,
      ringTtlMs: DAY_MS,
      resource: null,
      routes: [],
      defaultQueue: 'cognigy',
      publishRetry: settings.forwardRetry,
      publishTimeoutMs: DAY_MS, // a try has its own; this one has to wait for its turn too, which a low forwardRateLimit makes long
      orderBy: '',
      deadlineMs: 0,
      respondWithinMs: settings.respondWithinMs,
      maxPending: settings.maxPending,
      onFinished: settings.logger === SILENT ? null : this.#logEnd.bind(this),
      publish: this.#forward.bind(this),
    });
    this.#ledgers = new Ledgers(this.#native, { lifetimeMs: settings.ledgerMs, logger: settings.logger });
    /** What could not be forwarded. */
    this.deadLetters = new DeadLetters(settings.dataDir, { service: 'sync', ready: () => this.#open(), replay: (eventId) => this.#replay(eventId) });
    this.#open().catch(() => {}); // told by ready() and by every 503
  }

  /** Is nothing asked of who calls the routes? Then only this machine may. */
  get open() {
    return this.#settings.inbound.open;
  }

  /** @returns {Promise<void>} once the store is there, and what an earlier run left is being worked on */
  #open() {
    if (this.#closing) return Promise.reject(closedError());
    this.#opening ??= settled((slot) => this.#native.open(slot), valueOf).then(
      (/** @type {number} */ unfinished) => {
        if (unfinished > 0) this.#logger.info({ unfinished }, 'going on with profile updates of an earlier run');
      },
      (/** @type {TrunklineError} */ error) => {
        this.#opening = null; // the next call tries again: the disk may be there by then
        throw error;
      },
    );
    return /** @type {Promise<void>} */ (this.#opening);
  }

  /**
   * Resolves when the store is open, Genesys has taken the credentials, and the webhook is registered or that has failed. A Genesys that cannot be
   * reached is logged: the first session's values try again, and the webhook follows them.
   * @returns {Promise<void>}
   * @throws {TrunklineError} AUTHENTICATION_FAILED, SCOPE_MISSING and whatever else further tries do not mend
   */
  ready() {
    this.#starting ??= this.#start().catch((error) => {
      this.#starting = null;
      throw error;
    });
    return this.#starting;
  }

  async #start() {
    await this.#open();
    try {
      await this.#genesys.authenticate({ deadlineMs: START_DEADLINE_MS });
    } catch (error) {
      const failure = /** @type {TrunklineError} */ (error);
      if (!failure.retryable) throw failure;
      this.#warn(failure, "Genesys Cloud's credentials could not be checked yet");
      this.#isWebhookDue = true;
      return;
    }
    await this.#keepWebhook();
  }

  /** Registers the webhook. When Genesys cannot be reached for it, the next write that it has taken tries again. */
  async #keepWebhook() {
    this.#isWebhookDue = false;
    try {
      await this.registerWebhook();
    } catch (error) {
      if (this.#closing) return;
      const failure = /** @type {TrunklineError} */ (error);
      this.#isWebhookDue = failure.retryable;
      this.#warn(failure, 'the profile webhook could not be registered');
    }
  }

  /** @param {TrunklineError} error @param {string} what */
  #warn({ code, status, hint, summary }, what) {
    this.#logger.warn({ code, status, hint }, `${what}: ${summary}`);
  }

  /**
   * Looks for the webhook by which Genesys tells of changed profiles, and makes it or brings it up to date where it has to be.
   * @returns {Promise<import('../..').RegisteredWebhook | undefined>} undefined: there is no MIDDLEWARE_URL
   */
  registerWebhook() {
    this.#registering ??= this.#register().finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  async #register() {
    const { middlewareUrl, inbound } = this.#settings;
    if (middlewareUrl === undefined) {
      this.#logger.warn({}, 'MIDDLEWARE_URL is not set: Genesys Cloud is not told where to send changed profiles');
      return undefined;
    }
    const headers = { [SOURCE.name]: SOURCE.value, ...(inbound.token === undefined ? {} : { Authorization: `Bearer ${inbound.token}` }) };
    const webhook = await registerWebhook(this.#genesys, { url: middlewareUrl + INBOUND_PATH, headers });
    this.#logger.info(webhook, `the profile webhook is ${webhook.action === 'unchanged' ? 'registered already' : webhook.action}`);
    return webhook;
  }

  /**
   * The work of POST /webhook/sync: writes a session's values into the customer's profile.
   * @param {import('../..').SyncedSession} session
   * @returns {Promise<{ success: true, profileId: string | undefined }>}
   */
  async sync(session) {
    const { prefix, mapToProfile } = this.#settings;
    const externalId = sanitizeExternalId(prefix + readCustomerId(session));
    const mapped = await mapToProfile(session, { externalId, now: new Date() });
    const change = {
      attributes: mapped.attributes ?? mapped,
      identities: mapped.identities ?? [],
      at: readTime(session.timestamp),
      session: typeof session.sessionId === 'string' ? session.sessionId : '',
    };
    await this.#open();
    if (this.#closing) throw closedError();
    this.#counters.syncs += 1;
    const profileId = await this.#write(externalId, change);
    if (this.#isWebhookDue) this.#keepWebhook();
    return { success: true, profileId };
  }

  /** @param {string} externalId @param {import('./profile-sync/profile-write.js').SessionChange} change @returns {Promise<string | undefined>} */
  #write(externalId, change) {
    const waiting = this.#lines.of(externalId).find((work) => work instanceof ProfileWrite && !work.begun);
    if (waiting) {
      this.#counters.coalesced += 1;
      return waiting.add(change);
    }
    if (this.#lines.size >= this.#settings.maxPending) throw new TrunklineError('QUEUE_FULL', 'too many profiles are being written');
    const write = new ProfileWrite(externalId, { settings: this.#settings, ledgers: this.#ledgers, client: this.#genesys, counters: this.#counters });
    const profileId = write.add(change);
    this.#lines.join(externalId, write);
    return profileId;
  }

  /**
   * The work of POST /webhook/genesys-to-cognigy: stores the changes that a webhook brings and forwards them to their sessions.
   * @param {unknown} payload as Genesys posts it
   * @returns {Promise<import('../..').ReceivedUpdate>}
   * @throws {TrunklineError} MALFORMED_PAYLOAD; STORE_UNAVAILABLE, QUEUE_FULL, CLOSED: not everything was stored, and Genesys is to deliver it again
   */
  async receive(payload) {
    const events = readEvents(payload);
    if (events === undefined) throw new TrunklineError('MALFORMED_PAYLOAD', 'Invalid webhook payload structure');
    await this.#open();
    const outcomes = await Promise.all(events.map((event) => this.#accept(event)));
    return summaryOf(outcomes.filter((outcome) => outcome !== undefined));
  }

  /** @param {import('../platforms/genesys-profiles.js').ProfileEvent} event @returns {Promise<Outcome | undefined>} undefined: no session is to be told */
  async #accept(event) {
    const sessionId = event.attributes.cognigySessionId;
    if (typeof sessionId !== 'string' || sessionId === '') {
      this.#logger.info({ profileId: event.profileId }, 'a profile changed that no session belongs to');
      return undefined;
    }
    const customer = event.externalId ?? (await this.#ledgers.customerOf(event.profileId)) ?? event.profileId;
    const webhookEventId = randomUUID();
    const stored = { ...event, customer, sessionId, receivedAt: Date.now() };
    const short = (/** @type {string} */ id) => id.slice(0, MAX_ID_LENGTH);
    const body = JSON.stringify({ webhookEventId, intent: EVENT_KIND, dialogId: short(event.profileId), sessionId: short(sessionId), event: stored });
    this.#fates.set(webhookEventId, undefined);
    try {
      const { kind, error } = await settled((slot) => this.#native.admit(slot, body, undefined), readOutcome);
      if (kind === 'refused') throw error;
      return { kind: kind === 'processed' ? (this.#fates.get(webhookEventId) ?? 'forwarded') : kind, error };
    } finally {
      this.#fates.delete(webhookEventId);
    }
  }

  /**
   * What the core calls for each event, at each of its tries.
   * @param {number} id @param {string} _queue @param {string} eventId @param {string} _intent @param {string} idempotencyKey @param {Buffer} payload
   */
  #forward(id, _queue, eventId, _intent, idempotencyKey, payload) {
    const { event } = JSON.parse(payload.toString());
    const means = { settings: this.#settings, ledgers: this.#ledgers, client: this.#cognigy, lines: this.#lines, counters: this.#counters };
    this.#lines.join(event.customer, new SessionForward(event, idempotencyKey, means, (result) => {
      if (result instanceof Error) return this.#native.published(id, asTrunklineError(result));
      if (result === 'gone') {
        this.#counters.ended += 1;
        this.#logger.warn({ eventId, sessionId: event.sessionId, profileId: event.profileId }, 'a profile update was dropped: its session has ended');
      }
      if (this.#fates.has(eventId)) this.#fates.set(eventId, result);
      this.#native.published(id);
    }));
  }

  /** @param {string} eventId @returns {Promise<{ status: 'replayed' | 'accepted' }>} */
  async #replay(eventId) {
    const { kind, error } = await settled((slot) => this.#native.replay(slot, eventId, undefined), readOutcome);
    if (kind === 'processed') return { status: 'replayed' };
    if (kind === 'accepted') return { status: 'accepted' };
    throw error ?? new TrunklineError('NOT_FOUND', `no stored update has the id ${eventId}`);
  }

  /** @param {string} eventId @param {boolean} success @param {number} durationMs @param {number} attempts @param {TrunklineError} [error] */
  #logEnd(eventId, success, durationMs, attempts, error) {
    if (success) return;
    const fields = { eventId, durationMs: Math.round(durationMs), attempts, code: error?.code, status: error?.status, hint: error?.hint };
    this.#logger.error(fields, `a profile update could not be forwarded: ${error?.summary}`);
  }

  /** One plain (req, res, next) with both routes and GET /health. */
  router() {
    const { inbound, messaging } = this.#settings;
    /** @param {import('node:http').IncomingMessage} req @param {Buffer} body */
    const genesysDoorman = (req, body) => {
      if (messaging?.verify(body, req.headers).valid) return undefined;
      const isFromGenesys = req.headers[SOURCE.name.toLowerCase()] === SOURCE.value;
      return inbound.doorman(req, body) ?? (isFromGenesys ? undefined : { status: 403, body: { error: `${SOURCE.name}: expected ${SOURCE.value}` } });
    };
    return createRouter({
      'POST /webhook/sync': jsonRoute({ doorman: inbound.doorman, logger: this.#logger },
        (body) => this.sync(/** @type {any} */ (body)).then((result) => ({ status: 200, body: result }), syncFailure)),
      [`POST ${INBOUND_PATH}`]: jsonRoute({
        doorman: genesysDoorman,
        logger: this.#logger,
        malformed: 'Invalid webhook payload structure',
      }, (body) => this.receive(body).then((result) => ({ status: 200, body: result }), receiveFailure)),
    });
  }

  /** Counters since the start; still there after close(). */
  stats() {
    return this.#lastStats ?? { ...this.#native.stats(), ...this.#counters };
  }

  /**
   * Takes nothing more, finishes what is under way within ten seconds, leaves the rest on disk for the next start.
   * @returns {Promise<void>}
   */
  close() {
    this.#closing ??= Promise.resolve().then(async () => {
      const stopped = settled((slot) => this.#native.close(slot, CLOSE_GRACE_MS), valueOf);
      await Promise.all([stopped, this.#genesys.close({ graceMs: CLOSE_GRACE_MS }), this.#cognigy.close({ graceMs: CLOSE_GRACE_MS })]);
      await this.deadLetters.close();
      this.#lastStats = { ...this.#native.stats(), ...this.#counters };
    });
    return this.#closing;
  }
}

const closedError = () => new TrunklineError('CLOSED', 'the service is closed');

/** @param {any} session */
function readCustomerId(session) {
  const { externalCustomerId: id, customerEmail } = Object(session);
  const text = typeof id === 'number' ? String(id) : id;
  if (text === undefined || text === null || text === '') throw new TrunklineError('MALFORMED_PAYLOAD', 'externalCustomerId is required');
  if (typeof text !== 'string' || text.length > MAX_ID_LENGTH) {
    throw new TrunklineError('MALFORMED_PAYLOAD', `Invalid fields: externalCustomerId (expected a text of at most ${MAX_ID_LENGTH} characters)`);
  }
  if (customerEmail !== undefined && customerEmail !== null && typeof customerEmail !== 'string') {
    throw new TrunklineError('MALFORMED_PAYLOAD', 'Invalid fields: customerEmail (expected a text)');
  }
  return text;
}

/** A user's function has thrown something of its own. @param {Error} error */
function asTrunklineError(error) {
  if (error instanceof TrunklineError) return error;
  return new TrunklineError('BAD_REQUEST', `the update could not be made into a request: ${String(error.message).slice(0, 300)}`, { cause: error });
}

/** @param {import('../..').ProfileSyncOptions} [options] */
const profileSync = (options) => new ProfileSync(options);

module.exports = { profileSync };
