// Cognigy.AI: its host, its authentication, and the resources that events are written to.
'use strict';

/**
 * A resource says how an event becomes a request. Strings may hold placeholders: {eventId}, {intent}, {dialogId}, {sessionId}, {queue},
 * {processedAt} (RFC 3339) and {latencyMs} (a number where it is a whole value). In the path they are percent-encoded.
 * A call must be safe to repeat: it merges, or honours the Idempotency-Key that every request carries.
 * @typedef {object} Resource
 * @property {string} method
 * @property {string} path
 * @property {unknown} [body] made into JSON
 */

/** @type {Record<string, Resource>} */
const resources = {
  // The dialog's state as seed T2 describes it: keys in the body overwrite, others stay.
  dialogState: {
    method: 'POST',
    path: '/api/v1/dialogs/{dialogId}/sessions/{sessionId}/state',
    body: {
      externalProcessingCompleted: true,
      processedAt: '{processedAt}',
      queueRoutingStatus: '{queue}',
      processingLatencyMs: '{latencyMs}',
      metadata: { routedQueue: '{queue}', processedBy: 'node-webhook-service' },
    },
  },
};

module.exports = {
  name: 'Cognigy',
  defaultHost: 'https://api.cognigy.ai',
  resources,
  /** @param {string} token */
  authHeaders: (token) => [['Authorization', `Bearer ${token}`]],
};
