// What must not compile. Each line below an expectation is an error; were it none, the compiler would complain of the expectation.
import * as trunkline from 'trunkline';
import {
  cognigyEvents, HttpClient, IdempotencyRing, intentRouter, parseRetryAfter, preflight, profileSync, rabbitMQ, registrar, retry, SignatureVerifier, TrunklineError, type Auth, type ErrorCode, type RetryPolicy,
} from 'trunkline';
import { createSandbox } from 'trunkline/sandbox';

// @ts-expect-error a secret is required
new SignatureVerifier({ scheme: 'cognigy' });
// @ts-expect-error no such scheme
new SignatureVerifier({ scheme: 'github', secrets: 's' });
// @ts-expect-error no such digest
new SignatureVerifier({ scheme: { header: 'x', algorithm: 'md5', encoding: 'hex' }, secrets: 's' });
const verifier = new SignatureVerifier({ secrets: 's' });
// @ts-expect-error a parsed body is not the bytes that were signed
verifier.verify({ webhookEventId: 'evt_1' }, {});
// @ts-expect-error the index exists only for a valid signature
verifier.verify('{}', 'aa').secretIndex.toFixed();
// @ts-expect-error seconds, as a number
verifier.sign('{}', { timestamp: '1764000000' });

// @ts-expect-error the capacity is required
new IdempotencyRing({ ttlMs: 1000 });
const ring = new IdempotencyRing({ capacity: 8 });
// @ts-expect-error ids are strings
ring.claim(42);
// @ts-expect-error read-only
ring.size = 3;
// @ts-expect-error 'duplicate' is not among the answers
if (ring.claim('id') === 'duplicate') ring.release('id');

// @ts-expect-error misspelt option
cognigyEvents({ secret: 's' });
// @ts-expect-error milliseconds, as a number
cognigyEvents({ respondWithinMs: '5s' });
// @ts-expect-error queues are names
cognigyEvents({ routes: { billing_inquiry: 7 } });
// @ts-expect-error no such resource
cognigyEvents({ resource: 'sessionState' });
// @ts-expect-error a logger has pino's method names
cognigyEvents({ logger: { log() {} } });
// @ts-expect-error `true` is not a logger
cognigyEvents({ logger: true });
// @ts-expect-error events have no such thing in common
cognigyEvents({ orderBy: 'session' });
// @ts-expect-error events are let in by their signature
cognigyEvents({ inboundToken: 't' });
// @ts-expect-error a queue is an object with publish; a function is wrapped by functionQueue
cognigyEvents({ queue: async () => {} });
// @ts-expect-error no such jitter
const policy: RetryPolicy = { attempts: 4, baseMs: 1000, factor: 2, maxMs: 8000, jitter: 'some' };
// @ts-expect-error stats is a method
cognigyEvents({ retry: policy }).stats.pending;
// @ts-expect-error the body is not to be parsed before
void cognigyEvents().handle({ webhookEventId: 'evt_1' }, {});
// @ts-expect-error an event has an intent
void cognigyEvents().replay({ webhookEventId: 'evt_1', dialogId: 'd', sessionId: 's' });

// @ts-expect-error a name that is none
profileSync({ domian: 'mypurecloud.com' });
// @ts-expect-error a resource that there is not
profileSync({ resource: 'profiles' });
// @ts-expect-error a resource without a request
profileSync({ forwardTo: { goneStatuses: [404] } });
// @ts-expect-error half a rate limit
profileSync({ forwardRateLimit: { requests: 10 } });
// @ts-expect-error no customer
profileSync().sync({ sessionId: 's' });
// @ts-expect-error misspelt option
intentRouter({ tenat: 'acme' });
// @ts-expect-error no such resource
intentRouter({ resource: 'context' });
// @ts-expect-error the path is a function here
intentRouter({ resource: { method: 'POST', path: '/x' } });
// @ts-expect-error skills are numbers
intentRouter({ routes: { billing: '7' } });
// @ts-expect-error half of the names
intentRouter({ attributeNames: { intent: 'a' } });
// @ts-expect-error an intent is required
void intentRouter().route({ conversationId: '1' });
// @ts-expect-error the confidence is a number
void intentRouter().route({ conversationId: '1', intent: 'x', confidence: '0.9' });
// @ts-expect-error the queue is called queueId
void intentRouter().createRoutingRule({ intent: 'x', queue: 'q' });

// @ts-expect-error errors are made by the package alone
new TrunklineError();
// @ts-expect-error replay takes an id as it is, or a whole event
void cognigyEvents().replay({ eventId: 'evt_1' });

// @ts-expect-error no such code
const code: ErrorCode = 'RATE_LIMIT';
export { code };

const sandbox = await createSandbox();
// @ts-expect-error no such way to drop a connection
sandbox.faults.add({ drop: 'now' });
// @ts-expect-error read-only
sandbox.env = {};
// @ts-expect-error ports are numbers
void createSandbox({ port: '4010' });

// @ts-expect-error a base URL is required
new HttpClient({ allowInsecure: true });
// @ts-expect-error a URL, or false
new HttpClient({ baseUrl: 'api.example.com', proxy: true });
// @ts-expect-error misspelt option
new HttpClient({ baseUrl: 'api.example.com', timeout: 5000 });
// @ts-expect-error half a rate limit
new HttpClient({ baseUrl: 'api.example.com', rateLimit: { requests: 10 } });
// @ts-expect-error `false` or all of it
new HttpClient({ baseUrl: 'api.example.com', breaker: true });
// @ts-expect-error no such credential
new HttpClient({ baseUrl: 'api.example.com', auth: { type: 'digest', username: 'u', password: 'p' } });
// @ts-expect-error a token is required
new HttpClient({ baseUrl: 'api.example.com', auth: { type: 'bearer' } });
// @ts-expect-error neither a token URL nor an issuer
new HttpClient({ baseUrl: 'api.example.com', auth: { type: 'oauth2', clientId: 'i', clientSecret: 's' } });
// @ts-expect-error both of them
new HttpClient({ baseUrl: 'api.example.com', auth: { type: 'oauth2', tokenUrl: 'https://login', issuer: 'https://login', clientId: 'i', clientSecret: 's' } });
// @ts-expect-error no such way to authenticate
const auth: Auth = { type: 'oauth2', tokenUrl: 'https://login', clientId: 'i', clientSecret: 's', clientAuth: 'jwt' };
const client = new HttpClient({ baseUrl: 'api.example.com', auth });
// @ts-expect-error milliseconds, as a number
void client.authenticate({ deadlineMs: '5s' });
// @ts-expect-error the path is required
void client.request({ method: 'GET' });
// @ts-expect-error header values are strings
void client.request({ path: '/', headers: { 'X-Count': 1 } });
// @ts-expect-error an object goes into `json`
void client.request({ path: '/', body: { a: 1 } });
// @ts-expect-error `true` is no policy
void client.request({ path: '/', retry: true });
// @ts-expect-error it is a promise
client.request({ path: '/' }).status;
// @ts-expect-error json is a method
(await client.request({ path: '/' })).json.id;
// @ts-expect-error read-only
(await client.request({ path: '/' })).status = 200;
// @ts-expect-error attempts are numbers
void retry(({ attempt }) => attempt.length, policy);
// @ts-expect-error the function comes first
void retry({ attempts: 3 }, () => {});
// @ts-expect-error a header that is not there is the caller's to handle
parseRetryAfter(undefined);
// @ts-expect-error it may be undefined
parseRetryAfter('120').toFixed();
// @ts-expect-error the URL comes first
void preflight({ url: 'https://example.com' });
// @ts-expect-error one PEM text
void preflight('https://example.com', { ca: ['pem'] });
// @ts-expect-error no certificate may have been shown
(await preflight('https://example.com')).certificate.daysLeft;

// @ts-expect-error no such resource
registrar({ resource: 'webhooks' });
// @ts-expect-error no such login
registrar({ login: 'basic' });
// @ts-expect-error half a resource
registrar({ resource: { path: '/hooks' } });
const service = registrar();
// @ts-expect-error the options, not the URL alone
void service.register('https://example.com');
// @ts-expect-error no such type
void service.register({ authentication: { type: 'digest' } });
// @ts-expect-error a basic template needs a password
void service.register({ authentication: { type: 'basic', username: 'u' } });
// @ts-expect-error a custom template needs headers
void service.register({ authentication: { type: 'custom' } });
// @ts-expect-error the key is derived
void service.register({ idempotencyKey: 'k' });
// @ts-expect-error none may be there
(await service.plan()).existing.id;

// @ts-expect-error misspelt option
rabbitMQ({ uri: 'amqp://localhost' });
const queue = rabbitMQ({ url: 'amqp://localhost' });
// @ts-expect-error the key is required
void queue.publish({ queue: 'q', eventId: 'e', intent: 'i', payload: Buffer.from('{}') });
// @ts-expect-error bytes
void queue.publish({ queue: 'q', eventId: 'e', intent: 'i', idempotencyKey: 'k', payload: '{}' });
// @ts-expect-error a handler is required
void queue.consume('q', { concurrency: 4 });
// @ts-expect-error misspelt option
void queue.consume('q', () => {}, { prefetch: 4 });
// @ts-expect-error what was delivered stays as it is
void queue.consume('q', (message) => { message.deliveries = 0; });
// @ts-expect-error it is a promise
queue.consume('q', () => {}).close();

// @ts-expect-error not part of the package
trunkline.Agent;
