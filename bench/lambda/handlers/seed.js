// Seed T3's function in its manner: axios as it comes, a token in a variable, no event remembered, a retry around the write for 429 alone.
// @ts-nocheck -- the seed's manner is untyped JavaScript
'use strict';

/** @param {string} url of all platforms */
function create(url) {
  const axios = require('axios');
  const cached = { token: null, until: 0 };

  async function token() {
    const now = Date.now();
    if (cached.token && now < cached.until) return cached.token;
    const { data } = await axios.post(`${url}/oauth/token`, null, {
      params: { grant_type: 'client_credentials', client_id: 'id', client_secret: 'secret', scope: 'interaction:read interaction:write' },
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    Object.assign(cached, { token: data.access_token, until: now + data.expires_in * 1000 });
    return cached.token;
  }

  async function customerOf(id) {
    const { data } = await axios.get(`${url}/customers/${id}`, { headers: { Authorization: 'Bearer key', Accept: 'application/json' }, timeout: 3000 });
    return data;
  }

  function write(interactionId, { crmAccountId, lifetimeValue, loyaltyTier, lastPurchaseDate }, bearer) {
    return axios.patch(`${url}/api/v2/interactions/${interactionId}`, { context: { crmAccountId, lifetimeValue, loyaltyTier, lastPurchaseDate } }, {
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' }, timeout: 5000,
    });
  }

  async function withRetry(fn, most = 3) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await fn();
      } catch (error) {
        if (error.response?.status !== 429 || attempt === most) throw error;
        await new Promise((resolve) => { setTimeout(resolve, Math.min(2 ** attempt * 1000 + Math.random() * 1000, 8000)); });
      }
    }
  }

  async function handler(event) {
    try {
      if (event.source !== 'genesys.cloud' || !event.detail?.interactionId) throw new Error('not an event of an interaction');
      const { interactionId, externalCustomerId } = event.detail;
      const bearer = await token();
      const customer = await customerOf(externalCustomerId);
      await withRetry(() => write(interactionId, customer, bearer));
      return { statusCode: 200, body: JSON.stringify({ message: 'Interaction context enriched successfully', interactionId }) };
    } catch (error) {
      console.error('Enrichment failed:', error.message);
      return { statusCode: 500, body: JSON.stringify({ error: 'Enrichment failed', details: error.message }) };
    }
  }
  return { handler };
}

module.exports = { create };
