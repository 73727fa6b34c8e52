// The events of Cognigy.AI in an Express app, beside whatever else it serves.
'use strict';

const fs = require('node:fs');
const express = require('express');
const { cognigyEvents } = require('trunkline');

/**
 * @param {import('trunkline').CognigyEventsOptions} [options] in place of the environment, for tests
 */
function createApp(options) {
  const events = cognigyEvents({
    routes: { order_management: 'orders-queue', billing_inquiry: 'billing-queue' },
    defaultQueue: 'general-queue',
    ...options,
  });
  const app = express();
  app.use(events.router());   // before any body parser: signatures are over the raw bytes
  app.use(express.json());
  app.get('/', (req, res) => {
    res.json(events.stats());
  });
  return { app, events };
}

async function main() {
  if (fs.existsSync('.env')) process.loadEnvFile();
  const { app, events } = createApp();
  await events.ready();   // unfinished events of an earlier run are at work again
  const { PORT = '3000', HOST = '127.0.0.1' } = process.env;
  const server = app.listen(Number(PORT), HOST, (error) => {
    if (error) throw error;
    console.log('listening on', server.address());
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close(async () => {
        await events.close();   // what is not finished goes on at the next start
        console.log('stopped');
      });
    });
  }
}

module.exports = { createApp };

if (require.main === module) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
