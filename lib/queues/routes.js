// Which queue an intent's events go to.
'use strict';

const DEFAULT_ROUTES = Object.freeze({
  order_management: 'orders-queue',
  account_support: 'accounts-queue',
  billing_inquiry: 'billing-queue',
});
const DEFAULT_QUEUE = 'general-queue';

/**
 * @param {import('../options.js').Options} options
 * @returns {{ routes: Array<[string, string]>, defaultQueue: string }} own properties only: an intent called "constructor" is like any other
 */
function readRoutes(options) {
  const given = options.raw('routes', DEFAULT_ROUTES);
  const defaultQueue = options.text('defaultQueue', { fallback: DEFAULT_QUEUE });
  if (given === null || typeof given !== 'object') {
    options.wrong('routes', 'an object of intent: queue', given);
    return { routes: [], defaultQueue };
  }
  const routes = Object.entries(given);
  for (const [intent, queue] of routes) {
    if (typeof queue !== 'string' || queue === '') options.wrong(`routes.${intent}`, 'the name of a queue', queue);
  }
  return { routes, defaultQueue };
}

module.exports = { readRoutes };
