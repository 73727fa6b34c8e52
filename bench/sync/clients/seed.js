// Seed T0's upsert in its manner: a new key for each call, axios as it comes.
// @ts-nocheck -- the seed's manner is untyped JavaScript
'use strict';

const { randomUUID } = require('node:crypto');
const axios = require('axios');
const { seedToken } = require('../../oauth/seed-token');
const { nextSession } = require('../sessions');

function create({ baseUrl }) {
  const getAccessToken = seedToken(baseUrl);
  return async () => {
    const { externalCustomerId, sessionId, currentIntent, sentiment, customerEmail } = nextSession();
    const profile = {
      externalId: externalCustomerId,
      attributes: { cognigySessionId: sessionId, intent: currentIntent, sentimentScore: sentiment, lastUpdated: new Date().toISOString() },
      identities: [{ type: 'email', value: customerEmail || `anon-${externalCustomerId}@temp.local`, primary: true }],
    };
    const headers = { Authorization: `Bearer ${await getAccessToken()}`, 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() };
    const { data } = await axios.post(`${baseUrl}/api/v2/customer-profiles/profiles`, { profile }, { headers });
    return JSON.stringify({ success: true, profileId: data.profile.id });
  };
}

module.exports = { create };
