// Enrichment in AWS Lambda: an event of Genesys Cloud comes in, the customer is looked up in the CRM, and what it says is written to the interaction.
'use strict';

const crm = require('../platforms/crm.js');
const genesys = require('../platforms/genesys.js');
const { readEvent, eventIdOf } = require('../platforms/genesys-events.js');
const { readPath } = require('../platforms/path.js');
const { TrunklineError } = require('../errors.js');
const { HttpClient } = require('../http-client.js');
const { IdempotencyRing } = require('../idempotency-ring.js');
const { readEnrichmentOptions } = require('./enrichment-options.js');
const { isBatch, settleBatch } = require('./sqs-batch.js');
const { TimeLeft } = require('./time-left.js');

/** @typedef {import('../platforms/genesys-events.js').Facts} Facts */
/** @typedef {{ message: string, interactionId: string, skipped?: true, duplicate?: true, fallback?: true }} Told the body of a 200 */

const ENRICHED = 'Interaction context enriched successfully';
const GONE = 'The interaction is gone';
const GONE_HINT = 'If all of them are, the platform does not have the path of the target: the one that Genesys Cloud documents is participantAttributes.';
/** Of the time left. The rest is for the write, so that a slow CRM does not leave it none. */
const CRM_SHARE = 2 / 3;
const PARTICIPANT_SHARE = 1 / 2;
const CONVERSATION_PATH = readPath(genesys.conversationPath);

class Enrichment {
  #settings;
  #logger;
  #crm;
  #genesys;
  #seen;
  /** Events under way, by id. @type {Map<string, Promise<Told>>} */ #running = new Map();
  /** @type {Set<Promise<unknown>>} */ #invocations = new Set();
  /** @type {Promise<void> | undefined} */ #closing;

  /** @param {import('../..').EnrichmentOptions} [given] */
  constructor(given) {
    const { settings, crmClient, genesysClient, idempotency, logger } = readEnrichmentOptions(given);
    this.#settings = settings;
    this.#logger = logger;
    this.#crm = new HttpClient(crmClient);
    this.#genesys = new HttpClient(genesysClient);
    this.#seen = new IdempotencyRing(idempotency);
  }

  /**
   * @param {any} event
   * @param {any} [context]
   */
  async handle(event, context) {
    if (this.#closing) throw new TrunklineError('CLOSED', 'the handler is closed');
    const timeLeft = new TimeLeft(context, this.#settings.deadlineMarginMs);
    const answer = isBatch(event)
      ? settleBatch(event.Records, this.#settings.batchConcurrency, (message) => this.#settle(message, timeLeft))
      : this.#answer(event, timeLeft);
    this.#invocations.add(answer);
    try {
      return await answer;
    } finally {
      this.#invocations.delete(answer);
    }
  }

  /**
   * @param {any} event
   * @param {TimeLeft} timeLeft
   */
  async #answer(event, timeLeft) {
    try {
      return { statusCode: 200, body: JSON.stringify(await this.#process(() => event, timeLeft)) };
    } catch (error) {
      if (this.#settings[isTransient(error) ? 'onTransientFailure' : 'onPermanentFailure'] === 'throw') throw error;
      return { statusCode: 500, body: JSON.stringify({ error: 'Enrichment failed', details: textOf(error) }) };
    }
  }

  /**
   * @param {import('./sqs-batch.js').Message} message
   * @param {TimeLeft} timeLeft
   * @returns {Promise<boolean>} false: SQS has to deliver it again
   */
  async #settle(message, timeLeft) {
    try {
      await this.#process(() => parse(message.body), timeLeft);
      return true;
    } catch (error) {
      return !isTransient(error) && this.#settings.onPermanentFailure === 'respond';
    }
  }

  /**
   * One event, with its line in the log.
   * @param {() => any} read
   * @param {TimeLeft} timeLeft
   * @returns {Promise<Told>}
   */
  async #process(read, timeLeft) {
    const startedMs = performance.now();
    /** @type {any} */
    let event;
    const facts = () => ({ eventId: eventIdOf(event), durationMs: Math.round(performance.now() - startedMs) });
    try {
      event = read();
      const told = await this.#once(event, timeLeft);
      const { message, ...fields } = told;
      if (message === GONE) this.#logger.warn({ ...facts(), ...fields, hint: GONE_HINT }, message);
      else this.#logger.info({ ...facts(), ...fields }, message);
      return told;
    } catch (error) {
      const { code, status, attempts, platform, hint } = /** @type {TrunklineError} */ (error ?? {});
      this.#logger.error({ ...facts(), code, status, attempts, platform, hint }, `Enrichment failed: ${textOf(error)}`);
      throw error;
    }
  }

  /**
   * EventBridge and SQS deliver an event at least once. In this environment it is worked on once, unless that failed.
   * @param {any} event
   * @param {TimeLeft} timeLeft
   * @returns {Promise<Told>}
   */
  async #once(event, timeLeft) {
    const facts = readEvent(event);
    const { eventId, interactionId } = facts;
    if (eventId === undefined) return this.#enrich(event, facts, timeLeft);
    if (this.#seen.claim(eventId) !== 'claimed') {
      await this.#running.get(eventId); // if that one fails, so does this one: both have to come again
      return { message: 'The event has been seen before', interactionId, duplicate: true };
    }
    const work = this.#enrich(event, facts, timeLeft);
    this.#running.set(eventId, work);
    try {
      const told = await work;
      this.#seen.complete(eventId);
      return told;
    } catch (error) {
      this.#seen.release(eventId);
      throw error;
    } finally {
      this.#running.delete(eventId);
    }
  }

  /**
   * @param {any} event
   * @param {Facts} facts
   * @param {TimeLeft} timeLeft
   * @returns {Promise<Told>}
   */
  async #enrich(event, facts, timeLeft) {
    const { interactionId } = facts;
    const skipped = (/** @type {string} */ message) => ({ message, interactionId, skipped: /** @type {const} */ (true) });
    const customerId = readCustomerId(await this.#settings.customerIdFrom(event));
    const { attributes, ...more } = await this.#attributesOf(customerId, event, timeLeft);
    if (Object.keys(attributes).length === 0) return skipped('There is nothing to write');
    if (facts.attributes && this.#settings.target.isEcho?.(attributes, facts.attributes)) return skipped('The attributes are written already');
    try {
      await this.#write(attributes, { ...facts, customerId }, timeLeft);
    } catch (error) {
      if (isGone(error)) return skipped(GONE);
      throw error;
    }
    return { message: ENRICHED, interactionId, ...more };
  }

  /**
   * @param {string} customerId
   * @param {any} event
   * @param {TimeLeft} timeLeft
   * @returns {Promise<{ attributes: Record<string, unknown>, fallback?: true }>}
   */
  async #attributesOf(customerId, event, timeLeft) {
    const { mapCustomer, fallback } = this.#settings;
    let customer;
    try {
      customer = await this.#lookUp(customerId, timeLeft);
    } catch (error) {
      const attributes = fallback && isTransient(error) ? await fallback(event, error) : undefined;
      if (attributes === undefined || attributes === null) throw error;
      return { attributes: asObject('fallback', attributes), fallback: true };
    }
    return { attributes: asObject('mapCustomer', (await mapCustomer(customer, event)) ?? {}) };
  }

  /**
   * @param {string} customerId
   * @param {TimeLeft} timeLeft
   * @returns {Promise<any>}
   */
  async #lookUp(customerId, timeLeft) {
    const response = await this.#crm.request({
      path: this.#settings.crmPath.fill({ customerId }),
      headers: { Accept: 'application/json' },
      deadlineMs: timeLeft.deadlineMs(CRM_SHARE),
    });
    const { status } = response;
    if (status !== 200) throw new TrunklineError('UNEXPECTED_STATUS', `${crm.name} answered ${status} instead of 200`, { status, platform: crm.name });
    return readJson(response, crm.name);
  }

  /**
   * @param {Record<string, unknown>} attributes
   * @param {Facts & { customerId: string }} ids
   * @param {TimeLeft} timeLeft
   */
  async #write(attributes, ids, timeLeft) {
    const { target, targetPath } = this.#settings;
    const participantId = ids.participantId ?? (targetPath.names.includes('participantId') ? await this.#findParticipant(ids, timeLeft) : undefined);
    await this.#genesys.request({
      method: target.method,
      path: targetPath.fill({ ...ids, participantId }),
      json: target.body ? target.body(attributes) : attributes,
      idempotent: true,
      idempotencyKey: ids.eventId, // the same in every environment and for every delivery
      deadlineMs: timeLeft.deadlineMs(),
    });
  }

  /**
   * @param {Facts} facts of an event that does not name the customer's participant
   * @param {TimeLeft} timeLeft
   * @returns {Promise<string>}
   */
  async #findParticipant({ interactionId }, timeLeft) {
    const response = await this.#genesys.request({
      path: CONVERSATION_PATH.fill({ interactionId }),
      deadlineMs: timeLeft.deadlineMs(PARTICIPANT_SHARE),
    });
    const participantId = genesys.customerParticipant(readJson(response, genesys.name));
    if (participantId === undefined) throw new TrunklineError('NOT_FOUND', 'the conversation has no participant who is a customer', { platform: genesys.name });
    return participantId;
  }

  close() {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain() {
    await Promise.allSettled(this.#invocations);
    await Promise.all([this.#crm.close(), this.#genesys.close()]);
  }
}

/** There is no customer by default: without an id nothing is read, and nothing written. @param {unknown} id */
function readCustomerId(id) {
  if (typeof id === 'string' && id !== '') return id;
  if (Number.isSafeInteger(id)) return String(id);
  throw new TrunklineError('MALFORMED_PAYLOAD', 'The event names no customer');
}

/** @param {import('../http-response.js').HttpResponse} response @param {string} platform @returns {any} an object or an array */
function readJson(response, platform) {
  /** @type {unknown} */
  let cause;
  try {
    const value = response.json();
    if (value !== null && typeof value === 'object') return value;
  } catch (error) {
    cause = error;
  }
  throw new TrunklineError('MALFORMED_RESPONSE', `${platform} answered with no JSON object`, { status: response.status, platform, cause });
}

/** @param {string} name @param {unknown} value @returns {Record<string, unknown>} */
function asObject(name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${name}: expected an object of attributes`);
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {string} text @returns {unknown} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new TrunklineError('MALFORMED_PAYLOAD', 'The message is not JSON');
  }
}

/**
 * May the same event succeed later? What is no TrunklineError is a mistake in a function of the user's, who will mend it.
 * @param {any} error
 */
const isTransient = (error) => !(error instanceof TrunklineError) || error.retryable || error.code === 'CLOSED';

/** The platform itself says so; a token server's 404 has no response. @param {any} error */
const isGone = (error) => error?.response?.status === 404 || error?.response?.status === 410;

/** @param {any} error @returns {string} */
const textOf = (error) => error?.summary ?? String(error?.message ?? error);

/** @param {import('../..').EnrichmentOptions} [options] */
function enrichmentHandler(options) {
  const enrichment = new Enrichment(options);
  /** @type {(event: any, context?: any) => Promise<any>} */
  const handler = (event, context) => enrichment.handle(event, context);
  return Object.assign(handler, { close: () => enrichment.close() });
}

module.exports = { enrichmentHandler };
