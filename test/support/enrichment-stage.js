// A stage for tests of the enrichment: a sandbox, a platform that records, handlers on them; all of it taken down together.
'use strict';

const { randomUUID } = require('node:crypto');
const { enrichmentHandler } = require('../../lib/lambda.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { FAST_RETRY } = require('./client-stage.js');
const { onFreshPort } = require('./fresh-port.js');
const { openPlatform } = require('./platform.js');
const { RecordingLogger } = require('./recording-logger.js');
const { send } = require('./send.js');

/** @typedef {import('../../lambda').EnrichmentOptions} EnrichmentOptions */
/** @typedef {import('../../lambda').EnrichmentHandler} EnrichmentHandler */
/** @typedef {import('./platform.js').Answer} PlatformAnswer */

/** In the sandbox from the start. */
const CUSTOMER_ID = 'CUST-1001';
const CUSTOMER = { crmAccountId: 'ACCT-99281', lifetimeValue: 14250.75, loyaltyTier: 'Platinum', lastPurchaseDate: '2024-05-28T09:15:00Z' };

/** As seed T3 has it. @param {object} [detail] @param {object} [more] @returns {any} */
const seedEvent = (detail = {}, more = {}) => ({
  version: '0', id: randomUUID(), 'detail-type': 'Genesys Interaction Event', source: 'genesys.cloud', account: '123456789012', time: '2024-06-15T14:32:10Z',
  region: 'us-east-1', resources: [],
  detail: { interactionId: randomUUID(), type: 'voice', direction: 'inbound', initiationTimestamp: '2024-06-15T14:32:08Z', externalCustomerId: CUSTOMER_ID, ...detail },
  ...more,
});

/** As Genesys Cloud's own event source has it. @param {object} [eventBody] @param {object} [more] @returns {any} */
const partnerEvent = (eventBody = {}, more = {}) => ({
  version: '0', id: randomUUID(), 'detail-type': 'v2.detail.events.conversation.{id}.customer.start',
  source: 'aws.partner/genesys.com/cloud/2b8f9a1e-0000-4000-8000-3c1d5e7f9a0b/events', account: '123456789012', time: '2025-06-15T14:32:10Z', region: 'us-east-1', resources: [],
  detail: {
    topicName: 'v2.detail.events.conversation.{id}.customer.start', version: '2', metadata: { CorrelationId: randomUUID() }, timestamp: '2025-06-15T14:32:10Z',
    eventBody: {
      eventTime: 1750000000000, conversationId: randomUUID(), participantId: randomUUID(), sessionId: randomUUID(), mediaType: 'VOICE', direction: 'INBOUND',
      ani: 'tel:+4930123456', dnis: 'tel:+49800123', externalContactId: CUSTOMER_ID, ...eventBody,
    },
  },
  ...more,
});

/** @param {Array<object | string>} bodies @param {(index: number) => object} [more] */
const sqsBatch = (bodies, more = () => ({})) => ({
  Records: bodies.map((body, index) => ({
    messageId: `message-${index}`, eventSource: 'aws:sqs', body: typeof body === 'string' ? body : JSON.stringify(body), attributes: {}, ...more(index),
  })),
});

/** @param {number} ms that Lambda leaves, from now on */
const lambdaContext = (ms) => {
  const endMs = performance.now() + ms;
  return { getRemainingTimeInMillis: () => Math.max(0, Math.round(endMs - performance.now())) };
};

class EnrichmentStage {
  logger = new RecordingLogger();
  sandbox;
  /** @type {Array<() => Promise<unknown>>} */
  #closers = [];

  /** @param {Awaited<ReturnType<typeof createSandbox>>} sandbox */
  constructor(sandbox) {
    this.sandbox = sandbox;
  }

  /** @param {EnrichmentOptions} [options] @returns {any} the handler, whatever a test calls it with */
  handler(options = {}) {
    const handler = enrichmentHandler({ env: this.sandbox.env, retry: FAST_RETRY, logger: this.logger, ...options });
    this.#closers.push(() => handler.close());
    return handler;
  }

  /**
   * A platform that records. Unless `answer` speaks for a request, it behaves as it should.
   * @param {(seen: import('./platform.js').Seen) => PlatformAnswer | undefined} [answer]
   */
  async platform(answer = () => undefined) {
    const platform = await onFreshPort(openPlatform);
    platform.answer = (res, seen, number) => {
      const own = answer(seen);
      if (own) return own(res, seen, number);
      if (seen.url.startsWith('/oauth/token')) return res.end('{"access_token":"tok-1","token_type":"Bearer","expires_in":3600}');
      return res.end(JSON.stringify(seen.method === 'GET' ? CUSTOMER : {}));
    };
    this.#closers.push(() => platform.close());
    /** @type {Record<string, string | undefined>} */
    const env = { ...this.sandbox.env, GENESYS_ENVIRONMENT: platform.url, CRM_API_BASE_URL: platform.url };
    return Object.assign(platform, { env });
  }

  /** What has been written to the platforms, where the answer arrived. */
  writes() {
    return this.sandbox.requests.list().filter(({ method, status, replayed }) => method === 'PATCH' && status !== null && status < 300 && !replayed);
  }

  /** @param {string} path */
  async read(path) {
    const { GENESYS_CLIENT_ID: id, GENESYS_CLIENT_SECRET: secret } = this.sandbox.env;
    const login = await send(`${this.sandbox.url}/oauth/token`, {
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' }, body: 'grant_type=client_credentials',
    });
    const answer = await send(this.sandbox.url + path, { method: 'GET', headers: { authorization: `Bearer ${login.json.access_token}` } });
    if (answer.status !== 200) throw new Error(`${path}: expected 200, got ${answer.status}: ${answer.text}`);
    return answer.json;
  }

  /** @param {{ detail: any }} event */
  async contextOf({ detail }) {
    return (await this.read(`/api/v2/interactions/${encodeURIComponent(detail.interactionId ?? detail.eventBody.conversationId)}`)).context;
  }

  async close() {
    for (const close of this.#closers.reverse()) await close();
    await this.sandbox.close();
  }
}

const openEnrichmentStage = async () => new EnrichmentStage(await onFreshPort(createSandbox));

module.exports = { openEnrichmentStage, seedEvent, partnerEvent, sqsBatch, lambdaContext, CUSTOMER, CUSTOMER_ID, EnrichmentStage };
