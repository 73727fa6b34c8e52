// The package's entry for AWS Lambda: what it loads is what a cold start pays for.
'use strict';

exports.TrunklineError = require('./errors.js').TrunklineError;
exports.enrichmentHandler = require('./services/enrichment.js').enrichmentHandler;
