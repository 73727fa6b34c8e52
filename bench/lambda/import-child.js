// A process that loads one module, or none, and tells what it has cost until then: node import-child.js [MODULE [handler]]
'use strict';

const [name, what] = process.argv.slice(2);
const loaded = name && require(name);
if (what === 'handler') {
  loaded.enrichmentHandler({ clientId: 'id', clientSecret: 's', crmBaseUrl: 'crm.example.com', crmApiKey: 'k' });
}
const { user, system } = process.cpuUsage();
process.send?.({ wallMs: performance.now(), cpuMs: (user + system) / 1000 });
process.once('SIGTERM', () => process.exit(0));
