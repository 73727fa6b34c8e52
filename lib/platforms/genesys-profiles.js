// Genesys Cloud's customers: the resources that a profile is written to, the webhook that tells of changes, and the events that it brings.
//
// What is verified. `externalContacts` is Genesys Cloud's own API: path, body and answer as in purecloud-platform-client-v2 262.0.0, "Upsert" and the
// shape of `schema` as users of it post them; that custom fields are merged by key, and the scope, are not. `customerProfiles` and `webhooks` are as
// seed T0 describes them; no public document or SDK of Genesys Cloud has them, and how a list of webhooks is paged is taken from its other lists.
'use strict';

const { readPath } = require('./path.js');

/**
 * @typedef {object} Profile
 * @property {string} externalId
 * @property {Record<string, unknown>} attributes
 * @property {Array<{ type: string, value: string, primary?: boolean }>} identities
 *
 * How a profile becomes a request. Attributes in it overwrite, others stay: it is safe to send twice.
 * @typedef {object} ProfileResource
 * @property {string} path
 * @property {string} [scope] what its tokens are asked for; none: whatever the client has been given
 * @property {string[]} requiredScopes without which a token is of no use
 * @property {boolean} keyed the far side honours Idempotency-Key
 * @property {(profile: Profile) => { method: string, path: string, json: unknown }} request
 * @property {(answer: any) => { profileId?: string, updatedAt?: string }} profileOf `updatedAt` in ISO 8601, by the far side's clock
 *
 * @typedef {{ method: string, path: string, query?: Record<string, string | number>, json?: unknown }} Request
 *
 * @typedef {object} Webhook
 * @property {string} name
 * @property {string} description
 * @property {boolean} enabled
 * @property {string[]} eventFilters
 * @property {{ url: string, httpHeaders: Record<string, string> }} httpTarget
 * @property {{ maxRetries: number, retryIntervalSeconds: number }} retryPolicy
 *
 * @typedef {object} ProfileEvent
 * @property {string} eventType
 * @property {string | undefined} timestamp ISO 8601; undefined where it is no time
 * @property {string} profileId
 * @property {string | undefined} externalId
 * @property {Record<string, unknown>} attributes all of the profile's, not only what has changed
 */

/** @param {unknown} value @returns {string | undefined} */
const text = (value) => (typeof value === 'string' && value !== '' ? value : undefined);

/** @param {unknown} value @returns {string | undefined} */
const time = (value) => (typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined);

/** @param {unknown} value @returns {value is Record<string, any>} */
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

const PROFILES_PATH = '/api/v2/customer-profiles/profiles';
const CONTACTS_PATH = '/api/v2/externalcontacts/contacts/enrich';

/** The customer profile of seed T0. @type {ProfileResource} */
const customerProfiles = {
  path: PROFILES_PATH,
  scope: 'customer:profile:write customer:profile:read customer:profile:webhook webhook:write',
  requiredScopes: ['customer:profile:write'],
  keyed: true,
  request: ({ externalId, attributes, identities }) => ({ method: 'POST', path: PROFILES_PATH, json: { profile: { externalId, attributes, identities } } }),
  profileOf: (answer) => ({ profileId: text(answer?.profile?.id), updatedAt: time(answer?.profile?.updatedTimestamp) }),
};

/**
 * The external contact of Genesys Cloud: found by its external id, or created; the attributes are its custom fields, under the keys of the schema
 * (such as `intent_text`).
 * @param {object} o
 * @param {string} o.externalSourceId which system the external ids are of
 * @param {string} o.schemaId of the custom fields
 * @param {number} [o.schemaVersion] default 1
 * @param {string} [o.divisionId] default: where the client's contacts are; `*` for all divisions
 * @returns {ProfileResource}
 */
function externalContacts({ externalSourceId, schemaId, schemaVersion = 1, divisionId }) {
  const division = divisionId === undefined ? undefined : { id: divisionId };
  const externalSource = { id: externalSourceId };
  return {
    path: CONTACTS_PATH,
    requiredScopes: [],
    keyed: false,
    request: ({ externalId, attributes, identities }) => ({
      method: 'POST',
      path: CONTACTS_PATH,
      json: {
        division,
        matchingIdentifiers: [{ division, type: 'ExternalId', value: externalId, externalSource }],
        action: 'Upsert',
        contact: {
          division,
          externalIds: [{ externalSource, value: externalId }],
          personalEmail: emailOf(identities),
          schema: { id: schemaId, version: schemaVersion },
          customFields: attributes,
        },
        // Said, though it is the default: what the request does not name stays as it is.
        fieldRules: { defaultAction: 'PreferProvided' },
      },
    }),
    profileOf: (answer) => ({ profileId: text(answer?.id), updatedAt: time(answer?.modifyDate) }),
  };
}

/**
 * @param {Profile['identities']} identities
 * @returns {string | undefined} undefined also for the stand-in of seed T0, `anon-…@temp.local`: a contact's address is where people write to
 */
function emailOf(identities) {
  const emails = identities.filter(({ type, value }) => type === 'email' && !value.endsWith('.local'));
  return (emails.find(({ primary }) => primary) ?? emails[0])?.value;
}

const EVENT_TYPE = 'customer.profile.update';
const WEBHOOKS_PATH = '/api/v2/webhooks';
const WEBHOOK_PATH = readPath(`${WEBHOOKS_PATH}/{id}`);
const PAGE_SIZE = 100;

const webhooks = {
  path: WEBHOOKS_PATH,
  name: 'Cognigy Profile Sync Listener',

  /**
   * @param {{ url: string, headers: Record<string, string> }} o where the events go, and with which headers
   * @returns {Webhook}
   */
  build: ({ url, headers }) => ({
    name: webhooks.name,
    description: 'Receives profile updates and pushes to active Cognigy sessions',
    enabled: true,
    eventFilters: [EVENT_TYPE],
    httpTarget: { url, httpHeaders: headers },
    retryPolicy: { maxRetries: 3, retryIntervalSeconds: 60 },
  }),

  /** @param {number} [pageNumber] counts from 1 @returns {Request} */
  list: (pageNumber = 1) => ({ method: 'GET', path: WEBHOOKS_PATH, query: { pageSize: PAGE_SIZE, pageNumber } }),

  /** @param {any} listAnswer @returns {number} at least 1 */
  pageCount: (listAnswer) => (Number.isSafeInteger(listAnswer?.pageCount) && listAnswer.pageCount > 0 ? listAnswer.pageCount : 1),

  /** @param {Webhook} webhook @returns {Request} */
  create: (webhook) => ({ method: 'POST', path: WEBHOOKS_PATH, json: webhook }),

  /** @param {string} id @param {Webhook} webhook the whole of it @returns {Request} */
  update: (id, webhook) => ({ method: 'PUT', path: WEBHOOK_PATH.fill({ id }), json: webhook }),

  /** @param {string} id @returns {Request} */
  remove: (id) => ({ method: 'DELETE', path: WEBHOOK_PATH.fill({ id }) }),

  /**
   * @param {any} listAnswer of one page
   * @param {string} name which need not be unique
   * @returns {Array<Webhook & { id: string }>}
   */
  named(listAnswer, name) {
    const all = Array.isArray(listAnswer) ? listAnswer : listAnswer?.entities;
    return (Array.isArray(all) ? all : []).filter((one) => one?.name === name && text(one.id) !== undefined);
  },

  /**
   * Is everything as we want it? Whatever the far side adds of its own does not matter.
   * @param {any} existing
   * @param {Webhook} wanted
   */
  isCurrent: (existing, wanted) => holds(existing, wanted),
};

/** @param {any} existing @param {any} wanted @returns {boolean} every value of `wanted` is in `existing`; arrays as a whole */
function holds(existing, wanted) {
  if (Array.isArray(wanted)) return Array.isArray(existing) && existing.length === wanted.length && wanted.every((one, index) => holds(existing[index], one));
  if (isObject(wanted)) return isObject(existing) && Object.entries(wanted).every(([name, value]) => Object.hasOwn(existing, name) && holds(existing[name], value));
  return existing === wanted;
}

/**
 * The changes of profiles that a webhook brings; members of other types, or without what makes a profile, are left out.
 * @param {any} payload
 * @returns {ProfileEvent[] | undefined} undefined: it is no payload of a webhook
 */
function readEvents(payload) {
  if (!isObject(payload) || !Object.hasOwn(payload, 'events') || !Array.isArray(payload.events)) return undefined;
  return payload.events.flatMap((event) => {
    if (!isObject(event) || event.eventType !== EVENT_TYPE || !isObject(event.profile)) return [];
    const { id, externalId, attributes } = event.profile;
    const profileId = text(id);
    if (profileId === undefined || !isObject(attributes)) return [];
    return [{ eventType: EVENT_TYPE, timestamp: time(event.timestamp), profileId, externalId: text(externalId), attributes }];
  });
}

module.exports = { profileResources: { customerProfiles, externalContacts }, webhooks, readEvents };
