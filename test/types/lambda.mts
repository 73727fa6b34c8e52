// trunkline/lambda as an ESM user of TypeScript sees it; what must not compile stands below an expectation.
import { enrichmentHandler, TrunklineError, type EnrichmentAnswer, type EnrichmentBody, type EnrichmentHandler, type EnrichmentOptions, type EventBridgeEvent } from 'trunkline/lambda';
import * as trunkline from 'trunkline';

const options: EnrichmentOptions = {
  env: process.env, clientId: 'id', clientSecret: 's', environment: 'usw2.pure.cloud', crmBaseUrl: 'crm.example.com', crmApiKey: 'k', crmAuth: { type: 'bearer', token: 't' },
  crmResource: { path: '/contacts/{customerId}' }, crmTimeoutMs: 3000, target: { method: 'PATCH', path: '/x/{interactionId}', body: (attributes) => ({ attributes }), scope: 'a b' },
  customerIdFrom: async (event) => event.detail.eventBody.ani, mapCustomer: (customer, event) => ({ tier: customer.tier, id: event.id }),
  fallback: (event, error) => (error.code === 'TIMEOUT' ? { late: event.id } : undefined), onTransientFailure: 'respond', onPermanentFailure: 'throw', batchConcurrency: 5,
  deadlineMarginMs: 500, idempotency: { capacity: 1024, ttlMs: 60_000 }, retry: { attempts: 2 }, timeoutMs: 5000, rateLimit: { requests: 60, perMs: 60_000 },
  breaker: { failures: 5, windowMs: 10_000, openMs: 30_000 }, connectTimeoutMs: 1000, maxConnections: 8, tls: { ca: 'PEM' }, proxy: false, allowInsecure: false, logger: false,
};
export const handler: EnrichmentHandler = enrichmentHandler(options);
enrichmentHandler();
enrichmentHandler({ target: 'participantAttributes', crmResource: 'customers', fallback: { crm: 'down' }, logger: { info() {}, warn() {}, error() {} } });

const event: EventBridgeEvent = { source: 'genesys.cloud', detail: { interactionId: 'i' } };
const answer: EnrichmentAnswer = await handler(event, { getRemainingTimeInMillis: () => 1000, awsRequestId: 'r' });
const body: EnrichmentBody = JSON.parse(answer.body);
const failed: string[] = (await handler({ Records: [{ messageId: 'm', body: '{}', eventSource: 'aws:sqs' }] })).batchItemFailures.map((one) => one.itemIdentifier);
await handler(event).catch((error) => (error instanceof TrunklineError ? error.retryAfterMs : undefined));
await handler.close();
// The same from the main entry.
const same: typeof enrichmentHandler = trunkline.enrichmentHandler;
const sameType: trunkline.EnrichmentHandler = handler;
console.log(body.skipped, body.duplicate, body.fallback, failed, same, sameType);

// @ts-expect-error misspelt option
enrichmentHandler({ crmUrl: 'crm.example.com' });
// @ts-expect-error no such target
enrichmentHandler({ target: 'interactions' });
// @ts-expect-error a path is required
enrichmentHandler({ target: { method: 'PATCH' } });
// @ts-expect-error attributes are an object
enrichmentHandler({ mapCustomer: () => 'gold' });
// @ts-expect-error an id
enrichmentHandler({ customerIdFrom: () => ({ id: 1 }) });
// @ts-expect-error throw or respond
enrichmentHandler({ onTransientFailure: 'retry' });
// @ts-expect-error an event has a source
void handler({ detail: {} });
// @ts-expect-error the body is text
answer.body.message;
// @ts-expect-error not part of this entry
void (await import('trunkline/lambda')).cognigyEvents;
