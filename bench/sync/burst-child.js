// A burst in a process of its own: 10,000 changes of 500 customers at once, by ours. Settings as JSON in BENCH_SETTINGS; sends { seconds } when all are written.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { profileSync } = require('../../lib/index.js');

const { baseUrl, updates, customers } = JSON.parse(process.env.BENCH_SETTINGS ?? '{}');
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-sync-'));
const sync = profileSync({ env: {}, domain: baseUrl, clientId: 'id', clientSecret: 'secret', webhookUrl: baseUrl, dataDir, logger: false });

async function main() {
  await sync.ready();
  const from = performance.now();
  await Promise.all(Array.from({ length: updates }, (_, i) => sync.sync({ sessionId: `s-${i % customers}`, currentIntent: `intent-${i}`, externalCustomerId: `c-${i % customers}` })));
  const seconds = (performance.now() - from) / 1000;
  await sync.close();
  fs.rmSync(dataDir, { recursive: true, force: true });
  process.send?.({ seconds });
}
main();
process.once('SIGTERM', () => process.exit(0));
