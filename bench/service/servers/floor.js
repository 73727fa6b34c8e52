// The floor: the same answer to every request, with nothing behind it. `variant`: 'http' or 'express'. What a service costs beyond it is its own.
'use strict';

/** @param {import('../../lib/types').ServerSettings} settings */
function create({ variant }) {
  const text = JSON.stringify({ status: 'processed', eventId: 'evt_00000000000000000000000000000000' });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  /** @type {import('node:http').RequestListener} */
  const handler = (req, res) => {
    req.resume();
    res.writeHead(200, headers);
    res.end(text);
  };
  if (variant !== 'express') return { handler, close: async () => {} };
  const app = require('express')();
  app.use(handler);
  return { handler: app, close: async () => {} };
}

module.exports = { create };
