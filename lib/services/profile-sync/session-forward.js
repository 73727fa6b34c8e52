// From Genesys to Cognigy: a profile's change becomes a call to the session. The core stores each before its sender is answered, tries it again and keeps
// what fails; what of it is news for the session is decided when its turn comes.
'use strict';

const { uuidV5 } = require('../../uuid.js');
const { TrunklineError } = require('../../errors.js');
const { canonical, isLater } = require('./ledger.js');

/**
 * @typedef {import('./options.js').Settings} Settings
 * @typedef {import('../../platforms/genesys-profiles.js').ProfileEvent} ProfileEvent
 * @typedef {ProfileEvent & { customer: string, sessionId: string, receivedAt: number }} StoredEvent `receivedAt`: ms since 1970
 * @typedef {'forwarded' | 'echo' | 'later' | 'gone'} Fate `later`: a later event of the customer brings what this one would have; `gone`: the session has ended
 */

const KEYS = 'b0a4c1a5-3a0f-5bb2-a2b5-0d1a4f6c9e21';

/** One event's turn with its customer. */
class SessionForward {
  #event;
  #idempotencyKey;
  #settings;
  #ledgers;
  #client;
  #lines;
  #counters;
  /** @type {import('./ledger.js').Time} */ #time;
  /** @type {(result: Fate | Error) => void} */ #done;

  /**
   * @param {StoredEvent} event
   * @param {string} idempotencyKey that it was stored with
   * @param {{ settings: Settings, ledgers: import('./ledgers.js').Ledgers, client: import('../../..').HttpClient,
   *   lines: import('./customer-lines.js').CustomerLines<any>, counters: Record<string, number> }} o
   * @param {(result: Fate | Error) => void} done
   */
  constructor(event, idempotencyKey, { settings, ledgers, client, lines, counters }, done) {
    this.#event = event;
    this.#time = event.timestamp === undefined ? { at: event.receivedAt, clock: 'own' } : { at: Date.parse(event.timestamp), clock: 'genesys' };
    // Genesys may deliver an event twice: its own facts make the key, where they name a time.
    const { profileId, timestamp, attributes } = event;
    this.#idempotencyKey = timestamp === undefined ? idempotencyKey : uuidV5(KEYS, canonical([profileId, timestamp, attributes]));
    this.#settings = settings;
    this.#ledgers = ledgers;
    this.#client = client;
    this.#lines = lines;
    this.#counters = counters;
    this.#done = done;
  }

  async run() {
    try {
      this.#done(await this.#forward());
    } catch (error) {
      this.#done(/** @type {Error} */ (error));
    }
  }

  /**
   * Will this, which came later, bring a value of that attribute to that session which is no older than what was set at `time`?
   * @param {string} name @param {import('./ledger.js').Time} time @param {string} session
   */
  supersedes(name, time, session) {
    return session === this.#event.sessionId && Object.hasOwn(this.#event.attributes, name) && !isLater(time, this.#time);
  }

  /** @returns {Promise<Fate>} */
  async #forward() {
    const { customer, sessionId, profileId, externalId } = this.#event;
    const ledger = await this.#ledgers.read(customer);
    const { attributes, fate } = this.#judge(ledger);
    if (fate !== undefined) {
      this.#counters[fate === 'echo' ? 'suppressed' : 'coalesced'] += 1;
      if (fate === 'echo') this.#ledgers.keep(customer, ledger);
      return fate;
    }
    const forward = await this.#settings.mapToSession({ sessionId, userId: externalId ?? profileId, profileId, externalId, attributes });
    const isSent = await this.#send(forward);
    ledger.tell({ attributes, time: this.#time, session: sessionId });
    this.#ledgers.keep(customer, ledger);
    return isSent ? 'forwarded' : 'gone';
  }

  /**
   * @param {import('./ledger.js').SyncLedger} ledger which hears of echoes
   * @returns {{ attributes: Record<string, unknown>, fate?: Fate }} what is news for the session; a fate: nothing is
   */
  #judge(ledger) {
    const { attributes, sessionId } = this.#event;
    const of = { time: this.#time, session: sessionId };
    const later = this.#lines.of(this.#event.customer).slice(1);
    /** @type {Record<string, Array<[string, unknown]>>} */
    const judged = { news: [], known: [], echo: [], stale: [], later: [] };
    for (const [name, value] of Object.entries(attributes)) {
      const verdict = ledger.judgeProfile(name, value, of);
      if (verdict === 'echo') ledger.hear(name, value, this.#time);
      const isSuperseded = verdict !== 'echo' && later.some((work) => work.supersedes(name, this.#time, sessionId));
      judged[isSuperseded ? 'later' : verdict].push([name, value]);
    }
    // An event that our own write has caused tells nothing new. Another one is forwarded whole: it may well be sent once more on purpose.
    const isOurs = judged.echo.length > 0;
    const forwarded = isOurs ? judged.news : [...judged.news, ...judged.known];
    const isNothing = forwarded.every(([name]) => this.#settings.volatileAttributes.includes(name)) && (isOurs || judged.later.length > 0);
    if (!isNothing && forwarded.length > 0) return { attributes: Object.fromEntries(forwarded) };
    return { attributes: {}, fate: judged.later.length > 0 ? 'later' : 'echo' };
  }

  /** @param {import('../../platforms/cognigy-sessions.js').Forward} forward @returns {Promise<boolean>} false: the session has ended */
  async #send(forward) {
    const { session, place } = this.#settings;
    const { method } = session;
    this.#counters.forwards += 1;
    try {
      const { path, json } = session.request(forward, /** @type {URL} */ (place));
      await this.#client.request({ method, path, json, idempotencyKey: this.#idempotencyKey, retry: false });
      return true;
    } catch (error) {
      if (error instanceof TrunklineError && error.status !== undefined && session.goneStatuses.includes(error.status)) return false;
      throw error;
    }
  }
}

module.exports = { SessionForward };
