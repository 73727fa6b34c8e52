// Calls to the trunkline service: signed or with a token, tried again where that is safe, and never longer than their deadline.
import type { HttpClient } from 'trunkline';

/** Loaded by the first call, not with the Extension: where its native core cannot be loaded a node says so, and the Flow goes on. */
const trunkline = () => require('trunkline') as typeof import('trunkline');

/** Tried again at once is what did not reach the service, or what it had no room for; what CXone or Genesys say, it has tried again itself. */
const RETRY = { attempts: 3, baseMs: 200, factor: 2, maxMs: 1000, jitter: 'full' as const, on: ['network' as const, 503] };
/** Cognigy.AI takes at most 62 KB for an API call, which is how an answer gets into the context. */
const MAX_ANSWER_BYTES = 32 * 1024;
const MAX_CLIENTS = 16;

/** Connections to the service outlive an execution where the process does. */
const clients = new Map<string, HttpClient>();

function clientFor(baseUrl: string): HttpClient {
  let client = clients.get(baseUrl);
  if (client) return client;
  client = new (trunkline().HttpClient)({ baseUrl, platform: 'trunkline', retry: RETRY, maxResponseBytes: MAX_ANSWER_BYTES, logger: false });
  const [oldest] = clients.keys();
  if (clients.size === MAX_CLIENTS && oldest !== undefined) {
    void clients.get(oldest)?.close();
    clients.delete(oldest);
  }
  clients.set(baseUrl, client);
  return client;
}

export interface Call {
  baseUrl: string;
  path: string;
  body: object;
  /** Shown as `Authorization: Bearer`; empty where the service asks for none. */
  token?: string;
  /** Signs the bytes of the body: `X-Cognigy-Signature`. */
  secret?: string;
  /** When the time is out, as `performance.now()` tells it. */
  endsAtMs: number;
}

/** Every route takes a repeated call: events are remembered by their ids, contexts and profiles are merged. */
export async function post({ baseUrl, path, body, token, secret, endsAtMs }: Call): Promise<Record<string, unknown>> {
  const rawBody = JSON.stringify(body);
  const signature = secret === undefined ? {} : new (trunkline().SignatureVerifier)({ scheme: 'cognigy', secrets: secret }).sign(rawBody);
  const headers = { 'Content-Type': 'application/json', ...signature, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const client = clientFor(baseUrl);
  // Now and not before: the first call of a process has loaded the native core meanwhile.
  const deadlineMs = Math.max(1, Math.floor(endsAtMs - performance.now()));
  const answer = await client.request({ method: 'POST', path, headers, body: rawBody, idempotent: true, timeoutMs: deadlineMs, deadlineMs });
  return Object(answer.json());
}
