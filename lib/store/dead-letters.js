// Dead letters: listed, shown, replayed, exported and purged, by whoever has the data directory; replayed by a service that has it too.
'use strict';

const { TrunklineError } = require('../errors.js');
const { Options } = require('../options.js');
const { EventStore } = require('./event-store.js');

/** @typedef {import('../..').DeadLetter} DeadLetter */
/** @typedef {import('../..').DeadLetterFilter} DeadLetterFilter */
/** @typedef {import('./event-store.js').Filter} Filter */
/** @typedef {DeadLetter & { id: number, seq: number }} Row */
/** @typedef {(eventId: string) => Promise<{ status: 'replayed' | 'accepted' }>} Replay runs an event again; rejects with why it failed */

const PAGE = 200;
const STEPS = ['publish', 'request', 'consume'];
const UNITS_MS = /** @type {const} */ ({ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 });

/**
 * @param {string} text ISO 8601, or how long ago: 90s, 15m, 2h, 7d
 * @returns {number | undefined} ms since 1970
 */
function parseSince(text) {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago) return Date.now() - Number(ago[1]) * UNITS_MS[/** @type {keyof typeof UNITS_MS} */ (ago[2])];
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

/**
 * @param {DeadLetterFilter} [given]
 * @returns {Filter}
 */
function readFilter(given) {
  const options = new Options(given, {});
  const since = options.raw('since');
  const sinceMs = since instanceof Date ? since.getTime() : typeof since === 'string' ? parseSince(since) : undefined;
  if (since !== undefined && !Number.isInteger(sinceMs)) options.wrong('since', 'a Date, ISO 8601, or how long ago, such as 2h', since);
  const step = options.text('step');
  if (step !== undefined && !STEPS.includes(step)) options.wrong('step', STEPS.join(', '), step);
  const filter = { eventId: options.text('eventId'), sinceMs, step, code: options.text('code'), intent: options.text('intent') };
  options.finish();
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** @param {Row} row @param {DeadLetter['service']} service @returns {DeadLetter} */
function shown({ eventId, step, code, status, error, attempts, tries, failedAt }, service) {
  return { eventId, service, step, code, status, error, attempts, tries, failedAt };
}

/** @param {Buffer | undefined} payload */
function readable(payload) {
  const text = payload?.toString() ?? '';
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

class DeadLetters {
  #store;
  #service;
  #ready;
  #replay;

  /**
   * @param {string} dataDir
   * @param {object} [o]
   * @param {DeadLetter['service']} [o.service] whose they are
   * @param {() => Promise<unknown>} [o.ready] before anything is looked at
   * @param {Replay} [o.replay]
   */
  constructor(dataDir, { service = 'events', ready = async () => {}, replay } = {}) {
    this.#store = new EventStore(dataDir, 'onlooker', service);
    this.#service = service;
    this.#ready = ready;
    this.#replay = replay;
  }

  /**
   * One after the other, in the order of failing; those that fail meanwhile come at the end.
   * @param {DeadLetterFilter} [given]
   * @returns {AsyncGenerator<Row>}
   */
  async* #rows(given) {
    const filter = readFilter(given);
    await this.#ready();
    for (let afterId = 0; ;) {
      const rows = await this.#store.deadLetters(filter, { afterId, limit: PAGE });
      yield* rows;
      if (rows.length < PAGE) return;
      afterId = rows[rows.length - 1].id;
    }
  }

  /** Oldest first. @param {DeadLetterFilter} [filter] @returns {Promise<DeadLetter[]>} */
  async list(filter) {
    const letters = [];
    for await (const row of this.#rows(filter)) letters.push(shown(row, this.#service));
    return letters;
  }

  /**
   * With the payload: the event as it came, or its text where that is not JSON.
   * @param {string} eventId
   * @returns {Promise<DeadLetter & { payload: unknown }>}
   * @throws {TrunklineError} NOT_FOUND
   */
  async show(eventId) {
    for await (const row of this.#rows({ eventId })) return { ...shown(row, this.#service), payload: readable(await this.#store.payloadOf(eventId)) };
    throw new TrunklineError('NOT_FOUND', `no dead letter has the event id ${eventId}`, { hint: 'Dead letters are kept for 30 days.' });
  }

  /**
   * The events with the time of their failing, as the seed's file has them.
   * @param {DeadLetterFilter} [filter]
   * @returns {Promise<object[]>}
   */
  async export(filter) {
    const events = [];
    for await (const row of this.#rows(filter)) {
      const payload = readable(await this.#store.payloadOf(row.eventId));
      events.push({ ...(payload !== null && typeof payload === 'object' ? payload : { payload }), failedAt: row.failedAt });
    }
    return events;
  }

  /**
   * Runs those that fit again, one after the other: no faster than the service calls.
   * @param {DeadLetterFilter} [filter]
   * @param {{ dryRun?: boolean, onEach?: (result: import('../..').ReplayResult) => void }} [o] a dry run counts, and does nothing
   * @returns {Promise<import('../..').ReplaySummary>}
   */
  async replay(filter, { dryRun = false, onEach = () => {} } = {}) {
    if (!this.#replay) throw new TrunklineError('CONFIG_INVALID', 'these dead letters have no service that could replay them');
    const summary = { matched: 0, replayed: 0, accepted: 0, failed: 0 };
    // What fails again gets a new place at the end of the list, and is not run a third time.
    const seen = new Set();
    for await (const row of this.#rows(filter)) {
      const key = `${row.seq} ${row.step}`;
      if (seen.has(key)) continue;
      seen.add(key);
      summary.matched += 1;
      if (dryRun) continue;
      const result = await this.#replayOne(row);
      summary[result.status] += 1;
      onEach(result);
    }
    return summary;
  }

  /** @param {Row} row @returns {Promise<import('../..').ReplayResult>} */
  async #replayOne({ eventId, step, seq }) {
    try {
      if (step === 'consume') {
        await this.#store.requeue(seq);
        return { eventId, status: 'replayed' };
      }
      const { status } = await /** @type {Replay} */ (this.#replay)(eventId);
      return { eventId, status };
    } catch (error) {
      return { eventId, status: 'failed', error: /** @type {import('../..').TrunklineError} */ (error) };
    }
  }

  /** Deletes those that fit, their events with them. @param {DeadLetterFilter} [given] @returns {Promise<number>} how many */
  async purge(given) {
    const filter = readFilter(given);
    await this.#ready();
    for (let total = 0; ;) {
      const purged = await this.#store.purge(filter, PAGE);
      total += purged;
      if (purged < PAGE) return total;
    }
  }

  close() {
    return this.#store.close();
  }
}

module.exports = { DeadLetters, parseSince, STEPS };
