// Runs the handler here, against the simulated platforms: node run-local.js [event.json …]
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createSandbox } = require('trunkline/sandbox');

const EXAMPLE = path.join(__dirname, 'events', 'customer-start.json');
const TIMEOUT_MS = 30_000;

async function main() {
  const files = process.argv.length > 2 ? process.argv.slice(2) : [EXAMPLE, EXAMPLE];
  const sandbox = await createSandbox();
  Object.assign(process.env, sandbox.env);
  const { handler } = require('./handler.js');
  try {
    for (const file of files) {
      const endMs = Date.now() + TIMEOUT_MS;
      const context = { getRemainingTimeInMillis: () => endMs - Date.now() };
      console.log(await handler(JSON.parse(fs.readFileSync(file, 'utf8')), context));
    }
  } finally {
    for (const { method, path: where, status } of sandbox.requests.list()) console.log(`${method} ${where} ${status}`);
    await handler.close();
    await sandbox.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
