// What of a session goes into a profile, and what of a profile into a session, where the user does not say it otherwise.
'use strict';

const { uuidV5 } = require('../../uuid.js');

const SUFFIXES = '0f1d6c0c-52d1-5c39-8a0a-6f1f0a8d7f53';

/**
 * An id that Genesys takes: letters, digits, - and _. One that has to be changed for that gets a suffix made of the whole of it, because `a b` and
 * `a_b` are two customers.
 * @param {string} id
 */
function sanitizeExternalId(id) {
  const sanitized = id.replace(/[^a-zA-Z0-9_-]/g, '_');
  return sanitized === id ? id : `${sanitized}-${uuidV5(SUFFIXES, id).slice(0, 8)}`;
}

/**
 * @param {Record<string, any>} session
 * @param {{ externalId: string, now: Date }} facts
 * @returns {{ attributes: Record<string, unknown>, identities: import('../../platforms/genesys-profiles.js').Profile['identities'] }}
 */
function mapToProfile({ sessionId, currentIntent, sentiment, customerEmail }, { externalId, now }) {
  return {
    attributes: { cognigySessionId: sessionId, intent: currentIntent, sentimentScore: sentiment, lastUpdated: now.toISOString() },
    identities: [{ type: 'email', value: customerEmail || `anon-${externalId}@temp.local`, primary: true }],
  };
}

/**
 * @param {import('../../..').ChangedProfile} profile
 * @returns {import('../../platforms/cognigy-sessions.js').Forward}
 */
function mapToSession({ sessionId, userId, attributes, profileId }) {
  return { sessionId, userId, updatedAttributes: attributes, profileId };
}

module.exports = { sanitizeExternalId, mapToProfile, mapToSession };
