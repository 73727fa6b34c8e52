// Simulated CRM: customers by their id.
'use strict';

const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseObject } = require('./answer.js');

/** @typedef {import('./platforms.js').Platform} Platform */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

// Fixed, so that a .env written once stays right. It opens nothing but a sandbox.
const API_KEY = 'sandbox-crm-key';
const CUSTOMER_PATH = '/customers/{customerId}';
const MAX_CUSTOMERS = 10_000;
const MAX_CUSTOMER_BYTES = 64 << 20;

/** Who is known from the start. The first is seed T3's example. @type {Array<[string, Record<string, unknown>]>} */
const CUSTOMERS = [
  ['CUST-1001', { crmAccountId: 'ACCT-99281', lifetimeValue: 14250.75, loyaltyTier: 'Platinum', lastPurchaseDate: '2024-05-28T09:15:00Z' }],
  ['CUST-1002', { crmAccountId: 'ACCT-10442', lifetimeValue: 310, loyaltyTier: 'Silver', lastPurchaseDate: '2025-11-03T17:40:00Z' }],
];

/** @param {PlatformRequest} request */
function authenticate({ headers }) {
  if (headers.authorization === `Bearer ${API_KEY}`) return;
  throw new Refusal(401, 'Authorization: expected Bearer and the API key', { 'www-authenticate': 'Bearer' });
}

/** @returns {Platform} */
function createCrm() {
  /** @type {BoundedMap<Record<string, unknown>>} */
  const customers = new BoundedMap({ maxEntries: MAX_CUSTOMERS, maxBytes: MAX_CUSTOMER_BYTES });
  const reset = () => {
    customers.clear();
    for (const [id, customer] of CUSTOMERS) customers.set(id, customer);
  };
  reset();
  return {
    name: 'crm',
    env: (url) => ({ CRM_API_BASE_URL: url, CRM_API_KEY: API_KEY }),
    reset,
    routes: [
      {
        method: 'GET',
        path: CUSTOMER_PATH,
        authenticate,
        handle: ({ params }) => {
          const customer = customers.get(params.customerId);
          if (customer === undefined) throw new Refusal(404, 'there is no such customer');
          return { status: 200, body: customer };
        },
      },
      {
        // For whoever wants other customers in the sandbox.
        method: 'PUT',
        path: CUSTOMER_PATH,
        authenticate,
        handle: ({ params, body }) => {
          customers.set(params.customerId, parseObject(body), body.length);
          return { status: 204 };
        },
      },
    ],
  };
}

module.exports = { createCrm };
