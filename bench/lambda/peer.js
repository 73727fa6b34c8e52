// CRM, token server and Genesys Cloud in one process, with the shortest possible answers. Sends its URL.
'use strict';

const http = require('node:http');

const TOKEN = '{"access_token":"bench-token-0123456789abcdef","token_type":"Bearer","expires_in":86400,"scope":"interaction:read interaction:write"}';
const CUSTOMER = '{"crmAccountId":"ACCT-99281","lifetimeValue":14250.75,"loyaltyTier":"Platinum","lastPurchaseDate":"2024-05-28T09:15:00Z"}';
const INTERACTION = `{"id":"8f7e6d5c","type":"voice","direction":"inbound","context":${CUSTOMER}}`;

const server = http.createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
  const text = req.method === 'GET' ? CUSTOMER : req.method === 'POST' ? TOKEN : INTERACTION;
  req.resume().on('end', () => res.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.once('SIGTERM', () => process.exit(0));
