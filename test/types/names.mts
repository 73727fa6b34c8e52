// Types by their names, as users annotate their own functions with them; embedded queues, dead letters and counters.
import {
  cognigyEvents, embeddedQueue, functionQueue, HttpClient, IdempotencyRing, preflight, profileSync, rabbitMQ, registrar, intentRouter, SignatureVerifier,
  type CognigyEvent, type CognigyEventsOptions, type ConnectionOptions, type DeadLetterFilter, type DeadLetters, type DeadLetterTry, type EmbeddedQueue, type EmbeddedQueueOptions, type EventAnswer,
  type EventAnswerBody, type EventStats, type FunctionQueue, type HeaderMap, type HttpClientOptions, type HttpClientStats, type HttpRequest, type IdempotencyRingOptions, type InboundOptions,
  type IntentRouterOptions, type LogMethod, type PreflightOptions, type ProfileSyncOptions, type QueueDepth, type RabbitMQOptions, type RawBody, type RegistrarOptions, type RegistrationOptions,
  type RegistrationStep, type ReplayResult, type ReplaySummary, type RouteFacts, type RouteRequest, type RouteResourceName, type RoutingRuleRequest, type ServiceOptions, type SignatureSchemeName,
  type SignatureVerifierOptions, type SignOptions, type TargetAuthentication, type TargetRegistration, type TlsOptions, type VerifyResult,
} from 'trunkline';
import { enrichmentHandler, type Attributes, type EnrichmentBatchAnswer, type EnrichmentOptions, type EnrichmentTarget, type LambdaContext, type SqsBatch } from 'trunkline/lambda';
import type { FaultOptions, Faults, LoggedRequest, RequestLog, Sandbox, SandboxOptions, SandboxSettings, SandboxTokens } from 'trunkline/sandbox';

// Options from somewhere else, under their names.
export const make = {
  events: (options: CognigyEventsOptions) => cognigyEvents(options),
  queue: (options: EmbeddedQueueOptions): EmbeddedQueue => embeddedQueue(options),
  rabbit: (options: RabbitMQOptions) => rabbitMQ(options),
  client: (options: HttpClientOptions) => new HttpClient(options),
  ring: (options: IdempotencyRingOptions) => new IdempotencyRing(options),
  verifier: (options: SignatureVerifierOptions, scheme: SignatureSchemeName) => new SignatureVerifier({ ...options, scheme }),
  registrar: (options: RegistrarOptions) => registrar(options),
  router: (options: IntentRouterOptions) => intentRouter(options),
  look: (url: string, options: PreflightOptions) => preflight(url, options),
};

// What several of them take, said once.
export function everything(service: ServiceOptions, inbound: InboundOptions, tls: TlsOptions): void {
  const connection: ConnectionOptions = { ...service, tls, rateLimit: { requests: 10, perMs: 1000 } };
  cognigyEvents({ ...service, ...connection });
  registrar({ ...service, tls });
  intentRouter({ ...service, ...inbound });
  profileSync({ ...service, ...inbound, forwardRateLimit: connection.rateLimit });
  enrichmentHandler(service);
  rabbitMQ({ tls, logger: service.logger });
  new HttpClient({ ...connection, baseUrl: 'api.example.com' });
}
export const serviceOf = (one: CognigyEventsOptions | RegistrarOptions | IntentRouterOptions | ProfileSyncOptions | EnrichmentOptions): ServiceOptions => one;
export const inboundOf = (one: IntentRouterOptions | ProfileSyncOptions): InboundOptions => one;
// @ts-expect-error PEM, not whether there is one
export const ca: TlsOptions = { ca: true };

export const verdict = (body: RawBody, headers: HeaderMap, o: SignOptions): VerifyResult => new SignatureVerifier({ secrets: 's' }).verify(body, { ...headers, ...new SignatureVerifier({ secrets: 's' }).sign(body, o) });

export const wrapped: FunctionQueue = functionQueue((message) => message.payload.length);
const log: LogMethod = (fields, message) => void [fields.eventId, message];
cognigyEvents({ logger: { info: log, warn: log, error: log } });

// The embedded queues: consumed as any other, and asked how much waits.
export async function consume(options: EmbeddedQueueOptions): Promise<number> {
  const queue = embeddedQueue({ ...options, dataDir: './data', visibleMs: 60_000, closeTimeoutMs: 1000, logger: false });
  const consumer = await queue.consume('orders-queue', (message) => message.json(), { concurrency: 2 });
  const depths: QueueDepth[] = await queue.depths();
  await consumer.close();
  await queue.close();
  return depths.reduce((sum, { ready, taken, oldestAgeMs, read }) => sum + ready + taken + (read ? oldestAgeMs : 0), 0);
}
// @ts-expect-error misspelt option
embeddedQueue({ folder: './data' });
// @ts-expect-error depths are a promise
embeddedQueue().depths().length;

// Dead letters: which ones, and what came of a replay.
export async function mend(letters: DeadLetters): Promise<number> {
  const filter: DeadLetterFilter = { since: '2h', step: 'consume', code: 'TIMEOUT', intent: 'refund', eventId: 'evt_1' };
  const told: ReplayResult[] = [];
  const summary: ReplaySummary = await letters.replay({ ...filter, since: new Date() }, { dryRun: false, onEach: (result) => told.push(result) });
  const tries: DeadLetterTry[] = (await letters.show('evt_1')).tries;
  const payload: unknown = (await letters.show('evt_1')).payload;
  const events: object[] = await letters.export(filter);
  void [payload, events, told[0]?.error?.code];
  return summary.matched + summary.replayed + summary.accepted + summary.failed + tries.length + (await letters.purge({ since: '7d' }));
}
// @ts-expect-error no such step
void cognigyEvents().deadLetters.list({ step: 'store' });
// @ts-expect-error no such code
void cognigyEvents().deadLetters.list({ code: 'FAILED' });
// @ts-expect-error one dead letter is shown by its id
void cognigyEvents().deadLetters.show({ eventId: 'evt_1' });

export const pendingOf = ({ pending, oldestAgeMs, ring }: EventStats): number => pending + oldestAgeMs + ring.size;
export const bodyOf = ({ body }: EventAnswer): EventAnswerBody => body;
export const event: CognigyEvent = { webhookEventId: 'evt_1', intent: 'refund', dialogId: 'd', sessionId: 's', userContext: { tier: 'gold' }, more: 1 };

// The HTTP client's request and counters.
export const get = (path: string): HttpRequest => ({ path, query: { page: 1 } });
export const resumed = (stats: HttpClientStats): number => stats.tlsResumed / stats.tlsHandshakes + stats.latency.reduce((sum, { count }) => sum + count, 0);

// Registration and routing.
export const steps = (onStep: (step: RegistrationStep) => void, authentication: TargetAuthentication): RegistrationOptions => ({ onStep, authentication });
export const nameOf = ({ name, settings }: TargetRegistration): string => name + settings.projectId;
export const facts = ({ intent, confidence = 1, queue = 0 }: RouteFacts): string => `${intent} ${confidence.toFixed(2)} ${queue.toFixed()}`;
export const known: RouteResourceName[] = ['interactionContext', 'signal', 'digitalCustomFields', 'routingQueue'];
export const request: RouteRequest = { conversationId: '1', intent: 'refund' };
export const rule: RoutingRuleRequest = { intent: 'refund', queueId: 'q' };

// Lambda and sandbox.
export const target: EnrichmentTarget = { method: 'PUT', path: '/x/{customerId}', body: (attributes: Attributes) => ({ attributes }) };
export const work = (batch: SqsBatch, context: LambdaContext): Promise<EnrichmentBatchAnswer> => enrichmentHandler({ target })(batch, context);
export function program({ faults, requests, tokens, settings }: Sandbox, fault: FaultOptions, options: SandboxOptions): number {
  const held: [Faults, RequestLog, SandboxTokens, SandboxSettings] = [faults, requests, tokens, settings];
  held[0].add(fault);
  held[2].lifetimeSeconds = 10;
  held[3].cxone.requestsPerSecond = 1;
  return held[1].list().filter((one: LoggedRequest) => one.replayed).length + (options.port ?? 0);
}
