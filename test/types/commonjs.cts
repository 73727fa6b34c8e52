// A CommonJS user: every entry point through require().
import trunkline = require('trunkline');
import sandbox = require('trunkline/sandbox');
import lambda = require('trunkline/lambda');

const verifier: trunkline.SignatureVerifier = new trunkline.SignatureVerifier({ scheme: 'connector', secrets: ['new', Buffer.from('old')] });
const headers: Record<string, string> = verifier.sign('{}');
const verdict = verifier.verify(Buffer.from('{}'), headers);
if (verdict.valid) verdict.secretIndex.toFixed();
else verdict.reason satisfies 'missing' | 'malformed' | 'mismatch' | 'expired';

const client: trunkline.HttpClient = new trunkline.HttpClient({
  baseUrl: 'https://api.example.com/v2',
  auth: { type: 'oauth2', tokenUrl: 'https://login.example.com/token', clientId: 'id', clientSecret: 's', scope: 'a b', requiredScopes: ['a'] },
  retry: { attempts: 3, on: [429, 'network', 'timeout'] },
  rateLimit: { requests: 10, perMs: 1000 },
  breaker: { failures: 5, windowMs: 10_000, openMs: 30_000 },
  tls: { ca: ['pem', Buffer.from('pem')], cert: 'pem', key: 'pem' },
  proxy: 'http://user:password@proxy.example.com:3128',
  logger: false,
});

export async function call(signal: AbortSignal): Promise<string> {
  const answer: trunkline.HttpResponse = await client.request({
    method: 'POST', path: '/things', query: { page: 1, all: true, none: undefined }, json: { a: 1 }, idempotencyKey: 'k', deadlineMs: 10_000, signal, retry: false,
  });
  const status: number = answer.status + answer.attempts + answer.durationMs + answer.body.length;
  const wait: number | undefined = trunkline.parseRetryAfter('120', Date.now());
  const text: string = await trunkline.retry(async ({ attempt, signal: own }) => `${attempt} ${own.aborted}`, { attempts: 2 }, { signal, retryable: (e) => e.status === 409 });
  const number: number = await trunkline.retry(() => 1);
  for (const auth of [{ type: 'bearer', token: 't' }, { type: 'basic', username: 'u', password: 'p' }, { type: 'header', name: 'X-Key', value: 'v' }] satisfies trunkline.Auth[]) {
    await new trunkline.HttpClient({ baseUrl: 'api.example.com', auth, breaker: false }).close();
  }
  await client.authenticate();
  await client.authenticate({ deadlineMs: 1000 });
  await client.request({ path: '/', form: { a: 'b' } });
  await client.request({ method: 'PUT', path: '/', body: Buffer.from('x'), headers: { accept: 'text/plain' } });
  return answer.headers['content-type'] + answer.json().id + status + wait + text + number;
}

export async function fit(): Promise<string | undefined> {
  const report: trunkline.PreflightReport = await trunkline.preflight('https://hooks.example.com/in?a=1', { timeoutMs: 1000, allowPrivate: true, ca: 'pem' });
  report.failure?.phase satisfies 'dns' | 'connect' | 'tls' | 'http' | undefined;
  const code: trunkline.ErrorCode | undefined = report.failure?.code;
  const days: number | undefined = report.certificate?.daysLeft;
  return report.ok && report.tlsValid ? report.address + days + report.timings.tlsMs : code;
}

export async function registered(): Promise<string> {
  const service: trunkline.Registrar = trunkline.registrar({
    env: process.env, domain: 'acme.cognigy.com', clientId: 'id', clientSecret: 's', apiKey: 'k', url: 'https://hooks.example.com/in', signingSecret: 's', gatewayUrl: 'https://gw.example.com/cb',
    resource: 'endpoints', login: 'oauth2-token', projectId: 'p', flowId: 'f', localeId: 'l', allowPrivate: false, ca: 'pem', poll: { attempts: 3 }, retry: { attempts: 2 },
    rateLimit: { requests: 10, perMs: 1000 }, timeoutMs: 5000, tls: { ca: 'pem' }, proxy: false, logger: false,
  });
  const { success, registration, health, gateway, validation, latencyMs }: trunkline.RegistrationResult = await service.register({
    url: 'https://hooks.example.com/in', authentication: { type: 'basic', username: 'u', password: 'p' }, retryPolicy: { maxRetries: 5 }, headers: { 'X-A': '1' },
    requestSigning: { enabled: true, secret: 's' }, deploymentId: 'd', allowPrivate: true, onStep: ({ step, state, durationMs }) => console.log(step, state, durationMs.toFixed()),
  });
  const plan: trunkline.RegistrationPlan = await service.plan({ authentication: { type: 'custom', headers: { 'X-Key': 'k' } } });
  const report: trunkline.PreflightReport = await service.validate('https://hooks.example.com/in', { allowPrivate: true });
  const resource: trunkline.TargetResource = { path: '/hooks', body: ({ name, url }) => ({ name, url }), query: (name) => ({ name }), read: (item) => ({ id: item.id, status: 'active', url: item.url }) };
  await trunkline.registrar({ resource }).close();
  return `${success} ${registration.id} ${registration.idempotent} ${health.status} ${gateway.error} ${validation.ok} ${latencyMs} ${plan.existing?.id} ${report.ok}`;
}

export async function route(): Promise<string> {
  const sync: trunkline.ProfileSync = trunkline.profileSync({
    resource: 'externalContacts', externalSourceId: 'x', contactSchemaId: 'y', forwardTo: 'contextInject',
    mapToProfile: ({ mood }, { externalId, now }) => ({ attributes: { mood, externalId, at: now.toISOString() } }),
    mapToSession: async ({ sessionId, attributes, profileId }) => ({ sessionId, updatedAttributes: attributes, profileId }),
  });
  const received: trunkline.ReceivedUpdate = await sync.receive({ events: [] });
  const told: string = 'error' in received ? received.error : 'action' in received ? received.action : String(received.forwarded);
  const { profileId } = await sync.sync({ externalCustomerId: 7, mood: 'fine', timestamp: Date.now() });
  const webhook: 'created' | 'updated' | 'unchanged' | undefined = (await sync.registerWebhook())?.action;
  const letters: trunkline.DeadLetter[] = await sync.deadLetters.list({ step: 'request' });
  void [told, profileId?.length, webhook, letters, sync.stats().suppressed];
  const routing: trunkline.IntentRouter = trunkline.intentRouter({
    tenant: 'acme', clientId: 'id', clientSecret: 's', resource: 'signal', accessKeyId: 'k', accessKeySecret: 's', issuer: 'cxone.niceincontact.com',
    attributeNames: 'lastUpdated', routes: { billing: 7 }, defaultQueue: 7, deadlineMs: 5000, corsOrigin: ['https://a.example'], inboundToken: 't',
    inboundSecrets: ['a', Buffer.from('b')], allowUnauthenticated: false, retry: { attempts: 2 }, timeoutMs: 1000, rateLimit: { requests: 100, perMs: 1000 }, proxy: false, logger: false,
  });
  await routing.ready();
  const { success, message, data }: trunkline.RouteResult = await routing.route({ conversationId: '1', intent: 'billing', confidence: 0.9 });
  await routing.route({ conversationId: '1', intent: 'billing', confidence: null });
  const rule: trunkline.RoutingRule = await routing.createRoutingRule({ intent: 'billing', queueId: 'q', name: 'n' });
  const handler: trunkline.RequestHandler = routing.router();
  await routing.close();
  return `${success} ${message} ${data} ${rule.created} ${rule.id} ${rule.name} ${handler.length}`;
}

export const handler: lambda.EnrichmentHandler = lambda.enrichmentHandler({ crmResource: 'customers', onPermanentFailure: 'throw' });

export async function main(): Promise<void> {
  const platforms = await sandbox.createSandbox({ port: 0, host: '127.0.0.1' });
  const events = trunkline.cognigyEvents({ secrets: 's3cret-of-the-bot', apiToken: 'token' });
  await events.ready();
  await events.close();
  await platforms.close();
}

export async function queues(): Promise<number> {
  const rabbit: trunkline.EventQueue = trunkline.rabbitMQ({
    env: process.env, url: 'amqps://user:password@rabbit.example.com/vhost', vhost: '/', exchange: 'events', prefix: 'bot.', declare: true,
    maxUnconfirmed: 1000, timeoutMs: 5000, connectTimeoutMs: 3000, closeTimeoutMs: 10_000, heartbeatSeconds: 10,
    tls: { ca: ['pem', Buffer.from('pem')], cert: 'pem', key: 'pem', rejectUnauthorized: true }, allowInsecure: false, logger: false,
  });
  const message: trunkline.PublishedMessage = { queue: 'orders-queue', eventId: 'evt_1', intent: 'i', idempotencyKey: 'k', payload: Buffer.from('{}') };
  await rabbit.publish(message);
  const o: trunkline.ConsumeOptions = { concurrency: 4, maxDeliveries: 5, backoff: { baseMs: 1000, factor: 2, maxMs: 60_000 } };
  const handler: trunkline.QueueHandler = ({ eventId, payload, publishedAt }, { signal }) => fetch(`https://example.com/${eventId}`, { body: new Uint8Array(payload), headers: { date: publishedAt }, signal });
  const consumer: trunkline.Consumer = await rabbit.consume('orders-queue', handler, o);
  await rabbit.consume('orders-queue', () => {});
  let sum = 0;
  await rabbit.consume('orders-queue', async (one: trunkline.QueueMessage) => { sum += one.deliveries + one.json().amount; });
  await consumer.close();
  await rabbit.close();
  return sum;
}
