// The webhook by which Genesys tells of changed profiles: looked up, and made or brought up to date where it has to be.
'use strict';

const { randomUUID } = require('node:crypto');
const { TrunklineError } = require('../../errors.js');
const { webhooks } = require('../../platforms/genesys-profiles.js');
const { uuidV5 } = require('../../uuid.js');
const { canonical } = require('./ledger.js');

const KEYS = '6f3f1c8e-9f0b-5d3a-8a53-3f0d0c8c2a17';
const MAX_PAGES = 100;

/**
 * @param {import('../../..').HttpClient} client of Genesys
 * @param {{ url: string, headers: Record<string, string> }} target
 * @returns {Promise<{ id: string, action: 'created' | 'updated' | 'unchanged' }>}
 */
async function registerWebhook(client, target) {
  const wanted = webhooks.build(target);
  const found = await ours(client, target.url);
  const [existing] = found ?? [];
  if (existing === undefined) {
    // What cannot be looked for is known by its key. Elsewhere a key that stays the same could bring back a webhook that somebody has taken away.
    const idempotencyKey = found === undefined ? uuidV5(KEYS, canonical(wanted)) : randomUUID();
    const created = (await client.request({ ...webhooks.create(wanted), idempotencyKey })).json();
    const id = created?.id;
    if (typeof id !== 'string' || id === '') throw new TrunklineError('MALFORMED_RESPONSE', 'a webhook was made, and the answer does not name its id');
    return found === undefined ? { id, action: 'created' } : keepOne(client, target.url, id);
  }
  if (webhooks.isCurrent(existing, wanted)) return { id: existing.id, action: 'unchanged' };
  await client.request(webhooks.update(existing.id, wanted));
  return { id: existing.id, action: 'updated' };
}

/**
 * Names need not be unique, so several processes that start at once may each have made one. Whoever sees more than one takes all but one away, and all
 * the same one is left: the smallest id's, which nobody takes away.
 * @param {import('../../..').HttpClient} client @param {string} url @param {string} id of the one that we have made
 * @returns {Promise<{ id: string, action: 'created' | 'unchanged' }>}
 */
async function keepOne(client, url, id) {
  const [first = id, ...others] = (await ours(client, url) ?? []).filter(({ httpTarget }) => httpTarget?.url === url).map((one) => one.id).sort();
  await Promise.all(others.map((other) => client.request(webhooks.remove(other)).catch((error) => {
    if (error.code !== 'NOT_FOUND') throw error; // another has been here
  })));
  return { id: first, action: first === id ? 'created' : 'unchanged' };
}

/**
 * @param {import('../../..').HttpClient} client
 * @param {string} url
 * @returns {Promise<Array<import('../../platforms/genesys-profiles.js').Webhook & { id: string }> | undefined>} webhooks of our name, those with our URL
 *   first; undefined where webhooks can be made, but not listed
 */
async function ours(client, url) {
  /** @type {Array<import('../../platforms/genesys-profiles.js').Webhook & { id: string }>} */
  const named = [];
  for (let page = 1, pages = 1; page <= Math.min(pages, MAX_PAGES); page += 1) {
    const answer = await listed(client, page);
    if (answer === undefined) return undefined;
    pages = webhooks.pageCount(answer);
    named.push(...webhooks.named(answer, webhooks.name));
  }
  return named.sort((a, b) => Number(b.httpTarget?.url === url) - Number(a.httpTarget?.url === url));
}

/** @param {import('../../..').HttpClient} client @param {number} page @returns {Promise<unknown>} undefined where there is no such list */
async function listed(client, page) {
  try {
    return (await client.request(webhooks.list(page))).json();
  } catch (error) {
    if ([404, 405].includes(/** @type {import('../../..').TrunklineError} */ (error).status ?? 0)) return undefined;
    throw error;
  }
}

module.exports = { registerWebhook };
