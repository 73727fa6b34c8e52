// Simulated Genesys Cloud: its customers, as customer profiles (seed T0) and as external contacts (its own API).
'use strict';

const { randomUUID } = require('node:crypto');
const { BoundedMap } = require('./bounded-map.js');
const { Refusal, parseObject } = require('./answer.js');
const { check, objectIn, textIn, merged } = require('./fields.js');

/** @typedef {import('./platforms.js').Route} Route */
/** @typedef {import('./platforms.js').PlatformRequest} PlatformRequest */
/** @typedef {import('./logins.js').Logins} Logins */

/** @typedef {{ id: string, externalId: string, attributes: Map<string, unknown>, identities: unknown[], updatedTimestamp: string }} Profile */

const PROFILES_PATH = '/api/v2/customer-profiles/profiles';
const PROFILE_PATH = `${PROFILES_PATH}/{externalId}`;
const CONTACTS_PATH = '/api/v2/externalcontacts/contacts';
const EVENT_TYPE = 'customer.profile.update';
const EXTERNAL_ID = /^[A-Za-z0-9_-]{1,255}$/;
const MAX_CUSTOMERS = 10_000;
const MAX_CUSTOMER_BYTES = 64 << 20;
const MAX_IDENTITIES = 25;

/** JSON as text, so that an answer that is remembered for its key is weighed. @param {number} status @param {string} body @returns {import('./answer.js').Answer} */
const jsonAnswer = (status, body) => ({ status, headers: { 'content-type': 'application/json' }, body });

/** @param {unknown} identities */
function checkIdentities(identities) {
  const good = Array.isArray(identities) && identities.length <= MAX_IDENTITIES
    && identities.every((one) => [one?.type, one?.value].every((value) => typeof value === 'string' && value !== ''));
  check(good, `profile.identities: expected an array of at most ${MAX_IDENTITIES} { type, value, primary }`);
}

/**
 * @param {Logins} logins
 * @param {(eventType: string, event: { timestamp: string, profile: { id: string, externalId: string, attributes: Record<string, unknown> } }) => void} tell
 */
function createProfiles(logins, tell) {
  /** @type {BoundedMap<Profile>} by external id */
  const profiles = new BoundedMap({ maxEntries: MAX_CUSTOMERS, maxBytes: MAX_CUSTOMER_BYTES });

  /** @param {string} scope @returns {(request: PlatformRequest) => void} */
  const authenticate = (scope) => (request) => logins.check(request, scope);

  /** @param {string} externalId */
  const at = (externalId) => {
    const profile = profiles.get(externalId);
    if (profile === undefined) throw new Refusal(404, 'there is no such profile');
    return profile;
  };

  /** @param {Profile} profile */
  const shown = (profile) => JSON.stringify({ profile: { ...profile, attributes: Object.fromEntries(profile.attributes) } });

  /** @param {Omit<Profile, 'updatedTimestamp'>} profile */
  const keep = (profile) => {
    const timestamp = new Date().toISOString();
    const kept = { ...profile, updatedTimestamp: timestamp };
    const text = shown(kept);
    profiles.set(profile.externalId, kept, text.length);
    const { id, externalId, attributes } = profile;
    tell(EVENT_TYPE, { timestamp, profile: { id, externalId, attributes: Object.fromEntries(attributes) } });
    return jsonAnswer(200, text);
  };

  /** @type {Route[]} */
  const routes = [
    {
      method: 'POST',
      path: PROFILES_PATH,
      idempotent: true,
      authenticate: authenticate('customer:profile:write'),
      handle: ({ body }) => {
        const given = objectIn(parseObject(body), 'profile');
        const externalId = textIn(given, 'externalId');
        check(EXTERNAL_ID.test(externalId), 'profile.externalId: expected letters, digits, hyphens and underscores');
        const attributes = given.attributes === undefined ? {} : objectIn(given, 'attributes');
        const present = profiles.get(externalId);
        const { identities = present?.identities ?? [] } = given;
        checkIdentities(identities);
        return keep({ id: present?.id ?? randomUUID(), externalId, attributes: merged(present?.attributes ?? new Map(), attributes), identities });
      },
    },
    {
      method: 'GET',
      path: PROFILE_PATH,
      authenticate: authenticate('customer:profile:read'),
      handle: ({ params }) => jsonAnswer(200, shown(at(params.externalId))),
    },
    {
      // For whoever plays the agent, who changes attributes in Genesys Cloud.
      method: 'PATCH',
      path: PROFILE_PATH,
      authenticate: authenticate('customer:profile:write'),
      handle: ({ params, body }) => {
        const profile = at(params.externalId);
        return keep({ ...profile, attributes: merged(profile.attributes, objectIn(parseObject(body), 'attributes')) });
      },
    },
  ];

  return { reset: () => profiles.clear(), routes };
}

/** @param {any} identifier of an enrich request */
function keyOf(identifier) {
  check(identifier?.type === 'ExternalId', 'matchingIdentifiers: this sandbox has the type ExternalId only');
  return JSON.stringify([textIn(objectIn(identifier, 'externalSource'), 'id'), textIn(identifier, 'value')]);
}

/** What is null counts as left out: "PreferProvided". @param {Record<string, any>} given */
const provided = (given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));

/** @param {Logins} logins */
function createContacts(logins) {
  /** @type {BoundedMap<any>} by id */
  const contacts = new BoundedMap({ maxEntries: MAX_CUSTOMERS, maxBytes: MAX_CUSTOMER_BYTES });
  /** @type {BoundedMap<string>} the ids, by external source and id there */
  const ids = new BoundedMap({ maxEntries: MAX_CUSTOMERS });

  /** @param {PlatformRequest} request */
  const authenticate = (request) => logins.check(request, 'external-contacts');

  /** @param {any} contact */
  const shown = ({ customFields, ...contact }) => JSON.stringify({ ...contact, customFields: Object.fromEntries(customFields) });

  /** @param {PlatformRequest} request @returns {import('./answer.js').Answer} 201 for a contact that is new */
  const enrich = ({ query, body }) => {
    const { matchingIdentifiers, action, fieldRules, ...more } = parseObject(body);
    const identifiers = Array.isArray(matchingIdentifiers) ? matchingIdentifiers : [];
    check(identifiers.length >= 1 && identifiers.length <= MAX_IDENTITIES, `matchingIdentifiers: expected 1 to ${MAX_IDENTITIES} of them`);
    check(action === 'Upsert', 'action: this sandbox has Upsert only');
    const { defaultAction = 'PreferProvided' } = /** @type {any} */ (fieldRules ?? {});
    check(defaultAction === 'PreferProvided', 'fieldRules.defaultAction: this sandbox has PreferProvided only');
    const keys = identifiers.map(keyOf);
    const present = keys.map((key) => contacts.get(ids.get(key) ?? '')).find((one) => one !== undefined);
    const { customFields = {}, ...fields } = more.contact === undefined ? {} : objectIn(more, 'contact');
    const now = new Date().toISOString();
    const id = present?.id ?? randomUUID();
    const contact = {
      createDate: now,
      ...present,
      ...provided(fields),
      id,
      customFields: merged(present?.customFields ?? new Map(), provided(objectIn({ customFields }, 'customFields'))),
      modifyDate: now,
      selfUri: `${CONTACTS_PATH}/${id}`,
    };
    const text = shown(contact);
    if (query.get('dryRun') !== 'true') {
      contacts.set(id, contact, text.length);
      for (const key of keys) ids.set(key, id);
    }
    return jsonAnswer(present === undefined ? 201 : 200, text);
  };

  /** @type {Route[]} */
  const routes = [
    { method: 'POST', path: `${CONTACTS_PATH}/enrich`, authenticate, handle: enrich },
    {
      method: 'GET',
      path: `${CONTACTS_PATH}/{contactId}`,
      authenticate,
      handle: ({ params }) => {
        const contact = contacts.get(params.contactId);
        if (contact === undefined) throw new Refusal(404, 'there is no such contact');
        return jsonAnswer(200, shown(contact));
      },
    },
  ];

  return { reset: () => [contacts, ids].forEach((kept) => kept.clear()), routes };
}

module.exports = { createProfiles, createContacts };
