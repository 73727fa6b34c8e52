/**
 * What AWS Lambda runs. It loads no Express, no store, no logger and no command line.
 *
 * @module trunkline/lambda
 */

import type { Auth, ConnectionOptions, Logger, RetryPolicy, ServiceOptions, TrunklineError } from './index';

export { TrunklineError } from './index';

/** An event as Amazon EventBridge hands it over. */
export interface EventBridgeEvent {
  /** The same for every delivery of an event. */
  id?: string;
  /** `'genesys.cloud'`, or Genesys Cloud's own event source: `'aws.partner/genesys.com/cloud/{orgId}/{suffix}'`. */
  source: string;
  /** `interactionId`; or Genesys Cloud's own shape: `eventBody` with `conversationId` and, for most topics, `participantId`. */
  detail: Record<string, any>;
  [field: string]: any;
}

/** A batch as Amazon SQS hands it over; each body is an {@link EventBridgeEvent} in JSON. */
export interface SqsBatch {
  Records: Array<{ messageId: string; body: string; eventSource: string; [field: string]: any }>;
}

/** The part of AWS Lambda's context that is used. */
export interface LambdaContext {
  /** Of this invocation. */
  getRemainingTimeInMillis?(): number;
  [field: string]: any;
}

/** `body` is JSON. */
export interface EnrichmentAnswer {
  statusCode: 200 | 500;
  body: string;
}

/** What a 200's body says. */
export interface EnrichmentBody {
  message: string;
  interactionId: string;
  /** Nothing was written: the interaction is gone, there is nothing to write, or it is written already. */
  skipped?: true;
  /** The event has been seen in this environment. */
  duplicate?: true;
  /** What was written is the `fallback`. */
  fallback?: true;
}

/** The messages that Amazon SQS is to deliver again, where the mapping reports them (`ReportBatchItemFailures`). */
export interface EnrichmentBatchAnswer {
  batchItemFailures: Array<{ itemIdentifier: string }>;
}

/**
 * A call of your own that writes the attributes. It must be safe to repeat: it merges by key, or replaces.
 * An event's id is sent along as `Idempotency-Key`.
 */
export interface EnrichmentTarget {
  method: 'PATCH' | 'PUT' | 'POST';
  /** Begins with `/`; may hold `{interactionId}`, `{participantId}`, `{customerId}` and `{eventId}`, each percent-encoded (RFC 3986, 2.1). */
  path: string;
  /** Made into JSON. Default: the attributes themselves. */
  body?: (attributes: Record<string, unknown>) => unknown;
  /** What tokens are asked for. Default: what the OAuth client has been given. */
  scope?: string;
}

/** What is written to an interaction, by name. */
export type Attributes = Record<string, unknown>;

/** Where customers are looked up, what is written of them, and what happens when that fails. */
export interface EnrichmentOptions extends ServiceOptions {
  /** OAuth client of Genesys Cloud. `GENESYS_CLIENT_ID` and `GENESYS_CLIENT_SECRET`. Required. */
  clientId?: string;
  clientSecret?: string;
  /**
   * Genesys Cloud's region, such as `mypurecloud.ie` or `usw2.pure.cloud`, or an absolute URL, where every call then goes, tokens included.
   * `GENESYS_ENVIRONMENT`, default `mypurecloud.com`.
   */
  environment?: string;
  /** `CRM_API_BASE_URL`, a host or an absolute URL. Required. */
  crmBaseUrl?: string;
  /** Bearer token of the CRM (RFC 6750). `CRM_API_KEY`. Required unless there is `crmAuth`. */
  crmApiKey?: string;
  /** Other credentials for the CRM. */
  crmAuth?: Auth;
  /** Where the CRM has a customer. Default `'customers'`: `GET /customers/{customerId}`. The id is percent-encoded. */
  crmResource?: 'customers' | { path: string };
  /** One try of the CRM, in milliseconds. Default 3000. */
  crmTimeoutMs?: number;
  /**
   * What is written. Default `'interactionContext'`: `PATCH /api/v2/interactions/{interactionId}`.
   * `'participantAttributes'`: `PATCH /api/v2/conversations/{interactionId}/participants/{participantId}/attributes`, values as strings; where the event names
   * no participant, that of the conversation's customer.
   */
  target?: 'interactionContext' | 'participantAttributes' | EnrichmentTarget;
  /**
   * The customer's id in an event. Default: `externalCustomerId` in `detail`; in `detail.eventBody` that, or `attributes.externalCustomerId`, or
   * `externalContactId`. Without one nothing is read and nothing written.
   */
  customerIdFrom?: (event: any) => string | number | null | undefined | Promise<string | number | null | undefined>;
  /** What is written of a customer. Default: `crmAccountId`, `lifetimeValue`, `loyaltyTier` and `lastPurchaseDate`. Nothing, or no attribute: nothing is written. */
  mapCustomer?: (customer: any, event: any) => Attributes | null | undefined | Promise<Attributes | null | undefined>;
  /** What is written when the CRM is down and its tries are used up. Nothing: the event fails, and comes again. Default: none. */
  fallback?: Attributes | ((event: any, error: TrunklineError) => Attributes | null | undefined | Promise<Attributes | null | undefined>);
  /** A failure that may pass throws, so that Lambda tries again and then dead-letters it; or it is answered with 500. Default `'throw'`. */
  onTransientFailure?: 'throw' | 'respond';
  /** A failure that will not pass is answered with 500, which Lambda takes for a success; or it throws as well. Default `'respond'`. */
  onPermanentFailure?: 'respond' | 'throw';
  /** Messages of a batch that are worked on at a time. Default 10. */
  batchConcurrency?: number;
  /** Of the time that Lambda leaves, so much is kept for the answer, in milliseconds. Default 300. */
  deadlineMarginMs?: number;
  /** How many event ids are remembered (default 16384), and for how long (default 86400000 ms, 24 hours). */
  idempotency?: { capacity?: number; ttlMs?: number };
  /** What differs from the default: 4 tries, 1000 ms × 2, at most 8000 ms, up to 500 ms added. */
  retry?: Partial<RetryPolicy>;
  /** One try of Genesys Cloud, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** Of calls to Genesys Cloud, in this environment. Default: no limit. */
  rateLimit?: ConnectionOptions['rateLimit'];
  /** Default: one JSON object a line on stderr, written at once. `false`: none. */
  logger?: Logger | false;
}

/** The Lambda handler itself. */
export interface EnrichmentHandler {
  /**
   * @throws {TrunklineError} what a retry can mend, unless `onTransientFailure` is `'respond'`; `CLOSED` after `close()`.
   */
  (event: EventBridgeEvent, context?: LambdaContext): Promise<EnrichmentAnswer>;
  (batch: SqsBatch, context?: LambdaContext): Promise<EnrichmentBatchAnswer>;
  /** Takes no more events, and resolves when those under way have ended. */
  close(): Promise<void>;
}

/**
 * Enrichment in AWS Lambda: an event of Genesys Cloud in, the customer looked up in the CRM, and what it says written to the interaction.
 * Every wait ends before the invocation's time does, and nothing runs on after the answer.
 *
 * @throws {TrunklineError} `CONFIG_INVALID`, naming every missing variable at once.
 */
export function enrichmentHandler(options?: EnrichmentOptions): EnrichmentHandler;
