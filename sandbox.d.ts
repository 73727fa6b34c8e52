/**
 * The platforms, simulated on loopback, with faults on demand.
 * For developing and testing without an account or a network. Nothing in it is meant for production.
 *
 * @module trunkline/sandbox
 */

/** Where the sandbox listens. */
export interface SandboxOptions {
  /** Default 0: a free port. */
  port?: number;
  /** Default `'127.0.0.1'`. */
  host?: string;
  /** How long a connection may be idle before it is closed, in milliseconds. Default 65000. */
  keepAliveMs?: number;
}

/** What goes wrong, for which requests, and how often. A request meets the first fault that fits it, in the order of adding. */
export interface FaultOptions {
  /** Only requests to this platform. */
  platform?: 'cognigy' | 'crm' | 'cxone' | 'gateway' | 'genesys' | 'login';
  method?: string;
  /** A prefix; or a pattern for the whole path, where `*` is anything but a slash and `**` is anything; or a RegExp (in this process only). */
  path?: string | RegExp;
  /** Answer with this status (200–599) instead of handling the request. */
  status?: number;
  /** Headers of that answer. */
  headers?: Record<string, string>;
  /** Body of that answer: a string as it is, anything else as JSON. */
  body?: unknown;
  /** How many requests it meets. Default 1; -1: until it is removed. */
  times?: number;
  /** Wait before anything else, in milliseconds. */
  delayMs?: number;
  /** Close the connection before the request is handled, after it without an answer, or half-way through the answer. */
  drop?: 'before' | 'after' | 'mid-body';
  /** Answer with bytes that are not HTTP. Stands alone. */
  garbage?: true;
}

export interface Fault extends FaultOptions {
  id: string;
  times: number;
  /** How many requests it has met. */
  hits: number;
}

/** One request that came in. Never holds a credential or a body. */
export interface LoggedRequest {
  /** Counts from 1 since the start or the last `clear`. */
  number: number;
  /** ISO 8601. */
  at: string;
  /** `null` where no platform has the path. */
  platform: string | null;
  method: string;
  /** Without its query. */
  path: string;
  /** `null` where the connection was closed instead of an answer. */
  status: number | null;
  idempotencyKey: string | null;
  /** Answered from an earlier request with the same `Idempotency-Key`. */
  replayed: boolean;
  /** The id of the fault that it met. */
  fault: string | null;
}

/** The faults that are to come. */
export interface Faults {
  /** @throws {Error} naming the field that is wrong. */
  add(options: FaultOptions): Fault;
  /** Those that will still meet a request. */
  list(): Fault[];
  /** `false` when there is none of that id. */
  remove(id: string): boolean;
  /** Removes all of them. */
  clear(): void;
}

/** What came in. */
export interface RequestLog {
  /** Requests since the last `clear`; the last 10,000 of them are kept. */
  readonly total: number;
  /** Oldest first. */
  list(): LoggedRequest[];
  /** Forgets all of them. */
  clear(): void;
  /** Resolves when `count` requests fit (default 1; those that are there already count). Rejects after `timeoutMs` (default 5000). */
  waitFor(fits: (request: LoggedRequest) => boolean, options?: { count?: number; timeoutMs?: number }): Promise<LoggedRequest[]>;
}

/** An event that a platform sent to a webhook: taken, or given up. */
export interface LoggedDelivery {
  /** Counts from 1 since the start or the last `clear`. */
  number: number;
  /** ISO 8601. */
  at: string;
  webhookId: string;
  /** Without its query. */
  url: string;
  eventType: string;
  /** Of the profile that changed. */
  externalId: string;
  /** The last; `null` where there was no answer. */
  status: number | null;
  /** Of the last error, as of `TrunklineError`; `null` where it was taken. */
  code: string | null;
  attempts: number;
}

/** What the platforms send to webhooks: to each in order, tried again as its `retryPolicy` says. */
export interface Deliveries {
  /** Ended since the last `clear`; the last 10,000 of them are kept. */
  readonly total: number;
  /** Waiting or under way. At most 100,000, and 64 MiB. */
  readonly pending: number;
  /** Never begun, because too many were pending. */
  readonly dropped: number;
  /** Those that have ended, oldest first. */
  list(): LoggedDelivery[];
  /** Forgets those that have ended. */
  clear(): void;
  /** As that of `RequestLog`. */
  waitFor(fits: (delivery: LoggedDelivery) => boolean, options?: { count?: number; timeoutMs?: number }): Promise<LoggedDelivery[]>;
  /** Resolves when none is pending. */
  idle(): Promise<void>;
}

/** The tokens that the simulated platforms give out. */
export interface SandboxTokens {
  /** Of tokens to come, in seconds. Default 3600. */
  lifetimeSeconds: number;
  /** Makes all that were given out invalid. */
  revoke(): void;
}

/** How the platforms behave. `reset` puts it back. */
export interface SandboxSettings {
  readonly cognigy: {
    /** A connector says `active` from this look at it on. Default 1. */
    pollsUntilActive: number;
  };
  readonly cxone: {
    /** Of all callers together; further ones get 429. Default 100. */
    requestsPerSecond: number;
  };
  readonly genesys: {
    /** Of each token; further ones get 429 with the headers that Genesys Cloud sends. Default `Infinity`; Genesys Cloud's own is 300. */
    requestsPerMinute: number;
    /** Between the tries of a delivery, in milliseconds. Default `undefined`: as the webhook's `retryPolicy` says. */
    retryIntervalMs: number | undefined;
  };
}

/** The simulated platforms, running. Made by {@link createSandbox}. */
export interface Sandbox {
  /** Its base URL without a slash at the end, e.g. `http://127.0.0.1:4010`. */
  readonly url: string;
  readonly port: number;
  /** The environment variables that make trunkline speak to it. */
  readonly env: Record<string, string>;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly deliveries: Deliveries;
  readonly tokens: SandboxTokens;
  readonly settings: SandboxSettings;
  /** Forgets faults, requests, deliveries, remembered answers and all that the platforms hold. */
  reset(): void;
  /** Stops listening, closes every connection and drops what is to be delivered. */
  close(): Promise<void>;
}

/** Starts the simulated platforms. Rejects with Node's own error when the port is taken. */
export function createSandbox(options?: SandboxOptions): Promise<Sandbox>;
