// The simulated CXone of this benchmark, in a process of its own: a token, and 200 after 20 ms to everything else. Sends { port }.
'use strict';

const http = require('node:http');

const ANSWER_MS = 20;
const TOKEN = JSON.stringify({ access_token: 'bench-token-0123456789abcdef0123456789abcdef', token_type: 'Bearer', expires_in: 86_400 });
const ANSWER = JSON.stringify({ id: '60123456789', attributes: { cognigyDetectedIntent: 'billing_inquiry', cognigyConfidence: 0.93, routedAt: '2026-01-01T00:00:00.000Z' } });

const server = http.createServer({ keepAliveTimeout: 600_000 }, (req, res) => {
  const token = req.url === '/oauth/token';
  const body = token ? TOKEN : ANSWER;
  req.resume().once('end', () => setTimeout(() => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    res.end(body);
  }, token ? 0 : ANSWER_MS));
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port }));
process.once('SIGTERM', () => process.exit(0));
