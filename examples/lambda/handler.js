// The function: an event of Genesys Cloud in, what the CRM knows of the customer onto the conversation.
'use strict';

const { enrichmentHandler } = require('trunkline/lambda');

// Made once for an environment, with credentials from its variables: see template.yaml.
exports.handler = enrichmentHandler({
  target: 'participantAttributes',
  onPermanentFailure: 'throw', // so that every event that fails ends in the dead-letter queue
});

// Lambda says so only to functions with an extension.
process.once('SIGTERM', () => exports.handler.close().then(() => process.exit(0)));
