// How a platform is reached: its options as the core takes them, the same for HttpClient and for the services that have the core call.
'use strict';

const { readProxy } = require('./proxy.js');
const { readTls } = require('./trust.js');

/**
 * @param {import('./options.js').Options} options
 * @param {object} target
 * @param {string} target.baseUrl
 * @param {string} [target.tokenUrl] where its tokens come from
 * @param {import('./log.js').Logger} target.logger
 * @param {NodeJS.ProcessEnv} [target.env] where the proxy variables are looked up
 */
function readConnection(options, { baseUrl, tokenUrl, logger, env }) {
  const proxyFor = readProxy(options, env);
  const usesTls = [baseUrl, tokenUrl].some((url) => typeof url === 'string' && url.startsWith('https:'));
  return {
    baseUrl: baseUrl ?? '',
    proxy: proxyFor(baseUrl),
    tokenProxy: proxyFor(tokenUrl),
    allowInsecure: options.flag('allowInsecure', { env: 'TRUNKLINE_ALLOW_INSECURE_HTTP' }),
    connectTimeoutMs: options.integer('connectTimeoutMs', { min: 1, max: 600_000, fallback: 3000 }),
    maxConnections: options.integer('maxConnections', { min: 1, max: 4096, fallback: 64 }),
    timeoutMs: options.integer('timeoutMs', { min: 1, max: 600_000, fallback: 5000 }),
    tls: readTls(options, options.raw('tls', {}), usesTls, logger),
    rateLimit: readRateLimit(options, 'rateLimit'),
    breaker: readGroup(options, 'breaker', { failures: 10_000, windowMs: 86_400_000, openMs: 86_400_000 }),
  };
}

/**
 * So many requests per so many milliseconds at most.
 * @param {import('./options.js').Options} options
 * @param {string} name of the option
 */
const readRateLimit = (options, name) => readGroup(options, name, { requests: 1_000_000, perMs: 86_400_000 });

/**
 * A group of integers that is there as a whole or not at all.
 * @template {Record<string, number>} T
 * @param {import('./options.js').Options} options
 * @param {string} name
 * @param {T} limits the largest value of each
 * @returns {T | null}
 */
function readGroup(options, name, limits) {
  const given = options.raw(name);
  if (given === undefined || given === false || given === null) return null;
  for (const field of Object.keys(Object(given))) {
    if (!Object.hasOwn(limits, field)) options.wrong(`${name}.${field}`, `one of ${Object.keys(limits).join(', ')}`, field);
  }
  for (const [field, max] of Object.entries(limits)) {
    const value = given?.[field];
    if (!Number.isInteger(value) || value < 1 || value > max) options.wrong(`${name}.${field}`, `an integer from 1 to ${max}`, value);
  }
  return given;
}

module.exports = { readConnection, readRateLimit };
