// A CRM with a REST interface: its authentication, and the resource that customers are read from.
'use strict';

/**
 * A resource says where a customer lies. The path may hold {customerId}, which is percent-encoded.
 * @typedef {object} Resource
 * @property {string} path
 */

/** @type {Record<string, Resource>} */
const resources = {
  // As seed T3 describes it.
  customers: { path: '/customers/{customerId}' },
};

/** What a conversation is told of a customer, unless the user says otherwise. */
const FIELDS = ['crmAccountId', 'lifetimeValue', 'loyaltyTier', 'lastPurchaseDate'];

module.exports = {
  name: 'CRM',
  resources,
  /** @param {string} apiKey */
  auth: (apiKey) => ({ type: 'bearer', token: apiKey }),
  /** @param {Record<string, unknown>} customer */
  mapCustomer: (customer) => Object.fromEntries(FIELDS.filter((name) => customer[name] !== undefined).map((name) => [name, customer[name]])),
};
