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
 * @param {Options} options @param {{ api: string, login: string }} hosts @param {{ scope?: string, requiredScopes?: string[] }} [wanted] of its tokens
 */
function genesysAt(options, { api, login }, { scope, requiredScopes } = {}) {
  const { auth } = require('../platforms/genesys.js');
  return { baseUrl: api, auth: { ...auth({ login, ...readClient(options, 'GENESYS'), scope }), requiredScopes } };
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
    read: (options) => genesysAt(options, options.hosts('domain', { env: 'GENESYS_DOMAIN', required: true }, require('../platforms/genesys.js').urlsOfDomain),
      options.env.GENESYS_PROFILE_RESOURCE ? {} : require('../platforms/genesys-profiles.js').profileResources.customerProfiles),
  },
  {
    name: 'Genesys Cloud, enrichment',
    marks: ['GENESYS_ENVIRONMENT', 'CRM_API_BASE_URL', 'CRM_API_KEY'],
    path: '/',
    read: (options) => {
      const { defaultHost, urlsOf } = require('../platforms/genesys.js');
      return genesysAt(options, options.hosts('environment', { env: 'GENESYS_ENVIRONMENT', fallback: defaultHost }, urlsOf));
    },
  },
  {
    name: 'NICE CXone',
    marks: ['CXONE_TENANT', 'CXONE_CLIENT_ID', 'CXONE_CLIENT_SECRET'],
    path: '/',
    read: (options) => {
      const api = options.host('tenant', { env: 'CXONE_TENANT', required: true, domain: 'my.cxone.com' });
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
