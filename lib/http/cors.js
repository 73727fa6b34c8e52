// Browsers of other origins (CORS, as the Fetch standard has it), by the package cors. Off unless an origin is given.
'use strict';

const PREFLIGHT_SECONDS = 600;

/** @param {string} text */
function isOrigin(text) {
  try {
    return text === '*' || (/^https?:/.test(text) && new URL(text).origin === text);
  } catch {
    return false;
  }
}

/**
 * @param {import('../options.js').Options} options whose `corsOrigin` is read, or CORS_ORIGIN, comma-separated
 * @param {string[]} methods
 * @returns {import('./router.js').Middleware | undefined} what answers preflights and lets everything else through
 */
function readCors(options, methods) {
  const given = options.raw('corsOrigin') ?? options.env.CORS_ORIGIN;
  if (given === undefined || given === '') return undefined;
  const origins = (Array.isArray(given) ? given : String(given).split(',')).map((one) => String(one).trim());
  if (!origins.every(isOrigin)) {
    options.wrong('corsOrigin (CORS_ORIGIN)', 'origins such as https://example.com, without a path, or *', given);
    return undefined;
  }
  const cors = require('cors');
  return cors({ origin: origins.includes('*') ? '*' : origins, methods, exposedHeaders: ['Retry-After'], maxAge: PREFLIGHT_SECONDS });
}

module.exports = { readCors };
