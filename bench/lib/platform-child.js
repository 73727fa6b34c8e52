// A simulated platform in a process of its own, as `platform.js` starts it: a token to /oauth/token, and an answer by method to everything else.
// Sends { port }; asked for its counts, it sends what it was asked since the last time.
'use strict';

const http = require('node:http');

/** @type {Required<import('./types').PlatformSettings>} */
const { answers, answerMs, expiresIn, scope } = JSON.parse(process.env.BENCH_SETTINGS ?? '{}');
const TOKEN = JSON.stringify({ access_token: 'bench-token-0123456789abcdef0123456789abcdef', token_type: 'Bearer', expires_in: expiresIn, scope });
/** @type {Map<string | undefined, string>} */
const texts = new Map(Object.entries(answers).map(([method, answer]) => [method, JSON.stringify(answer)]));
let counts = { tokens: 0, calls: 0 };

const server = http.createServer({ keepAliveTimeout: 600_000 }, (req, res) => {
  const token = req.url?.startsWith('/oauth/token');
  counts[token ? 'tokens' : 'calls'] += 1;
  const text = token ? TOKEN : texts.get(req.method) ?? '{}';
  const delayMs = token ? 0 : answerMs;
  const answer = () => res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
  req.resume().once('end', () => (delayMs > 0 ? setTimeout(answer, delayMs) : answer()));
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port }));
process.on('message', () => {
  process.send?.(counts);
  counts = { tokens: 0, calls: 0 };
});
process.once('SIGTERM', () => process.exit(0));
