// Ours, durable: cognigyEvents() as it is on node:http, or mounted in Express. `variant`: 'http', 'http-logged' or 'express'.
'use strict';

const path = require('node:path');

/** @param {import('../../lib/types').ServerSettings} settings */
async function create({ secret, apiToken, apiBaseUrl, dataDir, variant }) {
  const { cognigyEvents } = require(path.join(__dirname, '..', '..', '..', 'lib', 'index.js'));
  const logger = variant === 'http-logged' ? {} : { logger: false };
  const events = cognigyEvents({ secrets: secret, apiToken, apiBaseUrl, dataDir, env: {}, ...logger });
  await events.ready();
  const close = () => events.close();
  const processed = () => events.stats().processed;
  if (variant !== 'express') return { handler: events.router(), close, processed };
  const app = require('express')();
  app.use(events.router());
  return { handler: app, close, processed };
}

module.exports = { create };
