// A handler as a user would deploy it, with shorter waits.
'use strict';

const { enrichmentHandler } = require('../../lib/lambda.js');

exports.handler = enrichmentHandler({
  crmTimeoutMs: 150,
  retry: { attempts: 4, baseMs: 5, factor: 2, maxMs: 20, jitter: 'none' },
});
