// The ledgers of all customers, in the data directory.
'use strict';

const { settled, valueOf } = require('../../settlements.js');
const { SyncLedger } = require('./ledger.js');

class Ledgers {
  #native;
  #lifetimeMs;
  #logger;

  /** @param {any} native the event service, whose notes they are @param {{ lifetimeMs: number, logger: import('../../log.js').Logger }} o */
  constructor(native, { lifetimeMs, logger }) {
    this.#native = native;
    this.#lifetimeMs = lifetimeMs;
    this.#logger = logger;
  }

  /** As it was last written or kept. @param {string} customer */
  async read(customer) {
    const text = await settled((slot) => this.#native.findNote(slot, `ledger ${customer}`), valueOf);
    return new SyncLedger(text, { nowMs: Date.now(), lifetimeMs: this.#lifetimeMs });
  }

  /** Resolves when it is on disk. @param {string} customer @param {SyncLedger} ledger @returns {Promise<void>} */
  write(customer, ledger) {
    return settled((slot) => this.#native.putNote(slot, `ledger ${customer}`, ledger.toString(), this.#lifetimeMs), valueOf);
  }

  /** The same, for what has happened already: nothing fails for it. @param {string} customer @param {SyncLedger} ledger */
  keep(customer, ledger) {
    this.write(customer, ledger).catch((error) => {
      if (error.code !== 'CLOSED') this.#logger.warn({ code: error.code, hint: error.hint }, `a ledger could not be kept: ${error.summary}`);
    });
  }

  /** Whose profile that is. @param {string} profileId @param {string} customer */
  nameProfile(profileId, customer) {
    settled((slot) => this.#native.putNote(slot, `profile ${profileId}`, customer, this.#lifetimeMs), valueOf).catch(() => {});
  }

  /** @param {string} profileId @returns {Promise<string | undefined>} the customer that we know to have that profile */
  customerOf(profileId) {
    return settled((slot) => this.#native.findNote(slot, `profile ${profileId}`), valueOf);
  }
}

module.exports = { Ledgers };
