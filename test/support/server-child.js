// A server to be killed: the event service on a port of the system's choice, with ways to ask it for its counters and dead letters.
'use strict';

const http = require('node:http');
const { cognigyEvents } = require('../../lib/index.js');

const events = cognigyEvents({
  dataDir: process.argv[2],
  logger: false,
  idempotency: { capacity: 65_536 },
  respondWithinMs: 20,
  timeoutMs: 20_000,
  retry: { attempts: Number(process.env.ATTEMPTS ?? 3), baseMs: 20, factor: 1, maxMs: 20, jitter: 'none' },
});
const router = events.router();

/** @type {Record<string, () => unknown>} */
const asked = { '/stats': () => events.stats(), '/dead-letters': () => events.deadLetters.list() };

const server = http.createServer((req, res) => {
  const ask = asked[req.url ?? ''];
  if (!ask) return router(req, res);
  Promise.resolve(ask()).then((told) => res.end(JSON.stringify(told)), (error) => res.writeHead(500).end(String(error)));
});

// Without its store it answers 503, and goes on when it can be opened.
events.ready().catch(() => {}).then(() => server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`listening on http://127.0.0.1:${port}`);
}));
process.once('SIGTERM', () => server.close(() => events.close()));
