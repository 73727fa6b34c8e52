// The services that `trunkline serve` can run, one row each.
'use strict';

/**
 * @typedef {import('node:http').IncomingMessage} Incoming
 * @typedef {import('node:http').ServerResponse} Outgoing
 * @typedef {(req: Incoming, res: Outgoing, next?: (error?: unknown) => void) => void} Handler
 *
 * @typedef {object} Service
 * @property {() => Handler} router
 * @property {boolean} [open] nothing is asked of who calls its routes
 * @property {() => Promise<unknown>} ready
 * @property {() => Promise<unknown>} close
 *
 * @typedef {object} ServeOptions what `serve` has for its services; each takes what it knows
 * @property {NodeJS.ProcessEnv} env
 * @property {import('../log.js').Logger} logger
 * @property {string} [dataDir]
 * @property {boolean} allowUnauthenticated
 *
 * @typedef {object} ServiceRow
 * @property {string} about what it does, for a person
 * @property {string} route its main route
 * @property {(options: ServeOptions) => Service} create throws CONFIG_INVALID naming every variable that is missing
 */

/** @type {Record<string, ServiceRow>} */
const SERVICES = {
  events: {
    about: 'Cognigy events',
    route: 'POST /webhook/cognigy',
    create: ({ env, logger, dataDir }) => require('../index.js').cognigyEvents({ env, logger, dataDir }),
  },
  sync: {
    about: 'profile sync with Genesys Cloud',
    route: 'POST /webhook/sync',
    create: ({ env, logger, dataDir, allowUnauthenticated }) => require('../index.js').profileSync({ env, logger, dataDir, allowUnauthenticated }),
  },
  route: {
    about: 'intent routing to CXone',
    route: 'POST /api/route',
    create: ({ env, logger, allowUnauthenticated }) => require('../index.js').intentRouter({ env, logger, allowUnauthenticated }),
  },
};

module.exports = { SERVICES };
