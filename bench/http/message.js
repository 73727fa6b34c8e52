// What every contender sends.
'use strict';

const PATH = '/api/v1/dialogs/dlg_000000000001/sessions/sess_000000000001/state';

/** Made once: what a caller does with JSON is no client's cost. */
const BODY = JSON.stringify({
  externalProcessingCompleted: true,
  processedAt: '2026-01-01T00:00:00.000Z',
  queueRoutingStatus: 'orders-queue',
  processingLatencyMs: 123,
  metadata: { routedQueue: 'orders-queue', processedBy: 'node-webhook-service', note: 'parcel shop, second floor; ring twice; the customer calls back on Tuesday' },
  customer: { id: 'CUST-1000', channel: 'webchat3' },
});

module.exports = { PATH, BODY };
