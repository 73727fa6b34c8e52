// One contender's server in a process of its own: node server-child.js MODULE, a name in servers/ or a path; its settings as JSON in BENCH_SETTINGS.
// Sends { port } when it listens; answers any message with what the process has used so far.
'use strict';

const http = require('node:http');
const path = require('node:path');

async function main() {
  const settings = JSON.parse(process.env.BENCH_SETTINGS ?? '{}');
  const { create } = require(path.resolve(__dirname, 'servers', process.argv[2]));
  const { handler, close, processed } = await create(settings);
  const server = http.createServer({ keepAliveTimeout: 600_000 }, handler);
  let requests = 0;
  server.on('request', () => { requests += 1; });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port }));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const { maxRSS } = process.resourceUsage();
    process.send?.({ cpuUs: user + system, jsUs: performance.eventLoopUtilization().active * 1000, maxRssKiB: maxRSS, requests, processed: processed?.() });
  });
  process.once('SIGTERM', () => {
    server.closeAllConnections();
    server.close(() => close().finally(() => process.exit(0)));
  });
}

main().catch((error) => process.send?.({ error: error.stack }, () => process.exit(1)));
