// Cognigy.AI's administration: how one logs in there, and the resources in which webhook targets are registered.
'use strict';

/** @typedef {import('../services/registration.js').Registration} Registration */

/**
 * A resource that holds targets: its collection takes POST to create one and GET to list them, and what is in it has its id as path below.
 * @typedef {object} TargetResource
 * @property {string} path of the collection
 * @property {string} [login] the usual one of `logins`
 * @property {string[]} [scopes] what a token has to allow: to write first, then to read
 * @property {{ requests: number, perMs: number }} [rateLimit] the platform's own
 * @property {boolean} [keepsKeys] honours Idempotency-Key; where it does not, the name is looked up before anything is created
 * @property {Partial<Registration>} [defaults] of what a caller may leave out
 * @property {string[]} [settings] of `platformSettings`, what it cannot do without
 * @property {(registration: Omit<Registration, 'url' | 'name' | 'idempotencyKey' | 'secrets' | 'contentType'>) => Record<string, string>} [unfit] what of a registration it
 *   cannot hold, and what it can
 * @property {(registration: Registration) => object} body of the POST
 * @property {(name: string | undefined, o: { settings: Record<string, string> }) => Record<string, string | number | undefined>} query lists those of that name, or all
 * @property {(item: any) => { id: unknown, status: unknown, url: unknown }} read what one of them says of itself
 */

/** What stands for a token that Cognigy fills in when it calls the target. */
const TOKEN_TEMPLATE = 'Bearer {{dynamic_token}}';

/** @type {Record<string, TargetResource>} */
const resources = {
  // As seed T4 has it.
  connectors: {
    path: '/api/v1/connectors',
    login: 'v1-token',
    scopes: ['connectors:write', 'connectors:read'],
    rateLimit: { requests: 100, perMs: 60_000 },
    keepsKeys: true,
    defaults: {
      authentication: { type: 'bearer', headers: { Authorization: TOKEN_TEMPLATE } },
      retryPolicy: { maxRetries: 3, backoffMs: 1000, timeoutMs: 5000 },
    },
    body: ({ name, url, contentType, authentication, retryPolicy, headers, requestSigning }) => ({
      name,
      endpointUrl: url,
      authentication: { type: authentication?.type, headers: authentication?.headers },
      retryPolicy,
      headers: { 'X-Content-Type': contentType, ...headers },
      requestSigning: requestSigning.enabled
        ? { enabled: true, algorithm: 'HMAC-SHA256', headerName: 'X-Webhook-Signature', secret: requestSigning.secret }
        : { enabled: false },
    }),
    query: (name) => ({ name }),
    read: ({ id, status, endpointUrl }) => ({ id, status, url: endpointUrl }),
  },

  // As Cognigy.AI has it today (@cognigy/rest-api-client 0.19): a Webhook Endpoint of a Flow. It neither signs nor tells a status, and takes a name twice.
  endpoints: {
    path: '/new/v2.0/endpoints',
    login: 'oauth2-token',
    rateLimit: { requests: 1000, perMs: 300_000 },
    settings: ['projectId', 'flowId', 'localeId'],
    unfit: ({ authentication, retryPolicy, headers, requestSigning }) => ({
      ...(requestSigning.enabled && { requestSigning: 'none, because an Endpoint does not sign' }),
      ...(authentication && authentication.username === undefined && { authentication: 'basic, with username and password' }),
      ...(retryPolicy && { retryPolicy: 'none, because an Endpoint has its own' }),
      ...(Object.keys(headers).length > 0 && { headers: 'none, because an Endpoint sends its own' }),
    }),
    body: ({ name, url, authentication, settings: { projectId, flowId, localeId } }) => ({
      name,
      channel: 'webhook',
      projectId,
      entrypoint: projectId,
      flowId,
      localeId,
      active: true,
      settings: { webhookUrl: url, basicAuthUser: authentication?.username ?? '', basicAuthPassword: authentication?.password ?? '' },
    }),
    query: (name, { settings: { projectId } }) => ({ projectId, name, limit: 100 }),
    read: ({ _id, active, settings }) => ({ id: _id, status: active === false ? 'inactive' : 'active', url: settings?.webhookUrl }),
  },
};

/**
 * Ways to log in: what each needs, and what HttpClient makes of it.
 * @type {Record<string, { needs: string[], auth: (o: { baseUrl: string, scopes: string[], clientId: string, clientSecret: string, apiKey: string }) => import('../..').Auth }>}
 */
const logins = {
  // As seed T4 has it: Basic, at the path of the old API.
  'v1-token': {
    needs: ['clientId', 'clientSecret'],
    auth: ({ baseUrl, scopes, clientId, clientSecret }) => ({
      type: 'oauth2', tokenUrl: `${baseUrl}/api/v1/auth/token`, clientId, clientSecret, scope: scopes.join(' '), requiredScopes: scopes,
    }),
  },
  // As Cognigy.AI has it today: client id and secret in the form.
  'oauth2-token': {
    needs: ['clientId', 'clientSecret'],
    auth: ({ baseUrl, scopes, clientId, clientSecret }) => ({
      type: 'oauth2', tokenUrl: `${baseUrl}/auth/oauth2/token`, clientId, clientSecret, clientAuth: 'body', scope: scopes.join(' '), requiredScopes: scopes,
    }),
  },
  'api-key': {
    needs: ['apiKey'],
    auth: ({ apiKey }) => ({ type: 'header', name: 'X-API-Key', value: apiKey }),
  },
};

module.exports = { name: 'Cognigy', resources, logins };
