// A stage for tests of the intent router: the simulated CXone, routers on it, and callers.
'use strict';

const { intentRouter } = require('../../lib/index.js');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { Stage } = require('./stage.js');
const { send } = require('./send.js');

/** The tries that there are by default, without the waits. @type {Partial<import('../..').RetryPolicy>} */
const NO_WAITS = { baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' };
const CONVERSATION = '0f8fad5b-d9cb-469f-a165-70867728950e';

/** @typedef {import('../..').IntentRouter} Router */
/** @typedef {import('../..').IntentRouterOptions} Options */

class RouterStage extends Stage {
  /** @param {Options} [options] @returns {Router} */
  router(options = {}) {
    return this.add(/** @type {Router} */ (/** @type {unknown} */ (intentRouter({ env: this.sandbox.env, retry: NO_WAITS, logger: this.logger, ...options }))));
  }

  /** A router behind a plain server. @param {Options} [options] @returns {Promise<string>} its base URL */
  startRouter(options) {
    return this.serve(this.router(options).router());
  }

  /**
   * @param {string} url of the server
   * @param {object | string} [body] what differs from a good request, or the whole text
   * @param {Record<string, string>} [headers]
   */
  route(url, body = {}, headers = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify({ conversationId: CONVERSATION, intent: 'billing_inquiry', confidence: 0.93, ...body });
    return send(`${url}/api/route`, { headers: { 'content-type': 'application/json', ...headers }, body: text });
  }

  /** A CXone that records: `answer` is asked for everything but tokens. */
  async cxone() {
    const platform = await this.platform();
    const own = { answer: platform.answer };
    platform.answer = (res, seen, number) => {
      if (seen.url !== '/oauth/token') return own.answer(res, seen, number);
      return res.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"very-secret-token","token_type":"Bearer","expires_in":3600}');
    };
    return {
      options: { tenant: platform.url },
      /** @param {import('./platform.js').Answer} answer */
      set answer(answer) { own.answer = answer; },
      get tokens() { return platform.seen.filter(({ url }) => url === '/oauth/token'); },
      get calls() { return platform.seen.filter(({ url }) => url !== '/oauth/token'); },
    };
  }

  /** What the simulated CXone was asked, tokens aside. */
  calls() {
    return this.sandbox.requests.list().filter(({ platform }) => platform === 'cxone');
  }
}

const openRouterStage = async () => new RouterStage(await createSandbox());

module.exports = { openRouterStage, RouterStage, CONVERSATION, NO_WAITS };
