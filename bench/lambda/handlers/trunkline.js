// Ours, with its defaults.
'use strict';

const { enrichmentHandler } = require('trunkline/lambda');

/** @param {string} url of all platforms */
function create(url) {
  return { handler: enrichmentHandler({ clientId: 'id', clientSecret: 'secret', environment: url, crmBaseUrl: url, crmApiKey: 'key' }) };
}

module.exports = { create };
