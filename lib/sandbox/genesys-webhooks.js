// Simulated Genesys Cloud: webhooks as seed T0 has them. They really deliver.
'use strict';

const http = require('node:http');
const { randomUUID } = require('node:crypto');
const { Refusal, parseObject } = require('./answer.js');
const { check, objectIn, textIn } = require('./fields.js');

/** @typedef {import('./platforms.js').Route} Route */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */

const PATH = '/api/v2/webhooks';
const MAX_WEBHOOKS = 1000;
const MAX_RETRIES = 10;
const MAX_INTERVAL_S = 3600;
const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 100;

/** @param {unknown} value @param {number} min @param {number} max */
const isBetween = (value, min, max) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;

/** @param {unknown} url */
const isTarget = (url) => typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** @param {Record<string, any>} headers */
function checkHeaders(headers) {
  for (const [name, value] of Object.entries(headers)) {
    try {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    } catch {
      throw new Refusal(400, 'httpTarget.httpHeaders: expected valid names and values of headers');
    }
  }
}

/** @param {Buffer} body @returns {any} a webhook without an id */
function readWebhook(body) {
  const given = parseObject(body);
  const { description = '', enabled = true, eventFilters } = given;
  const { url, httpHeaders = {} } = objectIn(given, 'httpTarget');
  const { maxRetries = 0, retryIntervalSeconds = 60 } = given.retryPolicy === undefined ? {} : objectIn(given, 'retryPolicy');
  check(typeof enabled === 'boolean', 'enabled: expected true or false');
  check(Array.isArray(eventFilters) && eventFilters.length > 0 && eventFilters.every((one) => typeof one === 'string'), 'eventFilters: expected names of events');
  check(isTarget(url), 'httpTarget.url: expected an http or https URL');
  checkHeaders(objectIn({ httpHeaders }, 'httpHeaders'));
  check(isBetween(maxRetries, 0, MAX_RETRIES), `retryPolicy.maxRetries: expected a whole number from 0 to ${MAX_RETRIES}`);
  check(isBetween(retryIntervalSeconds, 1, MAX_INTERVAL_S), `retryPolicy.retryIntervalSeconds: expected a whole number from 1 to ${MAX_INTERVAL_S}`);
  return { name: textIn(given, 'name'), description, enabled, eventFilters, httpTarget: { url, httpHeaders }, retryPolicy: { maxRetries, retryIntervalSeconds } };
}

/** @param {URLSearchParams} query @param {string} name @param {number} fallback @param {number} max */
function numberIn(query, name, fallback, max) {
  const value = Number(query.get(name) ?? fallback);
  check(isBetween(value, 1, max), `${name}: expected a whole number from 1 to ${max}`);
  return value;
}

/**
 * @param {import('./logins.js').Logins} logins
 * @param {import('./deliveries.js').Deliveries} deliveries
 * @param {{ retryIntervalMs: number | undefined }} settings
 */
function createWebhooks(logins, deliveries, settings) {
  /** Names need not be unique. @type {Map<string, any>} by their ids */
  const webhooks = new Map();

  /** @param {PlatformRequest} request */
  const authenticate = (request) => {
    logins.check(request, 'webhook:write');
    logins.check(request, 'customer:profile:webhook');
  };

  /** @param {string} id */
  const at = (id) => {
    const webhook = webhooks.get(id);
    if (webhook === undefined) throw new Refusal(404, 'there is no such webhook');
    return webhook;
  };

  /** @type {Route[]} */
  const routes = [
    {
      method: 'POST',
      path: PATH,
      handle: ({ body }) => {
        check(webhooks.size < MAX_WEBHOOKS, `webhooks: expected at most ${MAX_WEBHOOKS}`);
        const webhook = { id: randomUUID(), ...readWebhook(body) };
        webhooks.set(webhook.id, webhook);
        return { status: 201, body: webhook };
      },
    },
    {
      method: 'GET',
      path: PATH,
      handle: ({ query }) => {
        const pageSize = numberIn(query, 'pageSize', DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
        const pageNumber = numberIn(query, 'pageNumber', 1, Number.MAX_SAFE_INTEGER);
        const entities = [...webhooks.values()].slice((pageNumber - 1) * pageSize, pageNumber * pageSize);
        return { status: 200, body: { entities, pageSize, pageNumber, total: webhooks.size, pageCount: Math.ceil(webhooks.size / pageSize) } };
      },
    },
    { method: 'GET', path: `${PATH}/{id}`, handle: ({ params }) => ({ status: 200, body: at(params.id) }) },
    {
      // Checked as a whole, with what it does not name as it is.
      method: 'PATCH',
      path: `${PATH}/{id}`,
      handle: ({ params: { id }, body }) => {
        webhooks.set(id, { id, ...readWebhook(Buffer.from(JSON.stringify({ ...at(id), ...parseObject(body) }))) });
        return { status: 200, body: webhooks.get(id) };
      },
    },
    {
      method: 'PUT',
      path: `${PATH}/{id}`,
      handle: ({ params: { id }, body }) => {
        at(id);
        webhooks.set(id, { id, ...readWebhook(body) });
        return { status: 200, body: webhooks.get(id) };
      },
    },
    {
      method: 'DELETE',
      path: `${PATH}/{id}`,
      handle: ({ params: { id } }) => {
        at(id);
        webhooks.delete(id);
        void deliveries.forget(id);
        return { status: 204 };
      },
    },
  ];

  return {
    reset: () => webhooks.clear(),
    routes: routes.map((route) => ({ ...route, authenticate })),

    /**
     * To every webhook that wants to know.
     * @param {string} eventType @param {{ timestamp: string, profile: { externalId: string } }} event
     */
    tell: (eventType, { timestamp, profile }) => {
      const body = JSON.stringify({ events: [{ eventType, timestamp, profile }] });
      for (const { id, enabled, eventFilters, httpTarget: { url, httpHeaders }, retryPolicy: { maxRetries, retryIntervalSeconds } } of webhooks.values()) {
        if (!enabled || !eventFilters.includes(eventType)) continue;
        deliveries.add({
          webhookId: id,
          url: new URL(url),
          headers: httpHeaders,
          retry: { attempts: 1 + maxRetries, intervalMs: settings.retryIntervalMs ?? retryIntervalSeconds * 1000 },
          facts: { eventType, externalId: profile.externalId },
          body,
        });
      }
    },
  };
}

module.exports = { createWebhooks };
