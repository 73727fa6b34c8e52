// The package's entry.
'use strict';

exports.TrunklineError = require('./errors.js').TrunklineError;
exports.SignatureVerifier = require('./signature-verifier.js').SignatureVerifier;
exports.IdempotencyRing = require('./idempotency-ring.js').IdempotencyRing;
exports.retry = require('./retry.js').retry;
exports.parseRetryAfter = require('./retry.js').parseRetryAfter;
exports.preflight = require('./preflight.js').preflight;
exports.HttpClient = require('./http-client.js').HttpClient;
exports.cognigyEvents = require('./services/cognigy-events.js').cognigyEvents;
exports.registrar = require('./services/registrar.js').registrar;
exports.intentRouter = require('./services/intent-router.js').intentRouter;
exports.profileSync = require('./services/profile-sync.js').profileSync;
exports.functionQueue = require('./queues/function.js').functionQueue;
exports.enrichmentHandler = require('./services/enrichment.js').enrichmentHandler;
exports.embeddedQueue = require('./queues/embedded.js').embeddedQueue;
exports.rabbitMQ = require('./queues/rabbitmq.js').rabbitMQ;
