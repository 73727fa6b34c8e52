// The ledger of a customer: which values of his attributes came from which side, so that a value is not sent back to where it came from, and an
// older one does not overwrite a newer one. Kept as a note in the data directory, so that a restart and other processes find it.
'use strict';

const { createHash } = require('node:crypto');

/**
 * @typedef {'genesys' | 'cognigy'} Side
 *
 * When a value was set. Genesys' clock and ours may differ: which of two came first is said only of times by the same one.
 * @typedef {object} Time
 * @property {number} at ms since 1970
 * @property {'genesys' | 'own'} clock
 *
 * @typedef {object} Entry a value that an attribute had
 * @property {string} hash
 * @property {Side} from
 * @property {Time | undefined} time undefined: a write of ours of which Genesys has not said when, and perhaps has not taken
 * @property {string} session which session knows it
 * @property {number} until ms since 1970: then it is forgotten
 *
 * @typedef {object} Change
 * @property {Record<string, unknown>} attributes
 * @property {string} session
 */

const HASH_LENGTH = 16; // 96 bits
/** Values of one attribute that are kept. An echo that comes after more writes than that is told by its time. */
const MAX_ENTRIES = 3;

/** Objects that differ in the order of their keys only have one text. @param {unknown} value @returns {string} */
function canonical(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  return JSON.stringify(value, (_name, one) => (one !== null && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one));
}

/** Values may be private, and long. @param {unknown} value */
const hashOf = (value) => createHash('sha1').update(canonical(value)).digest('base64url').slice(0, HASH_LENGTH);

/** @param {Entry} entry */
const writeEntry = ({ hash, from, time, session, until }) => [hash, from === 'genesys' ? 1 : 0, time?.at ?? null, time?.clock === 'genesys' ? 1 : 0, session, until];

/** @param {any} written @returns {Entry} */
const readEntry = ([hash, from, at, clock, session, until]) => (
  { hash, from: from === 1 ? 'genesys' : 'cognigy', time: at === null ? undefined : { at, clock: clock === 1 ? 'genesys' : 'own' }, session, until });

/** @param {Time | undefined} one @param {Time} other */
const isLater = (one, other) => one !== undefined && one.clock === other.clock && one.at > other.at;

class SyncLedger {
  /** Of each attribute, oldest first. @type {Map<string, Entry[]>} */
  #entries;
  /** Of each attribute the value that was last asked for: it is asked for several times. @type {Map<string, { value: unknown, hash: string }>} */
  #hashes = new Map();
  #nowMs;
  #lifetimeMs;
  /** The customer's profile, once Genesys has told it. @type {string | undefined} */
  profileId;

  /**
   * @param {string | undefined} text of toString()
   * @param {{ nowMs: number, lifetimeMs: number }} time
   */
  constructor(text, { nowMs, lifetimeMs }) {
    this.#nowMs = nowMs;
    this.#lifetimeMs = lifetimeMs;
    this.#entries = new Map();
    if (text === undefined) return;
    const [profileId, attributes] = JSON.parse(text);
    this.profileId = profileId ?? undefined;
    for (const [name, ...list] of attributes) {
      const alive = list.map(readEntry).filter((/** @type {Entry} */ { until }) => until > nowMs);
      if (alive.length > 0) this.#entries.set(name, alive);
    }
  }

  /** Written with every change of a customer, twice: JSON without names. */
  toString() {
    const attributes = [];
    for (const [name, list] of this.#entries) attributes.push([name, ...list.map(writeEntry)]);
    return JSON.stringify([this.profileId, attributes]);
  }

  /** @param {string} name @param {unknown} value */
  #hash(name, value) {
    const last = this.#hashes.get(name);
    if (last !== undefined && last.value === value) return last.hash;
    const hash = hashOf(value);
    this.#hashes.set(name, { value, hash });
    return hash;
  }

  /** @param {string} name */
  #of(name) {
    return this.#entries.get(name) ?? [];
  }

  /**
   * A value that a session sends. `echo`: Genesys told it the session itself; `stale`: Genesys has told it a newer one; `repeated`: we have written it.
   * @param {string} name @param {unknown} value @param {number | undefined} at ms since 1970, where the session says
   * @returns {'news' | 'repeated' | 'echo' | 'stale'}
   */
  judgeSession(name, value, at) {
    const newest = this.#of(name).at(-1);
    const isSame = newest !== undefined && newest.hash === this.#hash(name, value);
    if (newest?.from !== 'genesys') return isSame ? 'repeated' : 'news';
    if (isSame) return 'echo';
    return at !== undefined && newest.time !== undefined && newest.time.at > at ? 'stale' : 'news';
  }

  /** These are about to be written to Genesys. @param {Change} change */
  write(change) {
    this.#add('cognigy', change, undefined);
  }

  /** Genesys has taken that write, and says when. @param {string[]} names @param {number} at ms since 1970 */
  settle(names, at) {
    for (const name of names) {
      const newest = this.#of(name).at(-1);
      if (newest?.from === 'cognigy') newest.time = { at, clock: 'genesys' };
    }
  }

  /**
   * A value that Genesys tells, changed or not. `echo`: a write of ours that comes back; `known`: the session has been told it; `stale`: there is a
   * newer one.
   * @param {string} name @param {unknown} value @param {{ time: Time, session: string }} of
   * @returns {'news' | 'known' | 'echo' | 'stale'}
   */
  judgeProfile(name, value, { time, session }) {
    const entries = this.#of(name);
    const hash = this.#hash(name, value);
    if (indexOfEcho(entries, hash, time) >= 0) return 'echo';
    const newest = entries.at(-1);
    if (newest?.hash === hash) return newest.session === session ? 'known' : 'news';
    return entries.some((entry) => isLater(entry.time, time)) ? 'stale' : 'news';
  }

  /** An echo says that the writes before it have come back too, or never will. @param {string} name @param {unknown} value @param {Time} time */
  hear(name, value, time) {
    const entries = this.#of(name);
    this.#entries.set(name, entries.slice(Math.max(0, indexOfEcho(entries, this.#hash(name, value), time))));
  }

  /** The session has been told these. @param {Change & { time: Time }} change */
  tell(change) {
    this.#add('genesys', change, change.time);
  }

  /** @param {Side} from @param {Change} change @param {Time | undefined} time */
  #add(from, { attributes, session }, time) {
    for (const [name, value] of Object.entries(attributes)) {
      const entry = { hash: this.#hash(name, value), from, time, session, until: this.#nowMs + this.#lifetimeMs };
      const entries = this.#of(name);
      const newest = entries.at(-1);
      // The same value once more, from the same side: what is known of it is renewed.
      const kept = newest?.from === from && newest.hash === entry.hash ? entries.slice(0, -1) : entries.slice(1 - MAX_ENTRIES);
      this.#entries.set(name, [...kept, entry]);
    }
  }
}

/**
 * Which write of ours comes back. None when Genesys has said something else since, or when it was set after a later write of ours: then somebody has set
 * the old value again.
 * @param {Entry[]} entries
 * @param {string} hash
 * @param {Time} time
 * @returns {number} below 0: none
 */
function indexOfEcho(entries, hash, time) {
  const ours = entries.findLastIndex((entry) => entry.from === 'cognigy' && entry.hash === hash);
  const isOver = entries.slice(ours + 1).some((later) => later.from === 'genesys' || (later.time !== undefined && isLater(time, later.time)));
  return isOver ? -1 : ours;
}

module.exports = { SyncLedger, canonical, isLater };
