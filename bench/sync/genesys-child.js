// The simulated Genesys Cloud of this benchmark, in a process of its own: a token, and a profile after 5 ms to everything else. Sends { port }; asked for
// 'calls', it sends how many profiles were written since the last time.
'use strict';

const http = require('node:http');

const ANSWER_MS = 5;
const TOKEN = JSON.stringify({ access_token: 'bench-token-0123456789abcdef0123456789abcdef', token_type: 'Bearer', expires_in: 86_400, scope: 'customer:profile:write' });
const ANSWER = JSON.stringify({ profile: { id: 'a1b2c3d4-e5f6-7890-91b2-a3b4c5d6e7f8', updatedTimestamp: '2026-01-01T00:00:00.000Z' } });
let calls = 0;

const server = http.createServer({ keepAliveTimeout: 600_000 }, (req, res) => {
  const token = req.url === '/oauth/token';
  if (!token) calls += 1;
  const body = token ? TOKEN : ANSWER;
  req.resume().once('end', () => setTimeout(() => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    res.end(body);
  }, token ? 0 : ANSWER_MS));
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port }));
process.on('message', () => {
  process.send?.({ calls });
  calls = 0;
});
process.once('SIGTERM', () => process.exit(0));
