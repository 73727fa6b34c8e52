// Seed T2's service in its manner: Express, express.json, a signature over the re-written body, axios, console.log, a Set. Nothing durable.
// @ts-nocheck -- the seed's manner is untyped JavaScript
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const fs = require('node:fs/promises');
const path = require('node:path');

/** @param {import('../../lib/types').ServerSettings} settings */
function create({ secret, apiToken, apiBaseUrl, dataDir }) {
  const axios = require('axios');
  const express = require('express');
  const api = axios.create({
    baseURL: apiBaseUrl,
    headers: { Authorization: `Bearer ${apiToken}`, 'Content-Type': 'application/json', Accept: 'application/json' },
  });
  const deadLetterFile = path.join(dataDir, 'dlq_events.json');
  const seen = new Set();

  function isSigned(payload, signature) {
    const expected = createHmac('sha256', secret).update(JSON.stringify(payload)).digest('hex');
    return timingSafeEqual(Buffer.from(expected), Buffer.from(signature));
  }

  function parse(payload) {
    const missing = ['webhookEventId', 'intent', 'dialogId', 'sessionId'].filter((field) => !(field in payload));
    if (missing.length > 0) throw new Error(`Malformed payload. Missing fields: ${missing.join(', ')}`);
    const eventId = payload.webhookEventId;
    if (seen.has(eventId)) {
      console.log(`Skipping duplicate event: ${eventId}`);
      return { duplicate: true, eventId };
    }
    seen.add(eventId);
    return { duplicate: false, eventId, intent: payload.intent, dialogId: payload.dialogId, sessionId: payload.sessionId, payload };
  }

  async function route(intent) {
    const queues = { order_management: 'orders-queue', account_support: 'accounts-queue', billing_inquiry: 'billing-queue' };
    const queue = queues[intent] || 'general-queue';
    console.log(`Routing intent '${intent}' to queue: ${queue}`);
    return { queue };
  }

  async function routeWithRetry(event, tries = 0) {
    try {
      return await route(event.intent);
    } catch (error) {
      if (tries < 3 && (error.response?.status === 429 || error.response?.status >= 500)) {
        await new Promise((resolve) => setTimeout(resolve, 2 ** tries * 1000));
        return routeWithRetry(event, tries + 1);
      }
      const letters = JSON.parse(await fs.readFile(deadLetterFile, 'utf8').catch(() => '[]'));
      letters.push({ ...event.payload, failedAt: new Date().toISOString() });
      await fs.writeFile(deadLetterFile, JSON.stringify(letters, null, 2));
      throw error;
    }
  }

  async function updateState(event, queue, latencyMs) {
    const response = await api.post(`/api/v1/dialogs/${event.dialogId}/sessions/${event.sessionId}/state`, {
      externalProcessingCompleted: true,
      processedAt: new Date().toISOString(),
      queueRoutingStatus: queue,
      processingLatencyMs: latencyMs,
      metadata: { routedQueue: queue, processedBy: 'node-webhook-service' },
    });
    console.log(`Dialog state updated. Status: ${response.status}`);
  }

  const app = express();
  app.use(express.json({ limit: '1mb' }));
  app.post('/webhook/cognigy', async (req, res) => {
    const signature = req.headers['x-cognigy-signature'];
    if (!signature) return res.status(401).json({ error: 'Missing X-Cognigy-Signature header' });
    try {
      if (!isSigned(req.body, signature)) return res.status(403).json({ error: 'Invalid webhook signature' });
      const startedAt = performance.now();
      const event = parse(req.body);
      if (event.duplicate) return res.status(200).json({ status: 'duplicate_skipped', eventId: event.eventId });
      const { queue } = await routeWithRetry(event);
      await updateState(event, queue, performance.now() - startedAt);
      console.log(`[LATENCY] Event: ${event.eventId} | Status: SUCCESS | Duration: ${(performance.now() - startedAt).toFixed(2)}ms`);
      return res.status(200).json({ status: 'processed', eventId: event.eventId });
    } catch (error) {
      console.error('Webhook processing failed:', error.message);
      return res.status(200).json({ status: 'failed_queued_for_dlq', error: error.message });
    }
  });
  return { handler: app, close: async () => {} };
}

module.exports = { create };
