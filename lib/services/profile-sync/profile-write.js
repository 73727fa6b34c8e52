// From Cognigy to Genesys: a session's change becomes a write of the customer's profile. What comes for a customer while one is on its way is put together,
// the newest value of each attribute.
'use strict';

const { randomUUID } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const { TrunklineError } = require('../../errors.js');

/**
 * @typedef {import('./options.js').Settings} Settings
 * @typedef {{ attributes: Record<string, unknown>, identities: any[], at: number | undefined, session: string }} SessionChange `at`: ms since 1970, where
 *   the session says it
 */

/** One write, and who waits for it. */
class ProfileWrite {
  #settings;
  #ledgers;
  #client;
  #counters;
  #externalId;
  /** Newest of each attribute. @type {Map<string, { value: unknown, at: number | undefined }>} */
  #attributes = new Map();
  /** Whose identities and session it takes. @type {SessionChange | undefined} */ #newest;
  /** @type {Array<{ resolve: (profileId: string | undefined) => void, reject: (error: unknown) => void }>} */
  #waiting = [];
  /** Nothing more is put into it. */
  begun = false;

  /**
   * @param {string} externalId
   * @param {{ settings: Settings, ledgers: import('./ledgers.js').Ledgers, client: import('../../..').HttpClient, counters: Record<string, number> }} o
   */
  constructor(externalId, { settings, ledgers, client, counters }) {
    this.#externalId = externalId;
    this.#settings = settings;
    this.#ledgers = ledgers;
    this.#client = client;
    this.#counters = counters;
  }

  /** @param {SessionChange} change @returns {Promise<string | undefined>} the profile's id */
  add(change) {
    const { attributes, at } = change;
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && !isOlder(at, this.#attributes.get(name)?.at)) this.#attributes.set(name, { value, at });
    }
    if (!isOlder(at, this.#newest?.at)) this.#newest = change;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * Will this set the attribute to something that is no older than what Genesys tells to have been set at `time`?
   * @param {string} name
   * @param {import('./ledger.js').Time} time
   */
  supersedes(name, time) {
    const own = this.#attributes.get(name);
    return own !== undefined && (own.at === undefined || own.at >= time.at);
  }

  async run() {
    if (this.#settings.coalesceMs > 0) await sleep(this.#settings.coalesceMs);
    this.begun = true;
    try {
      const profileId = await this.#write();
      this.#waiting.forEach(({ resolve }) => resolve(profileId));
    } catch (error) {
      this.#waiting.forEach(({ reject }) => reject(error));
    }
  }

  /** @returns {Promise<string | undefined>} */
  async #write() {
    const { identities, session } = /** @type {SessionChange} */ (this.#newest);
    const ledger = await this.#ledgers.read(this.#externalId);
    const attributes = this.#judge(ledger);
    if (attributes === undefined) return ledger.profileId;
    ledger.write({ attributes, session });
    // On disk before Genesys can tell of it: its webhook may be faster than its answer.
    await this.#ledgers.write(this.#externalId, ledger);

    const { profile } = this.#settings;
    const { path, method, json } = profile.request({ externalId: this.#externalId, attributes, identities });
    this.#counters.calls += 1;
    const response = await this.#client.request({ method, path, json, idempotent: true, ...(profile.keyed ? { idempotencyKey: randomUUID() } : {}) });
    const { profileId, updatedAt } = profile.profileOf(answerOf(response));
    if (updatedAt !== undefined) ledger.settle(Object.keys(attributes), Date.parse(updatedAt));
    if (profileId !== undefined && profileId !== ledger.profileId) {
      ledger.profileId = profileId;
      this.#ledgers.nameProfile(profileId, this.#externalId);
    }
    this.#ledgers.keep(this.#externalId, ledger);
    return profileId;
  }

  /**
   * @param {import('./ledger.js').SyncLedger} ledger
   * @returns {Record<string, unknown> | undefined} undefined: there is nothing to write, Genesys has it all
   */
  #judge(ledger) {
    const written = [];
    let hasNews = false;
    let isLess = false;
    for (const [name, { value, at }] of this.#attributes) {
      const verdict = ledger.judgeSession(name, value, at);
      if (verdict === 'news' || verdict === 'repeated') written.push([name, value]);
      else isLess = true;
      hasNews ||= verdict === 'news' && !this.#settings.volatileAttributes.includes(name);
    }
    if (isLess && !hasNews) {
      this.#counters.suppressed += 1;
      return undefined;
    }
    return Object.fromEntries(written);
  }
}

/** @param {number | undefined} at ms since 1970 @param {number | undefined} than */
const isOlder = (at, than) => at !== undefined && than !== undefined && at < than;

/** @param {import('../../..').HttpResponse} response @returns {any} the profile has been written, whatever the answer looks like */
function answerOf(response) {
  try {
    return response.json();
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} given
 * @returns {number | undefined} ms since 1970
 */
function readTime(given) {
  if (given === undefined || given === null) return undefined;
  const at = typeof given === 'number' ? given : typeof given === 'string' ? Date.parse(given) : NaN;
  if (!Number.isFinite(at)) throw new TrunklineError('MALFORMED_PAYLOAD', 'Invalid fields: timestamp (expected ISO 8601, or ms since 1970)');
  return at;
}

module.exports = { ProfileWrite, readTime };
