// The webhook by which Genesys tells of changed profiles: looked up, and made or brought up to date where it has to be.
'use strict';

const { webhooks } = require('../platforms/genesys-profiles.js');
const { uuidV5 } = require('../uuid.js');
const { canonical } = require('./sync-ledger.js');

const KEYS = '6f3f1c8e-9f0b-5d3a-8a53-3f0d0c8c2a17';
const MAX_PAGES = 100;

/**
 * @param {import('../..').HttpClient} client of Genesys
 * @param {{ url: string, headers: Record<string, string> }} target
 * @returns {Promise<{ id: string, action: 'created' | 'updated' | 'unchanged' }>}
 */
async function registerWebhook(client, target) {
  const wanted = webhooks.build(target);
  const existing = await findWebhook(client, target.url);
  if (existing === undefined) {
    // Two processes that start at once mean one webhook.
    const created = await client.request({ ...webhooks.create(wanted), idempotencyKey: uuidV5(KEYS, canonical(wanted)) });
    return { id: String(created.json()?.id), action: 'created' };
  }
  if (webhooks.isCurrent(existing, wanted)) return { id: existing.id, action: 'unchanged' };
  await client.request(webhooks.update(existing.id, wanted));
  return { id: existing.id, action: 'updated' };
}

/** @param {import('../..').HttpClient} client @param {string} url */
async function findWebhook(client, url) {
  let named;
  for (let page = 1, pages = 1; page <= Math.min(pages, MAX_PAGES); page += 1) {
    const answer = (await client.request(webhooks.list(page))).json();
    pages = webhooks.pageCount(answer);
    const found = webhooks.find(answer, webhooks.name, url);
    if (found?.httpTarget?.url === url) return found;
    named ??= found;
  }
  return named;
}

module.exports = { registerWebhook };
