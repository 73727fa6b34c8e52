// One contender's handler in a process of its own: node invoke-child.js MODULE PLATFORMS_URL.
// Sends 'ready'; then answers each { calls } with what that many invocations, one after the other, have cost.
'use strict';

const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { collect } = require('../lib/gc');

const [name, url] = process.argv.slice(2);
const { handler } = require(path.join(__dirname, 'handlers', name)).create(url);

const event = () => ({
  version: '0', id: randomUUID(), 'detail-type': 'Genesys Interaction Event', source: 'genesys.cloud', account: '123456789012', time: '2025-06-15T14:32:10Z', region: 'us-east-1', resources: [],
  detail: { interactionId: randomUUID(), type: 'voice', direction: 'inbound', initiationTimestamp: '2025-06-15T14:32:08Z', externalCustomerId: 'CUST-1001' },
});

/** @param {number} calls */
async function measure(calls) {
  const cpu = process.cpuUsage();
  const from = performance.now();
  for (let i = 0; i < calls; i += 1) {
    const endMs = Date.now() + 30_000;
    const { statusCode, body } = await handler(event(), { getRemainingTimeInMillis: () => endMs - Date.now() });
    if (statusCode !== 200) throw new Error(`another answer: ${body}`);
  }
  const wallMs = (performance.now() - from) / calls;
  const { user, system } = process.cpuUsage(cpu);
  collect();
  return { cpuUs: (user + system) / calls, wallMs, rssBytes: process.memoryUsage.rss() };
}

process.on('message', (/** @type {{ calls: number }} */ { calls }) => {
  measure(calls).then((measured) => process.send?.(measured), (error) => process.send?.({ error: error.stack }));
});
process.once('SIGTERM', () => process.exit(0));
process.send?.('ready');
