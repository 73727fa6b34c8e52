// Seed T1's server in its manner: Express, cors, express.json, a token kept until a minute before its end, axios as it comes.
// @ts-nocheck -- the seed's manner is untyped JavaScript
'use strict';

/** @param {import('../../lib/types').RouteSettings} settings */
function create({ cxoneUrl }) {
  const axios = require('axios');
  const cors = require('cors');
  const express = require('express');
  let token = null;
  let tokenEndsAt = 0;

  async function getToken() {
    if (token && Date.now() < tokenEndsAt - 60_000) return token;
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'id', client_secret: 'secret' });
    const { data } = await axios.post(`${cxoneUrl}/oauth/token`, form, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    token = data.access_token;
    tokenEndsAt = Date.now() + data.expires_in * 1000;
    return token;
  }

  const app = express();
  app.use(cors());
  app.use(express.json());
  app.post('/api/route', async (req, res) => {
    const { conversationId, intent, confidence } = req.body;
    if (!conversationId || !intent) return res.status(400).json({ success: false, error: 'Missing required fields: conversationId, intent' });
    try {
      const attributes = { cognigyDetectedIntent: intent, cognigyConfidence: confidence, routedAt: new Date().toISOString() };
      const headers = { Authorization: `Bearer ${await getToken()}`, 'Content-Type': 'application/json' };
      const answer = await axios.post(`${cxoneUrl}/api/v2/interactions/interactions/${conversationId}/context`, { attributes }, { headers });
      return res.status(200).json({ success: true, message: `Context updated for conversation ${conversationId}`, data: answer.data });
    } catch (error) {
      console.error('Routing Error:', error);
      return res.status(500).json({ success: false, error: error.message });
    }
  });
  return { handler: app, close: async () => {} };
}

module.exports = { create };
