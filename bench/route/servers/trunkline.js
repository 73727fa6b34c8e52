// Ours: intentRouter() on node:http, or mounted in Express. `variant`: 'http', 'http-logged' or 'express'.
'use strict';

const path = require('node:path');

/** @param {import('../../lib/types').RouteSettings} settings */
async function create({ cxoneUrl, variant }) {
  const { intentRouter } = require(path.join(__dirname, '..', '..', '..', 'lib', 'index.js'));
  const logger = variant === 'http-logged' ? {} : { logger: false };
  // As many connections as callers: with 64 of them 512 callers of a CXone that takes 20 ms would wait for a connection.
  const routing = intentRouter({ tenant: cxoneUrl, clientId: 'id', clientSecret: 'secret', env: {}, maxConnections: 512, ...logger });
  await routing.ready();
  const close = () => routing.close();
  if (variant !== 'express') return { handler: routing.router(), close };
  const app = require('express')();
  app.use(routing.router());
  return { handler: app, close };
}

module.exports = { create };
