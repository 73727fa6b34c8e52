// What a service's options say of its calls to platforms: handed on to HttpClient, which checks it.
'use strict';

const { SILENT } = require('./log.js');

const HANDED_ON = ['timeoutMs', 'connectTimeoutMs', 'maxConnections', 'rateLimit', 'breaker', 'tls', 'proxy'];

/**
 * @param {import('./options.js').Options} options
 * @param {import('./log.js').Logger} logger
 * @returns {Partial<import('..').HttpClientOptions>} without baseUrl, auth and retry, which are the service's own
 */
function readClientOptions(options, logger) {
  const given = HANDED_ON.map((name) => [name, options.raw(name)]).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    allowInsecure: options.flag('allowInsecure', { env: 'TRUNKLINE_ALLOW_INSECURE_HTTP' }),
    env: options.env,
    logger: logger === SILENT ? false : logger,
  };
}

module.exports = { readClientOptions };
