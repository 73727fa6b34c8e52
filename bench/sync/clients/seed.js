// Seed T0's upsert in its manner: a token kept until five minutes before its end, a new key for each call, axios as it comes.
// @ts-nocheck -- the seed's manner is untyped JavaScript
'use strict';

const { randomUUID } = require('node:crypto');
const axios = require('axios');
const { nextSession } = require('../sessions');

function create({ baseUrl }) {
  let token = null;
  let tokenEndsAt = 0;

  async function getAccessToken() {
    if (token && Date.now() < tokenEndsAt) return token;
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'customer:profile:write' });
    const headers = { Authorization: `Basic ${Buffer.from('id:secret').toString('base64')}`, 'Content-Type': 'application/x-www-form-urlencoded' };
    const { data } = await axios.post(`${baseUrl}/oauth/token`, form, { headers });
    token = data.access_token;
    tokenEndsAt = Date.now() + (data.expires_in - 300) * 1000;
    return token;
  }

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
