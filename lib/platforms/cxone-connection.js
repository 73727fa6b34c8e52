// A tenant of CXone as requests reach it: who we are there, where its APIs are, and one deadline over finding out and asking.
'use strict';

const cxone = require('./cxone.js');
const { HttpClient } = require('../http-client.js');
const { TrunklineError } = require('../errors.js');

/** @typedef {import('../..').HttpClientOptions} ClientOptions */
/** @typedef {{ baseUrl?: string, discovery?: { issuer: string, tenantId: string, host: 'acd' | 'digital' }, auth: any, secrets: string[] }} Tenant */

const TENANT_ID = /^[a-z0-9-]{1,64}$/i;

/**
 * Who and where the tenant is. At the tenant's own host it is client credentials in the body, as seed T1 has them; the documented APIs take an access
 * key, and are where discovery says, or all at the one URL that is given as tenant.
 * @param {import('../options.js').Options} options
 * @param {'tenant' | 'acd' | 'digital'} host where the resource is
 * @returns {Tenant}
 */
function readTenant(options, host) {
  const documented = host !== 'tenant';
  const tenant = options.text('tenant', { env: 'CXONE_TENANT', required: true });
  const clientId = options.text('clientId', { env: 'CXONE_CLIENT_ID', required: true });
  const clientSecret = options.secret('clientSecret', { env: 'CXONE_CLIENT_SECRET', required: true });
  const username = options.text('accessKeyId', { env: 'CXONE_ACCESS_KEY_ID', required: documented });
  const password = options.secret('accessKeySecret', { env: 'CXONE_ACCESS_KEY_SECRET', required: documented });
  const issuer = options.host('issuer', { env: 'CXONE_ISSUER', fallback: cxone.defaultIssuer });
  const client = { type: 'oauth2', clientId, clientSecret };
  const accessKey = { ...client, grant: 'password', username, password };
  const secrets = [clientSecret, password].filter((secret) => typeof secret === 'string' && secret !== '');
  if (typeof tenant !== 'string' || tenant === '') return { auth: client, secrets };
  if (documented && !tenant.includes('://')) {
    if (!TENANT_ID.test(tenant)) options.wrong('tenant (CXONE_TENANT)', 'the id of the tenant, or an absolute URL', tenant);
    return { discovery: { issuer, tenantId: tenant, host }, auth: { ...accessKey, issuer }, secrets };
  }
  const baseUrl = options.host('tenant', { env: 'CXONE_TENANT', domain: cxone.domain });
  const auth = documented ? { ...accessKey, issuer: baseUrl } : { ...client, tokenUrl: baseUrl + cxone.tokenPath, clientAuth: 'body' };
  return { baseUrl, auth, secrets };
}

class CxoneConnection {
  #tenant;
  #options;
  /** @type {HttpClient | undefined} */ #client;
  /** Of the discovery document. @type {HttpClient | undefined} */ #discoverer;
  /** @type {Promise<HttpClient> | null} */ #finding = null;
  /** @type {Promise<void> | undefined} */ #closing;

  /**
   * @param {Tenant} tenant
   * @param {Partial<ClientOptions>} options of the client, without baseUrl and auth
   */
  constructor(tenant, options) {
    this.#tenant = tenant;
    this.#options = { ...options, platform: cxone.name };
    if (tenant.discovery) this.#discoverer = new HttpClient({ ...this.#options, baseUrl: tenant.discovery.issuer });
    else this.#client = new HttpClient({ ...this.#options, baseUrl: tenant.baseUrl ?? '', auth: tenant.auth });
  }

  /**
   * @param {import('../..').HttpRequest} request without a deadline
   * @param {number} deadlineMs over everything
   */
  request(request, deadlineMs) {
    return this.#within(deadlineMs, (client, leftMs) => client.request({ ...request, deadlineMs: leftMs }));
  }

  /** Finds the hosts and fetches a token, where that has not been done. @param {number} deadlineMs over everything @returns {Promise<void>} */
  authenticate(deadlineMs) {
    return this.#within(deadlineMs, (client, leftMs) => client.authenticate({ deadlineMs: leftMs }));
  }

  /**
   * @template T
   * @param {number} deadlineMs
   * @param {(client: HttpClient, leftMs: number) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #within(deadlineMs, work) {
    if (this.#client) return work(this.#client, deadlineMs);
    const startedMs = performance.now();
    // Whoever comes while it is under way waits for it, which began before, and so ends before their own deadline.
    this.#finding ??= this.#find(deadlineMs).finally(() => { this.#finding = null; });
    const client = await this.#finding;
    return work(client, Math.max(1, Math.floor(deadlineMs - (performance.now() - startedMs))));
  }

  /** @param {number} deadlineMs @returns {Promise<HttpClient>} */
  async #find(deadlineMs) {
    const { tenantId, host } = /** @type {NonNullable<Tenant['discovery']>} */ (this.#tenant.discovery);
    const discoverer = /** @type {HttpClient} */ (this.#discoverer);
    let hosts;
    try {
      hosts = cxone.hostsOf((await discoverer.request({ path: cxone.configurationPath, query: { tenantId }, deadlineMs })).json());
    } catch (error) {
      throw notFound(/** @type {TrunklineError} */ (error));
    }
    if (!hosts) {
      throw new TrunklineError('MALFORMED_RESPONSE', 'the discovery document of the tenant names no hosts', {
        platform: cxone.name, hint: 'Check CXONE_ISSUER, and that no proxy answers in its place.',
      });
    }
    // Whatever host the document names gets a token: plain http is for loopback only, also where it is allowed otherwise.
    this.#client = new HttpClient({ ...this.#options, allowInsecure: false, baseUrl: hosts[host], auth: this.#tenant.auth });
    return this.#client;
  }

  /** @returns {Promise<void>} once what is under way has ended */
  close() {
    this.#closing ??= (async () => {
      await this.#discoverer?.close();
      await this.#finding?.catch(() => {});
      await this.#client?.close();
    })();
    return this.#closing;
  }
}

/**
 * That the hosts were not found. Without the status: it is no answer about a conversation.
 * @param {TrunklineError} error
 */
function notFound(error) {
  const { status, retryable, code, message, attempts, retryAfterMs, hint } = error;
  const refused = status !== undefined && !retryable;
  return new TrunklineError(refused ? 'CONFIG_INVALID' : code, `finding the hosts of the tenant: ${message}`, {
    platform: cxone.name, attempts, retryAfterMs, cause: error,
    hint: refused ? 'Check CXONE_TENANT, which is the id of the tenant here, and CXONE_ISSUER.' : hint,
  });
}

module.exports = { readTenant, CxoneConnection };
