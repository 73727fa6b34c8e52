// An ESM user: names, shapes and what comes back.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import {
  cognigyEvents, functionQueue, IdempotencyRing, intentRouter, registrar, SignatureVerifier, TrunklineError,
  type CognigyEvents, type ConnectionOptions, type DeadLetter, type ErrorCode, type EventResource, type Logger, type PublishedMessage, type QueueSink, type RetryPolicy, type RouteResource, type SignatureScheme,
} from 'trunkline';
import { createSandbox, type Fault } from 'trunkline/sandbox';

// Primitives.
const scheme: SignatureScheme = { header: 'X-Hub-Signature', algorithm: 'sha1', encoding: 'hex', prefix: 'sha1=' };
const verifier = new SignatureVerifier({ scheme, secrets: Buffer.from('key') });
declare const incoming: IncomingHttpHeaders;
verifier.verify(new Uint8Array(2), incoming);
verifier.verify('{}', 'sha1=00');
new SignatureVerifier({ scheme: 'standard-webhooks', secrets: 'whsec_c2VjcmV0', toleranceSeconds: 60 }).sign('{}', { id: 'msg_1', timestamp: 1_764_000_000 });

const ring = new IdempotencyRing({ capacity: 1024 });
const claim: 'claimed' | 'in-flight' | 'done' = ring.claim('id');
const facts: number = ring.size + ring.capacity + ring.memoryBytes + ring.evicted;
const changed: boolean = ring.complete('id') || ring.release('id');

// The event service, with every option.
const retry: RetryPolicy = { attempts: 4, baseMs: 1000, factor: 2, maxMs: 8000, jitter: { addUpToMs: 500 }, maxElapsedMs: 60_000, maxRetryAfterMs: 30_000 };
const resource: EventResource = { method: 'PATCH', path: '/tickets/{dialogId}', body: { queue: '{queue}', at: '{processedAt}' } };
const logger: Logger = { info() {}, warn() {}, error() {} };
const events: CognigyEvents = cognigyEvents({
  env: process.env, secrets: ['a', 'b'], apiToken: 't', apiBaseUrl: 'http://127.0.0.1:4010', dataDir: './data', respondWithinMs: 5000,
  adminToken: 'admin', retry, routes: { order_management: 'orders-queue' }, defaultQueue: 'general-queue',
  idempotency: { capacity: 1_048_576, ttlMs: 86_400_000 }, maxPending: 100_000, resource, timeoutMs: 5000, connectTimeoutMs: 3000,
  maxConnections: 64, tls: { ca: 'PEM', rejectUnauthorized: true }, proxy: false, allowInsecure: false, logger,
  queue: functionQueue(async ({ queue, payload }) => queue.length + payload.length), publishRetry: { attempts: 2 }, publishTimeoutMs: 5000,
  orderBy: 'sessionId', deadlineMs: 60_000, rateLimit: { requests: 10, perMs: 1000 }, breaker: { failures: 5, windowMs: 10_000, openMs: 30_000 },
});
const sink: QueueSink = { publish: (message: PublishedMessage) => message.eventId + message.intent + message.idempotencyKey };
const connection: ConnectionOptions = { timeoutMs: 1000, breaker: false };
cognigyEvents({ ...connection, queue: sink });
void functionQueue(() => {}).close();
const age: number = events.stats().oldestAgeMs;
cognigyEvents();
cognigyEvents({ resource: 'dialogState', retry: { attempts: 2 }, logger: false });
createServer(events.router());

const answer = await events.handle(Buffer.from('{}'), { 'x-cognigy-signature': 'aa' });
await events.handle('{}', 'aa');
const retryAfter: string | undefined = answer.headers?.['Retry-After'];
if ('error' in answer.body) answer.body.error.trim();
else answer.body.eventId.trim();
const replayed: 'replayed' | 'accepted' = (await events.replay('evt_1')).status;
await events.replay({ webhookEventId: 'evt_1', intent: 'i', dialogId: 'd', sessionId: 's', userContext: { orderId: 'ORD-1' } });

const letters: DeadLetter[] = await events.deadLetters.list();
const waits: number[] = letters.flatMap((letter) => letter.tries.map((one) => one.durationMs));
const evicted: number = events.stats().ring.evicted;

try {
  await events.ready();
} catch (error) {
  if (error instanceof TrunklineError && error.code === 'STORE_UNAVAILABLE') {
    const code: ErrorCode = error.code;
    const hint: string | undefined = error.hint;
    console.error(code, hint, error.retryable, error.summary, error.status, error.attempts, error.retryAfterMs);
  }
}

const service = registrar();
createServer(service.router());
const registeredId: string = (await service.register()).registration.id;

// The intent router, with a resource of one's own.
const mine: RouteResource = {
  host: 'acd', method: 'PUT', path: ({ conversationId }) => `/contacts/${conversationId}`, query: ({ confidence }) => ({ confidence }),
  json: ({ intent, time, attributes, queue }) => ({ intent, time, queue, ...attributes }), idempotent: true, needsQueue: true,
};
const routing = intentRouter({ resource: mine, attributeNames: { intent: 'a', confidence: 'b', time: 'c' }, corsOrigin: 'https://a.example', env: { CXONE_TENANT: 'acme' } });
createServer(routing.router());
intentRouter();

const sandbox = await createSandbox({ host: '127.0.0.1' });
sandbox.settings.cognigy.pollsUntilActive = 3;
const fault: Fault = sandbox.faults.add({ platform: 'cognigy', method: 'POST', path: '/api/v1/**', status: 429, headers: { 'retry-after': '1' }, times: 2 });
sandbox.faults.add({ drop: 'mid-body' });
const gone: boolean = sandbox.faults.remove(fault.id);
const met = await sandbox.requests.waitFor((request) => request.fault === fault.id, { count: 2, timeoutMs: 1000 });
cognigyEvents({ env: { ...sandbox.env, TRUNKLINE_DATA_DIR: './data' } });
sandbox.reset();
console.log(sandbox.url, retryAfter, sandbox.port, gone, met.length, sandbox.requests.total, claim, facts, changed, replayed, waits, evicted, registeredId);
await sandbox.close();
await events.close();
