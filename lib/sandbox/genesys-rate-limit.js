// Simulated Genesys Cloud: how many requests a minute a token may make, with the headers and the code of its refusal.
'use strict';

const { BoundedMap } = require('./bounded-map.js');
const { Refusal } = require('./answer.js');

const WINDOW_MS = 60_000;
const MAX_TOKENS = 10_000;

class RateLimit {
  /** @type {BoundedMap<{ count: number, endsAtMs: number }>} by token */
  #windows = new BoundedMap({ maxEntries: MAX_TOKENS, ttlMs: WINDOW_MS });
  #settings;

  /** @param {{ requestsPerMinute: number }} settings Infinity: no limit */
  constructor(settings) {
    this.#settings = settings;
  }

  /** @param {import('./platforms.js').PlatformRequest} request */
  take({ headers }) {
    const { requestsPerMinute: allowed } = this.#settings;
    if (allowed === Infinity) return;
    const token = headers.authorization ?? '';
    let window = this.#windows.get(token);
    if (window === undefined) {
      window = { count: 0, endsAtMs: Date.now() + WINDOW_MS };
      this.#windows.set(token, window);
    }
    window.count += 1;
    if (window.count <= allowed) return;
    const reset = String(Math.max(1, Math.ceil((window.endsAtMs - Date.now()) / 1000)));
    throw new Refusal(429, `Rate limit exceeded the maximum. Retry the request in [${reset}] seconds`, {
      'retry-after': reset, 'inin-ratelimit-count': String(window.count), 'inin-ratelimit-allowed': String(allowed), 'inin-ratelimit-reset': reset,
    });
  }

  reset() {
    this.#windows.clear();
  }
}

module.exports = { RateLimit };
