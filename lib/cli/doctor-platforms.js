// The platforms that `trunkline doctor` asks, a row each: which variables show that it is in use, where it is, and who we are there.
'use strict';

/** @typedef {import('../options.js').Options} Options */

/**
 * @typedef {object} PlatformRow
 * @property {string} name
 * @property {string[]} marks one of these variables set: it is in use
 * @property {string} path a harmless GET; any answer but 401 and 5xx is a good sign
 * @property {(options: Options) => { baseUrl: string, auth?: any, path?: string }} read what is missing or wrong is reported to `options`
 */

/**
 * Client id and secret of an OAuth client.
 * @param {Options} options @param {string} prefix of the variables
 */
function readClient(options, prefix) {
  return {
    clientId: options.text('clientId', { env: `${prefix}_CLIENT_ID`, required: true }),
    clientSecret: options.secret('clientSecret', { env: `${prefix}_CLIENT_SECRET`, required: true }),
  };
}

/**
 * A bare host means what `urlsOf` makes of it; at an absolute URL is everything.
 * @param {string} url as Options.host() gives it
 * @param {string | undefined} given as it was written
 * @param {(host: string) => { api: string, tokens: string }} urlsOf
 */
function spread(url, given, urlsOf) {
  if (!url || given?.includes('://')) return { api: url, tokens: url };
  return urlsOf(new URL(url).host);
}

/** @type {PlatformRow[]} */
const PLATFORMS = [
  {
    name: 'Cognigy API',
    marks: ['COGNIGY_API_TOKEN', 'COGNIGY_WEBHOOK_SECRET'],
    path: '/api/v1/dialogs/trunkline-doctor/sessions/trunkline-doctor/state',
    read: (options) => {
      options.secrets('secrets', { env: 'COGNIGY_WEBHOOK_SECRET', required: true });
      return {
        baseUrl: options.host('apiBaseUrl', { env: 'COGNIGY_API_BASE_URL', fallback: require('../platforms/cognigy.js').defaultHost }),
        auth: { type: 'bearer', token: options.token('apiToken', { env: 'COGNIGY_API_TOKEN', required: true }) },
      };
    },
  },
  {
    name: 'Cognigy Endpoint',
    marks: ['COGNIGY_WEBHOOK_URL'],
    path: '/',
    read: (options) => {
      const url = options.host('webhookUrl', { env: 'COGNIGY_WEBHOOK_URL', required: true });
      return url ? { baseUrl: new URL(url).origin, path: new URL(url).pathname } : { baseUrl: url };
    },
  },
  {
    name: 'Genesys Cloud, profile sync',
    marks: ['GENESYS_DOMAIN'],
    path: '/',
    read: (options) => {
      const baseUrl = options.host('domain', { env: 'GENESYS_DOMAIN', required: true });
      return { baseUrl, auth: { type: 'oauth2', tokenUrl: `${baseUrl}/oauth/token`, ...readClient(options, 'GENESYS') } };
    },
  },
  {
    name: 'Genesys Cloud, enrichment',
    marks: ['GENESYS_ENVIRONMENT', 'CRM_API_BASE_URL', 'CRM_API_KEY'],
    path: '/',
    read: (options) => {
      const environment = options.env.GENESYS_ENVIRONMENT || 'mypurecloud.com';
      const { api, tokens } = spread(options.host('environment', { env: 'GENESYS_ENVIRONMENT', fallback: environment }), environment,
        (region) => ({ api: `https://api.${region}`, tokens: `https://login.${region}` }));
      return { baseUrl: api, auth: { type: 'oauth2', tokenUrl: `${tokens}/oauth/token`, ...readClient(options, 'GENESYS') } };
    },
  },
  {
    name: 'NICE CXone',
    marks: ['CXONE_TENANT', 'CXONE_CLIENT_ID', 'CXONE_CLIENT_SECRET'],
    path: '/',
    read: (options) => {
      const { api } = spread(options.host('tenant', { env: 'CXONE_TENANT', required: true }), options.env.CXONE_TENANT,
        (tenant) => ({ api: `https://${tenant.includes('.') ? tenant : `${tenant}.my.cxone.com`}`, tokens: '' }));
      return { baseUrl: api, auth: { type: 'oauth2', tokenUrl: `${api}/oauth/token`, clientAuth: 'body', ...readClient(options, 'CXONE') } };
    },
  },
  {
    name: 'CRM',
    marks: ['CRM_API_BASE_URL', 'CRM_API_KEY'],
    path: '/customers/trunkline-doctor',
    read: (options) => ({
      baseUrl: options.host('crmBaseUrl', { env: 'CRM_API_BASE_URL', required: true }),
      auth: { type: 'bearer', token: options.token('crmApiKey', { env: 'CRM_API_KEY', required: true }) },
    }),
  },
];

module.exports = { PLATFORMS };
