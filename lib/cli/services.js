// The services that `trunkline serve` can run, one row each.
'use strict';

/**
 * @typedef {import('node:http').IncomingMessage} Incoming
 * @typedef {import('node:http').ServerResponse} Outgoing
 * @typedef {(req: Incoming, res: Outgoing, next?: (error?: unknown) => void) => void} Handler
 *
 * @typedef {object} Service
 * @property {() => Handler} router
 * @property {() => Promise<unknown>} ready
 * @property {() => Promise<unknown>} close
 *
 * @typedef {object} ServiceRow
 * @property {string} about what it does, for a person
 * @property {string} route its main route
 * @property {(options: Record<string, unknown>) => Service} create throws CONFIG_INVALID naming every variable that is missing
 */

/** @type {Record<string, ServiceRow>} */
const SERVICES = {
  events: {
    about: 'Cognigy events',
    route: 'POST /webhook/cognigy',
    create: (options) => require('../index.js').cognigyEvents(options),
  },
};

module.exports = { SERVICES };
