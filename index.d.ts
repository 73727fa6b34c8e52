/**
 * The package's main entry point.
 * Everything here may be called from the main thread and from worker threads. No call blocks on the network or the disk.
 *
 * @module trunkline
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from './error-code';
import type { ConnectionOptions, InboundOptions, ServiceOptions, TlsOptions } from './options';

export type { ConnectionOptions, ErrorCode, InboundOptions, ServiceOptions, TlsOptions };

/** Bytes exactly as they came. A string stands for its UTF-8 bytes. */
export type RawBody = Buffer | Uint8Array | string;

/** Request headers as Node gives them (names in lower case), or any plain object of that shape; names match in either case. */
export interface HeaderMap {
  readonly [name: string]: string | readonly string[] | undefined;
}

// ---------------------------------------------------------------------------------------------------------------- errors

/**
 * The error of every failure that the package foresees. Match it by `code`; the text may change.
 *
 * No message, hint or cause holds a token, a secret, a signature or an Authorization header.
 * Every code is explained in docs/errors.md.
 */
export class TrunklineError extends Error {
  /** Errors are made by the package alone. */
  private constructor();
  readonly name: 'TrunklineError';
  /** What happened. */
  readonly code: ErrorCode;
  /** The platform's HTTP status, where one came. */
  readonly status?: number;
  /** The platform that answered, or did not: `'Cognigy'`. */
  readonly platform?: string;
  /** May the same call succeed later? */
  readonly retryable: boolean;
  /** Tries made, the first one included. */
  readonly attempts?: number;
  /** The wait that the platform asked for, in milliseconds (RFC 9110, 10.2.3). */
  readonly retryAfterMs?: number;
  /** What a person can do about it. */
  readonly hint?: string;
  /** Code and message in one line, as answers and log lines show it. */
  readonly summary: string;
  /**
   * What the platform said, where `HttpClient` met a status outside 2xx. Not enumerable, so that loggers leave it out: it may repeat what was sent.
   * An OAuth token in it is blanked out.
   */
  readonly response?: HttpResponse;
  readonly cause?: unknown;
}

// ------------------------------------------------------------------------------------------------------------ signatures

/**
 * The schemes that are known by name.
 *
 * | scheme | header | value |
 * |---|---|---|
 * | `cognigy` | `X-Cognigy-Signature` | hex HMAC-SHA256 of the body |
 * | `connector` | `X-Webhook-Signature` | hex HMAC-SHA256 of the body |
 * | `open-messaging` | `X-Hub-Signature-256` | `sha256=` + base64 HMAC-SHA256 of the body (Genesys Cloud Open Messaging) |
 * | `standard-webhooks` | `webhook-id`, `webhook-timestamp`, `webhook-signature` | `v1,` + base64 HMAC-SHA256 of `id.timestamp.body` (Standard Webhooks 1.0.0) |
 */
export type SignatureSchemeName = 'cognigy' | 'connector' | 'open-messaging' | 'standard-webhooks';

/** A scheme of your own: one header that carries an HMAC (RFC 2104) of the raw body. */
export interface SignatureScheme {
  /** Name of the header, e.g. `'X-Hub-Signature'`. */
  header: string;
  algorithm: 'sha1' | 'sha256' | 'sha512';
  /** Hex is accepted in either case and written in lower case; base64 is that of RFC 4648, section 4. */
  encoding: 'hex' | 'base64';
  /** What stands before the code, e.g. `'sha1='`. Default: nothing. */
  prefix?: string;
}

/** How senders sign, and with what. */
export interface SignatureVerifierOptions {
  /** Default `'cognigy'`. */
  scheme?: SignatureSchemeName | SignatureScheme;
  /**
   * One secret, or several while one is being rotated. A string stands for its UTF-8 bytes; for `standard-webhooks` it is
   * base64, with or without `whsec_` before it. A Buffer is the key itself.
   */
  secrets: string | Buffer | ReadonlyArray<string | Buffer>;
  /** How far a timestamp may lie in the past or the future, in seconds. Default 300. Counts for `standard-webhooks` only. */
  toleranceSeconds?: number;
}

/** Whether a body is the sender's; if not, why: no signature, one that cannot be one, another one, or one of another time. */
export type VerifyResult =
  | {
      valid: true;
      /** Index into `secrets` of the one that fitted. */
      secretIndex: number;
    }
  | { valid: false; reason: 'missing' | 'malformed' | 'mismatch' | 'expired' };

/** What a signature of `standard-webhooks` covers beside the body. */
export interface SignOptions {
  /** `webhook-id`. Default: a new random one. For `standard-webhooks` only. */
  id?: string;
  /** `webhook-timestamp` in seconds since 1970. Default: now. For `standard-webhooks` only. */
  timestamp?: number;
}

/** Judges who sent a body, by a keyed hash over exactly the bytes that came. Comparisons take constant time. */
export class SignatureVerifier {
  /** @throws {TrunklineError} `CONFIG_INVALID` for an unknown scheme, no secret, or an empty one. */
  constructor(options: SignatureVerifierOptions);
  /**
   * Never throws for anything that a sender can send.
   *
   * @param headers All headers, or the value of the signature header alone (not for `standard-webhooks`).
   *   A signature header that came several times is `malformed`.
   * @throws {TypeError} A TypeError for a body that has been parsed already; the text says how to get at the raw one.
   */
  verify(rawBody: RawBody, headers: HeaderMap | string): VerifyResult;
  /** Header name → value, by the first secret. */
  sign(rawBody: RawBody, options?: SignOptions): Record<string, string>;
}

// ------------------------------------------------------------------------------------------------------------------ ring

/** How many ids, and for how long. */
export interface IdempotencyRingOptions {
  /** How many ids are remembered at most. */
  capacity: number;
  /** Lifetime of an id in milliseconds, from its claim and anew from its completion. Default 24 hours. */
  ttlMs?: number;
}

/**
 * Remembers which ids have been seen, in memory that is allocated once and never grows (at most 32 bytes an id).
 * Lives in memory only, and belongs to the thread that made it.
 *
 * Ids are kept as a keyed 96-bit hash (SipHash-2-4), so any length costs the same and no sender can choose ids that collide.
 */
export class IdempotencyRing {
  /** @throws {TrunklineError} `CONFIG_INVALID` for a capacity or lifetime out of range. */
  constructor(options: IdempotencyRingOptions);
  /**
   * `'claimed'`: the id is new and now in flight; do the work, then `complete` or `release` it.
   * `'in-flight'`: somebody is at it. `'done'`: it has been done.
   *
   * At capacity the oldest done id gives way and is counted in `evicted`; ids in flight never do.
   *
   * @throws {TypeError} A TypeError for an empty id.
   * @throws {TrunklineError} `QUEUE_FULL` when every slot is in flight.
   */
  claim(id: string): 'claimed' | 'in-flight' | 'done';
  /** In flight → done. `false` when the id is not in flight. */
  complete(id: string): boolean;
  /** In flight → forgotten, so that it can be claimed again. `false` when the id is not in flight. */
  release(id: string): boolean;
  /** Ids remembered, in flight and done. */
  readonly size: number;
  readonly capacity: number;
  /** All memory this ring holds, in bytes. */
  readonly memoryBytes: number;
  /** Done ids that gave way before their lifetime ended. */
  readonly evicted: number;
}

// ----------------------------------------------------------------------------------------------------------------- retry

/**
 * How often a call is tried, and how long to wait between tries: `baseMs × factor^n`, at most `maxMs`, then `jitter`.
 * A `Retry-After` of the platform (RFC 9110, 10.2.3; seconds or a date) counts instead, up to `maxRetryAfterMs`.
 * Tried again are 408, 429, 5xx but 501, time-outs and broken connections.
 */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  attempts: number;
  /** Wait before the second try, in milliseconds. */
  baseMs: number;
  factor: number;
  /** The longest wait before jitter, in milliseconds. */
  maxMs: number;
  /** `'full'`: anything from 0 to the wait; `'equal'`: half of it to all of it; `{ addUpToMs }`: the wait and up to that much more. */
  jitter: 'none' | 'full' | 'equal' | { addUpToMs: number };
  /** No new try begins later than this after the first one, in milliseconds. Default 0: no limit. */
  maxElapsedMs?: number;
  /** A longer `Retry-After` ends the tries at once. Default 60000. */
  maxRetryAfterMs?: number;
  /** What is tried again: HTTP statuses, lost or impossible connections, time-outs. Default: what `TrunklineError.retryable` says. */
  on?: Array<number | 'network' | 'timeout'>;
}

/**
 * Calls `fn` until it succeeds or the policy ends the tries. Waits follow the policy, or the error's `retryAfterMs` where that is longer.
 *
 * @param fn `attempt` counts from 1. `signal` is the caller's, or one that is never aborted.
 * @param policy What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added.
 * @returns What `fn` returned.
 * @throws The last error, as `fn` threw it; {@link TrunklineError} `ABORTED` with the signal's reason as cause; `CONFIG_INVALID` for a wrong argument.
 */
export function retry<T>(
  fn: (o: { attempt: number; signal: AbortSignal }) => Promise<T> | T,
  policy?: Partial<RetryPolicy>,
  o?: {
    signal?: AbortSignal;
    /** Is this error worth another try? Default: one whose `retryable` is true, and what `policy.on` names. */
    retryable?: (error: any) => boolean;
  },
): Promise<T>;

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3).
 *
 * @param value Seconds, or an HTTP-date in any of its three forms.
 * @param nowMs The time that a date is seen from, as `Date.now()` gives it. Default: now.
 * @returns Milliseconds to wait, at least 0; `undefined` for anything else.
 */
export function parseRetryAfter(value: string, nowMs?: number): number | undefined;

// ----------------------------------------------------------------------------------------------------------- HTTP client

/** How requests are authorised. */
export type Auth =
  | ({
      /** OAuth 2.0 (RFC 6749): a token is fetched, shared by the whole process, and replaced before it ends. */
      type: 'oauth2';
      clientId: string;
      clientSecret: string;
      /** Asked for; several with spaces between them. Default: not asked for. */
      scope?: string;
      /** How the client shows who it is (2.3.1). `'query'` puts the whole form into the URL, for servers that take nothing else. Default `'basic'`. */
      clientAuth?: 'basic' | 'body' | 'query';
      /** Default `'client_credentials'` (4.4). `'password'` (4.3) needs `username` and `password`. */
      grant?: 'client_credentials' | 'password';
      username?: string;
      password?: string;
      /** How long before its end a token is replaced, in milliseconds; 0: at its end, and never on the side. Default 300000, or after 80 % of a lifetime under 25 minutes. */
      refreshBeforeMs?: number;
      /** A token that was granted without one of these is refused with `SCOPE_MISSING`. */
      requiredScopes?: readonly string[];
    } & (
      | { /** The token endpoint. */ tokenUrl: string; issuer?: undefined }
      | { /** An OpenID Connect issuer, whose configuration names the token endpoint (Discovery 1.0, section 4). */ issuer: string; tokenUrl?: undefined }
    ))
  | { /** `Authorization: Bearer …` (RFC 6750). */ type: 'bearer'; token: string }
  | { /** `Authorization: Basic …` (RFC 7617). */ type: 'basic'; username: string; password?: string }
  | { /** A header of your own, such as `X-Api-Key`. */ type: 'header'; name: string; value: string };

/** While the breaker is open, requests are refused with `CIRCUIT_OPEN`. */
export interface HttpClientOptions extends ConnectionOptions {
  /** An absolute URL, or a bare host, which means https. Its path is kept before every request's own. */
  baseUrl: string;
  /** How messages call it: `'Genesys Cloud'`. Default: the base URL's host. */
  platform?: string;
  /** Default: none. */
  auth?: Auth;
  /** What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /** A longer answer rejects with `RESPONSE_TOO_LARGE`. Default 10 MiB. */
  maxResponseBytes?: number;
  /** Where the proxy variables are read. Default: the process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Where warnings go. Default: one JSON object a line on stderr. `false`: none. */
  logger?: Logger | false;
}

/** One request of {@link HttpClient}. What is not there is as the client has it. */
export interface HttpRequest {
  /** Default `'GET'`. */
  method?: string;
  /** Begins with `/`, percent-encoded (RFC 3986); may carry a query. */
  path: string;
  /** Added to the path's query, encoded. What is undefined is left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** `Host`, `Content-Length` and what else frames the message are the client's own; so is what `auth` writes. */
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, with its Content-Type. At most one of `json`, `body` and `form`. */
  json?: unknown;
  /** Sent as it is; a string as UTF-8. */
  body?: Buffer | Uint8Array | string;
  /** Sent as `application/x-www-form-urlencoded`. */
  form?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as `Idempotency-Key`; makes the request safe to repeat. */
  idempotencyKey?: string;
  /** The request may be repeated although its method (POST, PATCH) does not say so. Default false. */
  idempotent?: boolean;
  /** One try, in milliseconds. Default: the client's. */
  timeoutMs?: number;
  /** Everything: token, waits, tries; in milliseconds. Default: none. */
  deadlineMs?: number;
  /** Ends the call with `ABORTED`, its reason as cause. */
  signal?: AbortSignal;
  /** In place of the client's: what differs from the default. `false`: one try. */
  retry?: Partial<RetryPolicy> | false;
}

/** A 2xx answer. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; a header that came several times is joined by `', '`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they came; a Content-Encoding is not undone. */
  readonly body: Buffer;
  /** The body as text, taken for UTF-8. */
  text(): string;
  /**
   * The body as JSON.
   * @throws {TrunklineError} `MALFORMED_RESPONSE`
   */
  json(): any;
  /** Tries made, the first one included. */
  readonly attempts: number;
  /** From the call to the last byte, waits included, in milliseconds. */
  readonly durationMs: number;
}

/**
 * Requests to one platform over kept-alive connections, with its authentication, retries, rate limit and breaker.
 * The work is done on the engine's thread. An idle client does not keep the process alive; one with a request under way does.
 */
export class HttpClient {
  /** @throws {TrunklineError} `CONFIG_INVALID`, naming everything that is wrong at once. */
  constructor(options: HttpClientOptions);
  /**
   * Resolves for 2xx only; redirects are not followed. A failed try is made again when the failure may pass and the request is safe to repeat:
   * its method is idempotent (RFC 9110, 9.2.2), it has an `idempotencyKey`, `idempotent` is true, the status says that it
   * was not processed (429, 503), or nothing of it was sent.
   *
   * @throws {TrunklineError} with `status`, `attempts` and `retryAfterMs` where there are any.
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Fetches an OAuth token where none is at hand, so that a wrong secret shows before there is work. Sends nothing else; without `oauth2` it does nothing.
   *
   * @param options `deadlineMs`: for all of it, tries of the token server included, in milliseconds. Default: none.
   * @throws {TrunklineError} what a request would end with for want of a token.
   */
  authenticate(options?: { deadlineMs?: number }): Promise<void>;
  /** Counters since the start; still there after `close()`. */
  stats(): HttpClientStats;
  /**
   * Takes no more requests, and resolves when those under way have ended; later ones reject with `CLOSED`. Those under way go on, but none of them
   * waits for longer than `graceMs` (default 10 000) for its next try, for the rate or for a token: one that would have to rejects with `CLOSED`.
   * What has been sent ends with its answer or its time-out. A second call waits for the first.
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** What a client has counted. The numbers only grow. */
export interface HttpClientStats {
  /** Calls of `request` and `authenticate` that reached the engine, and how they ended. */
  calls: number;
  succeeded: number;
  failed: number;
  /** Requests that were sent, and those of them that were not their call's first. A request that is sent again after a dead connection is not one. */
  tries: number;
  retries: number;
  connectionsOpened: number;
  /** Requests sent again at once, because a kept-alive connection had proved dead. */
  resent: number;
  tlsHandshakes: number;
  /** Handshakes that went on with an earlier session (RFC 8446, 2.2). */
  tlsResumed: number;
  /** Of requests, and of answers' header fields and bodies; before encryption. Those of token servers are not among them. */
  bytesSent: number;
  bytesReceived: number;
  /** Answered tries by how long they took: how many took less than `belowMs`, and at least what the entry before says. */
  latency: Array<{ belowMs: number; count: number }>;
}

// ------------------------------------------------------------------------------------------------------------- preflight

/** How {@link preflight} looks. */
export interface PreflightOptions {
  /** All phases together, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** Look also at what is not public: loopback, private and link-local addresses. Default false. */
  allowPrivate?: boolean;
  /** Trusted beside Node's own roots, as PEM (RFC 7468). */
  ca?: string;
}

/** What {@link preflight} has seen, phase by phase. */
export interface PreflightReport {
  /** Is the target fit to be called? If not, `failure` says why. */
  ok: boolean;
  failure?: {
    /** How far it came: the name, the connection, the certificate, the answer. */
    phase: 'dns' | 'connect' | 'tls' | 'http';
    code: ErrorCode;
    /** What happened. */
    reason: string;
    /** What a person can do about it. */
    hint: string;
  };
  /** The handshake is done and the certificate good. */
  tlsValid: boolean;
  /** An HTTP answer came, of any status. */
  reachable: boolean;
  /** Of the answer; `'application/octet-stream'` where it names none. */
  contentType: string;
  /** From the call to the verdict, in milliseconds. */
  responseTimeMs: number;
  /** 0: no answer came. */
  status: number;
  /** What the server has shown, also when it was refused. Absent when it has shown none. */
  certificate?: {
    /** As in RFC 4514, most telling part first: `'CN=example.com, O=Example'`. */
    subject: string;
    issuer: string;
    /** ISO 8601. */
    validFrom: string;
    validTo: string;
    /** Whole days, rounded down; below 0 once it has expired. */
    daysLeft: number;
    /** `'DNS:example.com, IP Address:192.0.2.1'`. */
    subjectAltName: string;
    /** SHA-256 of the whole: `'AA:BB:…'`. */
    fingerprint256: string;
  };
  /** `'TLSv1.2'` or `'TLSv1.3'`; empty when no certificate was shown. */
  protocol: string;
  /** The address that was connected to; empty: none. */
  address: string;
  /** `responseTimeMs`, by phase; 0 for one that was not reached. */
  timings: { dnsMs: number; connectMs: number; tlsMs: number; httpMs: number };
}

/**
 * Is an https target fit to be called? One look: its name, a connection, its certificate, and a HEAD request; where that is refused with 405 or 501,
 * a GET for the first byte. Fit is what answers 2xx. Redirects are not followed, proxies not used.
 *
 * @param url Absolute, https, without credentials. Path and query are sent as they are.
 * @returns Whenever there is a verdict, good or bad.
 * @throws {TrunklineError} `CONFIG_INVALID` for a wrong argument; `ADDRESS_FORBIDDEN` for a target whose addresses are not public, without `allowPrivate`.
 */
export function preflight(url: string, options?: PreflightOptions): Promise<PreflightReport>;

// --------------------------------------------------------------------------------------------------------------- logging

/** `fields` first, the line's text second, as pino and bunyan have it. */
export type LogMethod = (fields: Record<string, unknown>, message?: string) => void;

/** Where log lines go: any object with these three of pino's methods. */
export interface Logger {
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

// ---------------------------------------------------------------------------------------------------------------- queues

/** A message on its way into a queue. The ids are non-empty, at most 1024 bytes of UTF-8 each. */
export interface PublishedMessage {
  queue: string;
  eventId: string;
  intent: string;
  /** The same for every try of the same piece of work. */
  idempotencyKey: string;
  /** At most 16 MiB. Must not be changed before the promise has settled. */
  payload: Buffer;
}

/** One delivery of a message. It may come more than once: `idempotencyKey` tells. */
export interface QueueMessage {
  readonly queue: string;
  readonly eventId: string;
  readonly intent: string;
  readonly idempotencyKey: string;
  /** The bytes as they were published. */
  readonly payload: Buffer;
  /** ISO 8601. */
  readonly publishedAt: string;
  /** How often it has been delivered, this time included. */
  readonly deliveries: number;
  /**
   * The payload as JSON.
   * @throws {TrunklineError} `MALFORMED_PAYLOAD`
   */
  json(): any;
}

/**
 * Returning acknowledges the message. Throwing lets it come again after a while, and at last makes it a dead letter.
 * `signal` is aborted when returning no longer counts, since the message comes again anyway: the connection was lost, or `close()` has waited long enough.
 */
export type QueueHandler = (message: QueueMessage, o: { signal: AbortSignal }) => Promise<unknown> | unknown;

/** How messages of a queue are worked on. */
export interface ConsumeOptions {
  /** Messages that this consumer works on at a time. Default 1: one after the other, in the order in which they were published, but for those that failed. */
  concurrency?: number;
  /** A message that failed so often is a dead letter. Default 5. */
  maxDeliveries?: number;
  /** How long a message that failed rests: `baseMs × factor^n`, at most `maxMs`. Default 1000 ms × 2, at most 60000 ms. */
  backoff?: { baseMs?: number; factor?: number; maxMs?: number };
}

/** A running consumer of a queue. */
export interface Consumer {
  /** Takes no more messages, waits for the handlers that run, and leaves what they have not finished to others. */
  close(): Promise<void>;
}

/** Takes messages: a queue, or {@link functionQueue}. */
export interface QueueSink {
  /**
   * Resolves, or returns, once the queue has the message in safe keeping. What it throws is tried again under `publishRetry`:
   * a {@link TrunklineError} as its code says, anything else always.
   */
  publish(message: PublishedMessage): unknown;
}

/** What {@link functionQueue} makes of a function. */
export interface FunctionQueue extends QueueSink {
  /** Does nothing: what the function sends to is yours to close. */
  close(): Promise<void>;
}

/**
 * A function as a queue, for whatever has a client of its own.
 *
 * @throws {TrunklineError} `CONFIG_INVALID` for anything but a function.
 */
export function functionQueue(publish: (message: PublishedMessage) => unknown): FunctionQueue;

/** Where routed events go. At least once: what was published is delivered until a handler has returned. */
export interface EventQueue {
  /**
   * Resolves once the message is safe.
   * @throws {TrunklineError} with `retryable`; `CLOSED` after `close()`, `QUEUE_FULL` at a bound, `CONFIG_INVALID` for a wrong message.
   */
  publish(message: PublishedMessage): Promise<void>;
  /** Delivers the messages of a queue until the consumer is closed. Several consumers of a queue share its messages. */
  consume(queue: string, handler: QueueHandler, o?: ConsumeOptions): Promise<Consumer>;
  /** Closes its consumers, waits for what is being published, and lets go. */
  close(): Promise<void>;
}

/** Where the embedded queues are, and how patient they are. */
export interface EmbeddedQueueOptions {
  /** Where `TRUNKLINE_DATA_DIR` is looked up. Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The data directory, that of an event service or one of its own. `TRUNKLINE_DATA_DIR`, default `'./trunkline-data'`. */
  dataDir?: string;
  /** A message whose handler has not returned for so long is handed out again, to anybody, in milliseconds. Default 1800000. */
  visibleMs?: number;
  /** `close()` waits at most so long for handlers, in milliseconds. Default 10000. */
  closeTimeoutMs?: number;
  /** Default: one JSON object a line on stderr. `false`: none. */
  logger?: Logger | false;
}

/** What waits in an embedded queue. */
export interface QueueDepth {
  queue: string;
  /** Not handed out yet. */
  ready: number;
  /** In hand, or waiting for another time. */
  taken: number;
  /** Of the oldest of both; 0 where there is none. */
  oldestAgeMs: number;
  /** Has anybody ever consumed it? Messages of a queue that nobody consumes go with their events after a day. */
  read: boolean;
}

/** The queues of a data directory. */
export interface EmbeddedQueue extends EventQueue {
  /** Every queue that has messages or has had a consumer. */
  depths(): Promise<QueueDepth[]>;
}

/**
 * The queues of a data directory, on disk and without a broker. Every event of `cognigyEvents()` lies in one, unless its option `queue` says otherwise.
 * In the service's process or in others on the same machine; messages of a process that was killed come again within seconds while a service runs there.
 *
 * Dead letters have the step `consume`. Messages wait for 30 days at most. An open consumer keeps the process alive until `close()`.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`
 */
export function embeddedQueue(options?: EmbeddedQueueOptions): EmbeddedQueue;

/** Which broker, and how it is used. */
export interface RabbitMQOptions {
  /** Where `RABBITMQ_URL` is looked up. Default `process.env`. An option wins over its variable. */
  env?: Readonly<Record<string, string | undefined>>;
  /**
   * `amqps://user:password@host:port/vhost`, percent-encoded. `amqp://` to any host but this one needs `allowInsecure`.
   * Without credentials: guest. `RABBITMQ_URL`. Required.
   */
  url?: string;
  /** In place of the URL's. Default `'/'`. */
  vhost?: string;
  /** A durable direct exchange that messages are published to, with the queue's name as routing key. Default: the broker's own, which needs no bindings. */
  exchange?: string;
  /** Before the name of each queue at the broker. Default: nothing. */
  prefix?: string;
  /** `false`: exchange and queues are there already, of any kind, and are published to as they are; `consume()` is then refused. Default true. */
  declare?: boolean;
  /** Messages on their way to the broker at a time; further ones reject with `QUEUE_FULL`. Default 1000. */
  maxUnconfirmed?: number;
  /** From the call to the broker's confirmation, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** One attempt to connect: TCP, TLS and AMQP's handshake, in milliseconds. Default 3000. */
  connectTimeoutMs?: number;
  /** `close()` waits at most so long, in milliseconds. Default 10000. */
  closeTimeoutMs?: number;
  /** A connection on which nothing came for twice as long is lost. Default 10. */
  heartbeatSeconds?: number;
  /** Which certificates are trusted, and our own. Default: those that Node trusts, and none. */
  tls?: TlsOptions;
  /** Allow `amqp://` to other hosts than loopback. `TRUNKLINE_ALLOW_INSECURE_HTTP=1`. Default false. */
  allowInsecure?: boolean;
  /** Default: one JSON object a line on stderr. `false`: none. */
  logger?: Logger | false;
}

/**
 * RabbitMQ 3.10 or later as a queue, by the package amqplib, which has to be installed beside this one. Connects with the first call.
 * An open connection keeps the process alive until `close()`.
 *
 * Queues are durable quorum queues. A message that fails rests in `<queue>.wait.<ms>`; a dead letter goes to `<queue>.dead`, which can be consumed like any queue.
 * `publish` does not try again by itself: a lost connection rejects what is unconfirmed with `CONNECTION_FAILED`. Consumers subscribe again by themselves.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, also where amqplib is not installed.
 */
export function rabbitMQ(options?: RabbitMQOptions): EventQueue;

// --------------------------------------------------------------------------------------------------------- event service

/** An event of Cognigy.AI as it is posted. More fields may follow; they are stored and passed on as they came. */
export interface CognigyEvent {
  webhookEventId: string;
  intent: string;
  dialogId: string;
  sessionId: string;
  userContext?: Record<string, unknown>;
  [field: string]: unknown;
}

/**
 * What the delivery sends after the event is in its queue. The strings may hold `{name}` placeholders:
 * `eventId`, `intent`, `dialogId`, `sessionId`, `queue`, `processedAt` (ISO 8601), `latencyMs` (a number where the placeholder is
 * the whole string). In `path` a value is percent-encoded (RFC 3986, 2.1). Every try of an event sends the same bytes.
 * The call must be safe to repeat: it merges, replaces, or honours the `Idempotency-Key` that every request carries.
 */
export interface EventResource {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with `/`; comes after the path of `apiBaseUrl`. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
}

/** While the breaker is open, deliveries wait. */
export interface CognigyEventsOptions extends ServiceOptions {
  /** Secrets that events are signed with; several during a rotation. `COGNIGY_WEBHOOK_SECRET`, comma-separated. Required. */
  secrets?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Bearer token of the Cognigy API (RFC 6750). `COGNIGY_API_TOKEN`. Required. */
  apiToken?: string;
  /** `COGNIGY_API_BASE_URL`, default `https://api.cognigy.ai`. Plain http to anything but loopback needs `allowInsecure`. */
  apiBaseUrl?: string;
  /** Where events, the embedded queues and dead letters are kept. `TRUNKLINE_DATA_DIR`, default `./trunkline-data`. Made when absent. */
  dataDir?: string;
  /** An event that takes longer is answered 202, and the work goes on. Milliseconds. `TRUNKLINE_RESPOND_WITHIN_MS`, default 5000. */
  respondWithinMs?: number;
  /** Who knows it may `POST /debug/replay`. `TRUNKLINE_ADMIN_TOKEN`; without it that route does not exist. */
  adminToken?: string;
  /** Intent → queue, own properties only. Default: `order_management`, `account_support` and `billing_inquiry` to their queues. */
  routes?: Readonly<Record<string, string>>;
  /** Where every other intent goes. Default `'general-queue'`. */
  defaultQueue?: string;
  /** Where the queues are. Default: in the data directory. It is yours to close, after the service. */
  queue?: QueueSink;
  /** Of a message to `queue`. What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  publishRetry?: Partial<RetryPolicy>;
  /** A message that `queue` has not taken after so many milliseconds is tried again; it may then come twice. Default 5000. */
  publishTimeoutMs?: number;
  /** The call that follows the queue. Default `'dialogState'`: `POST /api/v1/dialogs/{dialogId}/sessions/{sessionId}/state`, merged by key. */
  resource?: 'dialogState' | EventResource;
  /** Of the call. What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /**
   * Events that have this in common are delivered one after the other, in the order in which they were stored: the next begins when the one
   * before is done or a dead letter. Others do not wait. A replayed event comes behind those that are there. Default: none waits for another.
   */
  orderBy?: 'sessionId' | 'dialogId' | 'intent';
  /**
   * From an event's arrival, restarts included, or from the beginning of its replay, in milliseconds. When it has passed, the tries end, and the
   * event becomes a dead letter with `TIMEOUT`. Default: none.
   */
  deadlineMs?: number;
  /** How many ids are remembered (default 1048576), and for how long (default 86400000 ms, 24 hours). */
  idempotency?: { capacity?: number; ttlMs?: number };
  /** Accepted events that may be unfinished at a time; above it the answer is 503. Default 100000. */
  maxPending?: number;
}

/** What a sender is answered with. */
export interface EventAnswer {
  status: number;
  /** To be sent as JSON. */
  body: EventAnswerBody;
  /** Where there are any to send: `Retry-After` with a 503. */
  headers?: Record<string, string>;
}

/** What became of an event, or why it was refused. */
export type EventAnswerBody =
  | { status: 'processed' | 'accepted' | 'duplicate_skipped'; eventId: string }
  | { status: 'failed_queued_for_dlq'; eventId: string; error: string }
  | { error: string };

/** One failed try of a step. */
export interface DeadLetterTry {
  /** ISO 8601. */
  at: string;
  code: ErrorCode;
  /** HTTP status; 0 when no answer came. */
  status: number;
  durationMs: number;
}

/** An event whose tries are used up, or that was refused for good. It stays until it is replayed. */
export interface DeadLetter {
  eventId: string;
  service: 'events' | 'sync';
  /** The step that failed; a replay resumes there. `consume`: a consumer of the embedded queue gave up. */
  step: 'publish' | 'request' | 'consume';
  code: ErrorCode;
  /** HTTP status of the last try; 0 when no answer came. */
  status: number;
  error: string;
  /** Of all runs, replays included; the latest hundred. */
  attempts: number;
  tries: DeadLetterTry[];
  /** ISO 8601. */
  failedAt: string;
}

/** Which dead letters are meant. What is not there fits all. */
export interface DeadLetterFilter {
  eventId?: string;
  /** That failed then or later: a Date, ISO 8601, or how long ago (`'90s'`, `'15m'`, `'2h'`, `'7d'`). */
  since?: Date | string;
  step?: DeadLetter['step'];
  code?: ErrorCode;
  intent?: string;
}

/** How the replay of one dead letter went. */
export interface ReplayResult {
  eventId: string;
  /** `'accepted'`: not finished within `respondWithinMs`. */
  status: 'replayed' | 'accepted' | 'failed';
  /** Why it failed again. */
  error?: TrunklineError;
}

/** How a replay of many went: so many fitted, and of those so many each. */
export interface ReplaySummary {
  matched: number;
  replayed: number;
  accepted: number;
  failed: number;
}

/** Dead letters of a data directory, whichever of its services buried them. Kept for 30 days. */
export interface DeadLetters {
  /** Oldest first. */
  list(filter?: DeadLetterFilter): Promise<DeadLetter[]>;
  /**
   * With the event as it came, or its text where that is not JSON.
   * @throws {TrunklineError} `NOT_FOUND`
   */
  show(eventId: string): Promise<DeadLetter & { payload: unknown }>;
  /**
   * Runs those that fit again, one after the other, no faster than the service's `rateLimit`; for the profile sync that is its `forwardRateLimit`.
   * `dryRun` only counts them.
   */
  replay(filter?: DeadLetterFilter, options?: { dryRun?: boolean; onEach?: (result: ReplayResult) => void }): Promise<ReplaySummary>;
  /** The events with `failedAt`, as the tutorials' `dlq_events.json` has them. */
  export(filter?: DeadLetterFilter): Promise<object[]>;
  /** Deletes those that fit, and their events: how many. */
  purge(filter?: DeadLetterFilter): Promise<number>;
}

/** What the event service has counted since its start, and what is under way now. */
export interface EventStats {
  /** Events stored since the start. */
  accepted: number;
  duplicates: number;
  /** Events whose every step is done. */
  processed: number;
  /** Tries of either step beyond its first, that have ended. */
  retried: number;
  /** Events that went to the dead letters. */
  dead: number;
  /** Stored and not finished now. */
  pending: number;
  /** Of those the oldest: how long ago it arrived, or its replay began, in milliseconds. 0: there is none. */
  oldestAgeMs: number;
  ring: { size: number; capacity: number; memoryBytes: number; evicted: number };
}

/** A plain Node request handler. Mounts in Express or Connect, and serves `http.createServer` as it is. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void;

/** The event service. Made by {@link cognigyEvents}. */
export interface CognigyEvents {
  /**
   * `POST /webhook/cognigy`, `GET /health`, and `POST /debug/replay` where an admin token is set. Other paths go to `next`,
   * or get 404 where there is none. Reads the raw body itself: mount it before any body parser.
   */
  router(): RequestHandler;
  /**
   * The same work without HTTP. Resolves with the answer for whatever a sender can send.
   *
   * @param headers All headers, or the value of `X-Cognigy-Signature` alone.
   * @throws {TrunklineError} `BODY_CONSUMED` for a body that has been parsed already, which is a mistake in the mounting.
   */
  handle(rawBody: RawBody, headers: HeaderMap | string): Promise<EventAnswer>;
  /**
   * Runs an event again, a dead letter from the step that failed.
   *
   * @param eventIdOrBody The id of a stored event or dead letter, or a full event.
   * @returns `'accepted'` when it is not finished within `respondWithinMs`.
   * @throws {TrunklineError} `NOT_FOUND` for an unknown id, `MALFORMED_PAYLOAD`, or why it failed again.
   */
  replay(eventIdOrBody: string | CognigyEvent): Promise<{ status: 'replayed' | 'accepted'; eventId: string }>;
  readonly deadLetters: DeadLetters;
  /**
   * Resolves when the store is open and unfinished events of an earlier run are at work again.
   * Rejects with `STORE_UNAVAILABLE`; the next call, and the next event, try to open it again.
   */
  ready(): Promise<void>;
  /** Counters since the start; still there after `close()`. */
  stats(): EventStats;
  /** Takes no more events, lets calls under way finish for up to ten seconds, and writes everything down. What is left goes on at the next start. */
  close(): Promise<void>;
}

/**
 * The event service: signed events of Cognigy.AI in, a queue message and a dialog-state update out.
 * At least once from the 2xx on; effectively once where the far side honours `Idempotency-Key` or the call merges.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, naming every missing variable at once.
 */
export function cognigyEvents(options?: CognigyEventsOptions): CognigyEvents;

// ------------------------------------------------------------------------------------------------------------- registrar

/** Where webhook targets are registered, and who we are there. */
export interface RegistrarOptions extends ServiceOptions {
  /** Cognigy's administration: a host, which means https, or an absolute URL; tokens come from there too. `COGNIGY_DOMAIN`. Required. */
  domain?: string;
  /** `COGNIGY_CLIENT_ID`. Required, except with `login: 'api-key'`. */
  clientId?: string;
  /** `COGNIGY_CLIENT_SECRET`. Required, except with `login: 'api-key'`. */
  clientSecret?: string;
  /** `COGNIGY_API_KEY`. Required with `login: 'api-key'`. */
  apiKey?: string;
  /** What is registered where a call names nothing else. `WEBHOOK_TARGET_URL`. */
  url?: string;
  /** What Cognigy signs its requests with (scheme `connector` of {@link SignatureVerifier}). `WEBHOOK_SIGNING_SECRET`. Default: none, and no signing. */
  signingSecret?: string;
  /** Told by POST of a target that has become active. May carry user and password (RFC 7617). `GATEWAY_CALLBACK_URL`. Default: nobody is told. */
  gatewayUrl?: string;
  /**
   * Where targets are registered: `'connectors'` (`/api/v1/connectors`), `'endpoints'` (`/new/v2.0/endpoints`, Webhook Endpoints), or one of your own.
   * `COGNIGY_REGISTRAR_RESOURCE`. Default `'connectors'`.
   */
  resource?: 'connectors' | 'endpoints' | TargetResource;
  /**
   * How one logs in: `'v1-token'` (OAuth at `/api/v1/auth/token`, Basic), `'oauth2-token'` (OAuth at `/auth/oauth2/token`, client id and secret in the form),
   * `'api-key'` (`X-API-Key`). `COGNIGY_REGISTRAR_LOGIN`. Default: what is usual for the resource, `'v1-token'` for connectors, `'oauth2-token'` for endpoints.
   */
  login?: 'v1-token' | 'oauth2-token' | 'api-key';
  /** For `'endpoints'`, which requires all three. `COGNIGY_PROJECT_ID`. */
  projectId?: string;
  /** The Flow's reference id. `COGNIGY_FLOW_ID`. */
  flowId?: string;
  /** The locale's reference id. `COGNIGY_LOCALE_ID`. */
  localeId?: string;
  /** Look also at targets that are not public: loopback, private and link-local addresses. Default false. */
  allowPrivate?: boolean;
  /** Trusted for targets beside Node's own roots, as PEM (RFC 7468). `tls.ca` is for Cognigy and the gateway. */
  ca?: string;
  /** How often, and how far apart, Cognigy is asked whether the target is active. What differs from five times: at once, then after 2, 4, 8 and 16 s. */
  poll?: Partial<RetryPolicy>;
  /** For calls of Cognigy and the gateway. What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /** Of calls of Cognigy. Default: the platform's own, for connectors 100 a minute. */
  rateLimit?: ConnectionOptions['rateLimit'];
  /** One try of a call of Cognigy, in milliseconds. Default 5000. Looks at the target and at its state have 5000 in any case, the gateway 3000. */
  timeoutMs?: number;
  /** Default: one JSON object a line on stderr; audit records there are lines of their own. Another logger gets a record as `fields`. `false`: none. */
  logger?: Logger | false;
}

/** What Cognigy shows a target to prove who it is. `headers` may always be given instead of the other fields. */
export type TargetAuthentication =
  | { /** `Authorization: Bearer`, and `token`. Default: `{{dynamic_token}}`, which Cognigy fills in. */ type: 'bearer'; token?: string; headers?: undefined }
  | { /** `Authorization: Basic` (RFC 7617). */ type: 'basic'; username: string; password: string; headers?: undefined }
  | { type: 'bearer' | 'basic' | 'custom'; headers: Readonly<Record<string, string>> };

/** What is registered, and how Cognigy is to call it. */
export interface RegistrationOptions {
  /** The target: absolute, https, without credentials. Default: the registrar's own. */
  url?: string;
  /** Default: `{ type: 'bearer' }`. */
  authentication?: TargetAuthentication;
  /** How Cognigy tries its requests again. Default: 3 retries, 1000 ms apart, 5000 ms each. */
  retryPolicy?: { maxRetries?: number; backoffMs?: number; timeoutMs?: number };
  /** More headers that Cognigy is to send. */
  headers?: Readonly<Record<string, string>>;
  /** Default: enabled where there is a secret; `secret` is the registrar's `signingSecret`. Enabled without one is refused. */
  requestSigning?: { enabled?: boolean; secret?: string };
  /**
   * Stands for the configuration in the derived key and name: the same id is the same registration of this target, whatever else has changed,
   * and another id is another registration. Default: the configuration itself counts.
   */
  deploymentId?: string;
  /** Default: the registrar's own. */
  allowPrivate?: boolean;
  /** Told of every step, as it begins, goes on and ends. */
  onStep?: (step: RegistrationStep) => void;
}

/** `'verify'` tells `{ poll, status }` of each look; `detail` is the step's result when it is done, and its error when it has failed. */
export interface RegistrationStep {
  step: 'validate' | 'lookup' | 'register' | 'verify' | 'sync';
  state: 'started' | 'progress' | 'done' | 'failed';
  /** Since the step began. */
  durationMs: number;
  detail?: any;
}

/** What came of a registration. */
export interface RegistrationResult {
  /** Registered, and verified. */
  success: boolean;
  registration: {
    /** Cognigy's. */
    id: string;
    /** It was there before. */
    idempotent: boolean;
    /** What Cognigy said of it; secrets are redacted. */
    data: any;
  };
  validation: PreflightReport;
  /** `status` is the last that Cognigy told, `'pending'` before any. `error`: why it could not be seen. */
  health: { verified: boolean; status: string; error?: string };
  /** `error`: why the gateway was not told. It is not told of a target that is not verified. */
  gateway: { synced: boolean; error?: string };
  /** From the call to the result, in whole milliseconds. */
  latencyMs: number;
}

/** What a registration would do. */
export interface RegistrationPlan {
  validation: PreflightReport;
  /** `ExternalWebhook-` and 12 hex digits of the key. */
  name: string;
  /** A UUID, version 5 (RFC 9562), of domain, target and configuration, or of domain, target and `deploymentId`. */
  idempotencyKey: string;
  /** What would be posted; secrets are redacted. */
  payload: any;
  /** The registration of that name which is there already. */
  existing?: { id: string; data: any };
}

/** A resource of your own: its collection takes POST to create a target and GET to list them; one of them is at its id below. */
export interface TargetResource {
  /** Of the collection; begins with `/`. */
  path: string;
  /** What a token has to allow: to write first, then to read. Default: nothing is asked for. */
  scopes?: string[];
  rateLimit?: { requests: number; perMs: number };
  /** It honours `Idempotency-Key`, and answers 409 to one that it knows. Default false: the name is looked up before anything is created. */
  keepsKeys?: boolean;
  /** Which of `projectId`, `flowId` and `localeId` it needs. */
  settings?: string[];
  /** What is posted to create one. */
  body(registration: TargetRegistration): object;
  /** The query that lists those of a name, or all where there is none. The answer is an array, or an object with an array `items`. */
  query(name: string | undefined, o: { settings: Record<string, string> }): Record<string, string | number | undefined>;
  /** What one of them says of itself. It is verified when its status is `'active'`. */
  read(item: any): { id: unknown; status: unknown; url: unknown };
}

/** What a {@link TargetResource} makes its body of. */
export interface TargetRegistration {
  name: string;
  idempotencyKey: string;
  url: string;
  /** Of what Cognigy is to send: the target's own kind of JSON, else `application/json`. */
  contentType: string;
  authentication?: { type: string; headers: Record<string, string>; username?: string; password?: string };
  retryPolicy?: { maxRetries: number; backoffMs: number; timeoutMs: number };
  headers: Record<string, string>;
  requestSigning: { enabled: boolean; secret?: string };
  settings: Record<string, string>;
}

/** Registers webhook targets. Made by {@link registrar}. */
export interface Registrar {
  /**
   * Looks at the target, registers it, waits until Cognigy calls it active, and tells the gateway. Writes one audit record, whatever comes of it.
   * The same input, later or at the same time, ends in the same registration.
   *
   * @returns What is registered; `success` is false where Cognigy did not call it active in time. A gateway that fails takes nothing away.
   * @throws {TrunklineError} why nothing was registered.
   */
  register(options?: RegistrationOptions): Promise<RegistrationResult>;
  /** All that `register` does before it registers; the credentials are tried, and nothing is changed. Writes no audit record. */
  plan(options?: RegistrationOptions): Promise<RegistrationPlan>;
  /** {@link preflight} of a target. Default: the registrar's own. */
  validate(url?: string, options?: { allowPrivate?: boolean }): Promise<PreflightReport>;
  /** `GET /health`. */
  router(): RequestHandler;
  /** Takes no more registrations and waits for those under way. Later ones reject with `CLOSED`. */
  close(): Promise<void>;
}

/**
 * The registrar: webhook targets, registered with Cognigy.AI once.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, naming every missing variable at once.
 */
export function registrar(options?: RegistrarOptions): Registrar;

// -------------------------------------------------------------------------------------------------------- intent routing

/** What a resource makes its request of. */
export interface RouteFacts {
  conversationId: string;
  intent: string;
  /** From 0 to 1. */
  confidence: number | undefined;
  /** ISO 8601. */
  time: string;
  /** The three above under their configured names, without the confidence where there is none. */
  attributes: Record<string, string | number>;
  /** What `routes` or `defaultQueue` says of the intent. */
  queue: number | undefined;
}

/**
 * The calls to CXone that are known by name.
 *
 * | resource | call |
 * |---|---|
 * | `interactionContext` | `POST /api/v2/interactions/interactions/{id}/context` `{ attributes }` |
 * | `signal` | `POST /inContactAPI/services/v30.0/interactions/{id}/signal?p1={intent}&p2={confidence}&p3={time}` |
 * | `digitalCustomFields` | `PUT /dfo/3.0/contacts/{id}/custom-fields` `[{ ident, value }]` |
 * | `routingQueue` | `PUT /dfo/3.0/contacts/{id}/routing-queue` `{ skillId }` |
 */
export type RouteResourceName = 'interactionContext' | 'signal' | 'digitalCustomFields' | 'routingQueue';

/** A call of your own to CXone. What goes into the path is yours to percent-encode. */
export interface RouteResource {
  /** Where it is: `'tenant'` (default), or where the tenant's discovery document says: the ACD's API, or that of CXone Digital. */
  host?: 'tenant' | 'acd' | 'digital';
  method: 'POST' | 'PUT' | 'PATCH';
  /** Begins with `/`. */
  path(facts: RouteFacts): string;
  /** Of the request; what is undefined is left out. */
  query?(facts: RouteFacts): Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  json?(facts: RouteFacts): unknown;
  /** It merges or replaces, so that it may be sent again where it is not known whether it arrived. Default false, but PUT always may. */
  idempotent?: boolean;
  /** An intent that has no queue is refused. */
  needsQueue?: boolean;
}

/** Which CXone, what is written to it, and who may call. */
export interface IntentRouterOptions extends ServiceOptions, InboundOptions {
  /**
   * `CXONE_TENANT`, required. For `interactionContext`: its name (`acme` is `acme.my.cxone.com`) or its host. For CXone's documented APIs: its id.
   * An absolute URL instead: every call goes there, tokens included.
   */
  tenant?: string;
  /** Of the API client. `CXONE_CLIENT_ID` and `CXONE_CLIENT_SECRET`, required. */
  clientId?: string;
  clientSecret?: string;
  /** An access key, for the documented APIs, which want one. `CXONE_ACCESS_KEY_ID` and `CXONE_ACCESS_KEY_SECRET`. */
  accessKeyId?: string;
  accessKeySecret?: string;
  /** Where the documented APIs' tokens and hosts are found. `CXONE_ISSUER`, default `https://cxone.niceincontact.com`. */
  issuer?: string;
  /** What is called. `CXONE_RESOURCE`, default `'interactionContext'`. */
  resource?: RouteResourceName | RouteResource;
  /**
   * How the attributes are called. `CXONE_ATTRIBUTE_NAMES`; there an object is JSON.
   * `'routedAt'` (default): `cognigyDetectedIntent`, `cognigyConfidence`, `routedAt`.
   * `'lastUpdated'`: `cognigyDetectedIntent`, `cognigyIntentConfidence`, `lastUpdated`.
   */
  attributeNames?: 'routedAt' | 'lastUpdated' | { intent: string; confidence: string; time: string };
  /** Intent → id of the skill that is its queue, own properties only. For `routingQueue`. `CXONE_ROUTES`, as JSON. */
  routes?: Readonly<Record<string, number>>;
  /** Where every other intent goes. `CXONE_DEFAULT_QUEUE`. */
  defaultQueue?: number;
  /** Everything, from the call to the answer: token, waits, tries; in milliseconds. `CXONE_DEADLINE_MS`, default 5000. */
  deadlineMs?: number;
  /** What differs from the default: 3 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /** Origins whose pages may call (CORS, Fetch standard). `CORS_ORIGIN`, comma-separated. Default: none. */
  corsOrigin?: string | readonly string[];
}

/** Which intent a conversation has. */
export interface RouteRequest {
  /** A UUID, or the decimal digits of an ACD contact. */
  conversationId: string;
  /** At most 256 characters. */
  intent: string;
  /** From 0 to 1. */
  confidence?: number | null;
}

/** The intent is written. */
export interface RouteResult {
  success: true;
  message: string;
  /** What CXone answered; `null` where that was nothing, or no JSON. */
  data: unknown;
}

/** Which intent is to go to which queue. */
export interface RoutingRuleRequest {
  intent: string;
  queueId: string;
  /** Default `Cognigy Intent Route: {intent}`. */
  name?: string;
}

/** The rule as CXone answered it; of one that was there already the name alone. */
export interface RoutingRule {
  /** `false`: there is one of that name already (409), and nothing was changed. */
  created: boolean;
  name: string;
  id?: string;
  [field: string]: unknown;
}

/** Intent routing. Made by {@link intentRouter}. */
export interface IntentRouter {
  /** `POST /api/route` and `GET /health`. Other paths go to `next`, or get 404 where there is none. Reads the raw body itself: mount it before any body parser. */
  router(): RequestHandler;
  /**
   * Writes the intent to CXone, within `deadlineMs`.
   *
   * @throws {TrunklineError} `MALFORMED_PAYLOAD`, naming every wrong field; `NOT_FOUND` for an unknown conversation; `RATE_LIMITED` with `retryAfterMs`;
   *   and what else the call ends with.
   */
  route(request: RouteRequest): Promise<RouteResult>;
  /**
   * Makes a routing rule that sends conversations with this intent to a queue. For `interactionContext`.
   *
   * @throws {TrunklineError} `CONFIG_INVALID` with a resource of CXone's documented APIs, which have no rules; and what else the call ends with.
   */
  createRoutingRule(rule: RoutingRuleRequest): Promise<RoutingRule>;
  /**
   * Resolves when CXone has taken the credentials, and also when it cannot be asked now: that is logged, and the next call tries again.
   *
   * @throws {TrunklineError} `AUTHENTICATION_FAILED`, and what else further tries do not mend.
   */
  ready(): Promise<void>;
  /** Takes no more work, and resolves when what is under way has ended. */
  close(): Promise<void>;
}

/**
 * Intent routing: the detected intent of a conversation goes to NICE CXone while the caller waits.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, naming every missing variable at once.
 */
export function intentRouter(options?: IntentRouterOptions): IntentRouter;

// ---------------------------------------------------------------------------------------------------------- profile sync

/** What a session has come to, as a Flow posts it. A `mapToProfile` of your own may read more. */
export interface SyncedSession {
  sessionId?: string;
  currentIntent?: string;
  sentiment?: number | string;
  customerEmail?: string | null;
  /** Required. At most 256 characters. */
  externalCustomerId: string | number;
  /** When the session had these values: ISO 8601, or ms since 1970. Where it is given, what is older than a value that Genesys has told is not written. */
  timestamp?: string | number;
  [field: string]: unknown;
}

/** How a customer can be reached: `{ type: 'email', value, primary: true }`. */
export interface ProfileIdentity {
  type: string;
  value: string;
  primary?: boolean;
}

/** Values to be written; others of the profile stay as they are. */
export interface MappedProfile {
  attributes: Record<string, unknown>;
  identities?: ProfileIdentity[];
}

/** What of a profile has changed and is news for its session. */
export interface ChangedProfile {
  /** Of the profile's attribute `cognigySessionId`. */
  sessionId: string;
  /** Whose session it is, for the resources that want to know: the external id, else the profile's id. */
  userId: string;
  profileId: string;
  externalId?: string;
  attributes: Record<string, unknown>;
}

/** What is sent to a session. */
export interface SessionUpdate {
  sessionId: string;
  updatedAttributes: Record<string, unknown>;
  profileId: string;
  userId?: string;
}

/** A profile resource of your own. The call must be safe to repeat: it merges. */
export interface ProfileResource {
  /** What tokens are asked for. */
  scope?: string;
  /** Without which a token is refused with `SCOPE_MISSING`. */
  requiredScopes?: string[];
  /** Does the far side honour `Idempotency-Key`? Then one is sent. */
  keyed?: boolean;
  /** What is sent. `path` begins with `/`; what goes into it is yours to percent-encode. */
  request(profile: { externalId: string; attributes: Record<string, unknown>; identities: ProfileIdentity[] }): { method: string; path: string; json: unknown };
  /** `updatedAt`: ISO 8601, by the far side's clock. */
  profileOf(answer: any): { profileId?: string; updatedAt?: string };
}

/** A session resource of your own, at the URL in `webhookUrl`. */
export interface SessionResource {
  method?: string;
  /** What is sent; `place` is `webhookUrl`. */
  request(update: SessionUpdate, place: URL): { path: string; json: unknown };
  /** Statuses that say that the session has ended: the update is dropped. Default 410. */
  goneStatuses?: number[];
}

/** Of {@link profileSync}. */
export interface ProfileSyncOptions extends ServiceOptions, InboundOptions {
  /** `GENESYS_DOMAIN`, required. A region of Genesys Cloud (`mypurecloud.de`: its API and its login server), another host, or an absolute URL. */
  domain?: string;
  /** `GENESYS_CLIENT_ID` and `GENESYS_CLIENT_SECRET`, required (OAuth client credentials, RFC 6749 4.4). */
  clientId?: string;
  clientSecret?: string;
  /** Where changes are forwarded to: `COGNIGY_WEBHOOK_URL`, required but for `contextInject`. */
  webhookUrl?: string;
  /** For `contextInject`: `COGNIGY_API_BASE_URL`, default `https://api.cognigy.ai`, and `COGNIGY_API_KEY`, required. */
  apiBaseUrl?: string;
  apiKey?: string;
  /** Goes before every external id: `GENESYS_PROFILE_PREFIX`. */
  profilePrefix?: string;
  /** This service's own URL, as Genesys reaches it: `MIDDLEWARE_URL`. Without it no webhook is registered. */
  middlewareUrl?: string;
  /**
   * What profiles are written to: `GENESYS_PROFILE_RESOURCE`. `'customerProfiles'` (default): `POST /api/v2/customer-profiles/profiles`.
   * `'externalContacts'`: `POST /api/v2/externalcontacts/contacts/enrich`, which wants the two ids below.
   */
  resource?: 'customerProfiles' | 'externalContacts' | ProfileResource;
  /** For `externalContacts`: `GENESYS_EXTERNAL_SOURCE_ID`, `GENESYS_CONTACT_SCHEMA_ID`; `GENESYS_CONTACT_SCHEMA_VERSION` (default 1), `GENESYS_DIVISION_ID`. */
  externalSourceId?: string;
  contactSchemaId?: string;
  contactSchemaVersion?: number;
  divisionId?: string;
  /**
   * How sessions are told: `COGNIGY_FORWARD_RESOURCE`. `'webhook'` (default): `POST` of `{ sessionId, updatedAttributes, profileId }` to the URL itself.
   * `'inject'`, `'notify'`: an Endpoint of Cognigy. `'contextInject'`: its API.
   */
  forwardTo?: 'webhook' | 'inject' | 'notify' | 'contextInject' | SessionResource;
  /** Default: `cognigySessionId`, `intent`, `sentimentScore`, `lastUpdated`, and the e-mail address as primary identity. */
  mapToProfile?(session: SyncedSession, facts: { externalId: string; now: Date }): MappedProfile | Promise<MappedProfile>;
  /** Default: `{ sessionId, updatedAttributes, profileId }`. */
  mapToSession?(profile: ChangedProfile): SessionUpdate | Promise<SessionUpdate>;
  /** Attributes that change with every write and are no news by themselves. Default `['lastUpdated']`. */
  volatileAttributes?: readonly string[];
  /** A first change of a customer waits so long for others, in milliseconds. Default 0: only those that come while one is being written are put together. */
  coalesceMs?: number;
  /** How long it is remembered which values came from which side, in milliseconds. Default 600000. */
  ledgerMs?: number;
  /** Where changes on their way to sessions, and the ledger, are kept. `TRUNKLINE_DATA_DIR`, default `./trunkline-data`. Made when absent. */
  dataDir?: string;
  /** Genesys is answered after so many milliseconds at the latest, and the work goes on. `TRUNKLINE_RESPOND_WITHIN_MS`, default 1000. */
  respondWithinMs?: number;
  /** Work that may be unfinished at a time; above it the answer is 503. Default 100000. */
  maxPending?: number;
  /** Of calls of Genesys. What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /** Of forwards. The same default. */
  forwardRetry?: Partial<RetryPolicy>;
  /** Of calls of Genesys. Default: no limit. */
  rateLimit?: ConnectionOptions['rateLimit'];
  /** Of forwards. A customer's later changes, in both directions, wait behind a forward that waits for its turn. Default: no limit. */
  forwardRateLimit?: ConnectionOptions['rateLimit'];
  /** Genesys Open Messaging signs with one of them (scheme `open-messaging`). `GENESYS_OPEN_MESSAGING_SECRET`, comma-separated. */
  openMessagingSecrets?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Who knows it may call both routes; the registered webhook is told it. `TRUNKLINE_INBOUND_TOKEN`. With neither this nor a secret only this machine may. */
  inboundToken?: string;
}

/** What Genesys is answered. */
export type ReceivedUpdate =
  /** Nothing of it was for us; or every change was our own write coming back, or older than what the session knows. */
  | { received: true; action: 'ignored' | 'echo_suppressed' }
  | { received: true; forwarded: true }
  /** Stored, and still being tried. */
  | { received: true; forwarded: false; queued: true }
  /** The session has ended: dropped. */
  | { received: true; forwarded: false; action: 'session_ended' }
  /** Refused for good, or its tries used up: it is a dead letter. */
  | { received: true; forwarded: false; error: string };

/** The webhook as it is now, and what was done for that. */
export interface RegisteredWebhook {
  id: string;
  action: 'created' | 'updated' | 'unchanged';
}

/** Counters since the start. */
export interface ProfileSyncStats {
  /** Changes from sessions; those among them that were put together with an earlier one, or into a later one of the other direction. */
  syncs: number;
  coalesced: number;
  /** Calls that write profiles, retries aside. */
  calls: number;
  /** Changes from Genesys that were stored; calls of sessions, retries included. */
  accepted: number;
  forwards: number;
  /** Changes of either side that told nothing new. */
  suppressed: number;
  /** Updates dropped because their session has ended. */
  ended: number;
  processed: number;
  retried: number;
  dead: number;
  pending: number;
  oldestAgeMs: number;
}

/** What {@link profileSync} makes. */
export interface ProfileSync {
  /**
   * `POST /webhook/sync`, `POST /webhook/genesys-to-cognigy` and `GET /health`. Other paths go to `next`, or get 404 where there is none. Reads the raw
   * body itself: mount it before any body parser.
   */
  router(): RequestHandler;
  /**
   * Writes a session's values into the customer's profile. Changes of one customer are written one after the other, in the order in which they came; those
   * that come meanwhile are put together, the newest value of each attribute.
   *
   * @throws {TrunklineError} `MALFORMED_PAYLOAD`; `QUEUE_FULL`; and what else the call ends with.
   */
  sync(session: SyncedSession): Promise<{ success: true; profileId: string | undefined }>;
  /**
   * Stores what a webhook of Genesys brings and forwards it to its sessions.
   *
   * @throws {TrunklineError} `MALFORMED_PAYLOAD`; `STORE_UNAVAILABLE`, `QUEUE_FULL` and `CLOSED` where not everything could be stored: then it is to be
   *   delivered again.
   */
  receive(payload: unknown): Promise<ReceivedUpdate>;
  /** Looks the webhook up, and makes it or brings it up to date where it has to be. `undefined`: there is no `middlewareUrl`. */
  registerWebhook(): Promise<RegisteredWebhook | undefined>;
  /** Updates that could not be forwarded. */
  readonly deadLetters: DeadLetters;
  /** Counters since the start; still there after close(). */
  stats(): ProfileSyncStats;
  /**
   * Resolves when the store is open, Genesys has taken the credentials, and the webhook is registered. A Genesys that cannot be reached now, and a webhook
   * that cannot be registered, are logged.
   *
   * @throws {TrunklineError} `AUTHENTICATION_FAILED`, `SCOPE_MISSING`, `STORE_UNAVAILABLE`, and what else further tries do not mend.
   */
  ready(): Promise<void>;
  /** Takes no more work, finishes what is under way within ten seconds, and leaves the rest on disk for the next start. */
  close(): Promise<void>;
}

/**
 * Profile sync: sessions of Cognigy.AI and customer profiles of Genesys Cloud, kept in step in both directions, without echoes.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, naming every missing variable at once.
 */
export function profileSync(options?: ProfileSyncOptions): ProfileSync;

// ------------------------------------------------------------------------------------------------------------ enrichment

export { enrichmentHandler } from './lambda';
export type {
  EnrichmentAnswer, EnrichmentBatchAnswer, EnrichmentBody, EnrichmentHandler, EnrichmentOptions, EnrichmentTarget, EventBridgeEvent, LambdaContext, SqsBatch,
} from './lambda';
