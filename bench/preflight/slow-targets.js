// Many https targets in one process, each on a port of its own, that answer when they were told to: '/250' after 250 ms.
'use strict';

const https = require('node:https');
const { once } = require('node:events');

async function main() {
  const { cert, key, count } = JSON.parse(process.env.BENCH_TARGETS ?? '{}');
  const ports = await Promise.all(Array.from({ length: count }, async () => {
    const server = https.createServer({ cert, key }, (req, res) => setTimeout(() => res.end(), Number(req.url?.slice(1)))).listen(0, '127.0.0.1', 1024);
    await once(server, 'listening');
    return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
  }));
  process.send?.({ ports });
}

main();
