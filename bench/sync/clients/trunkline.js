// Ours: profileSync().sync(), the ledger on disk included.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { nextSession } = require('../sessions');

/** @param {import('../../lib/types').ClientSettings} settings */
function create({ baseUrl }) {
  const { profileSync } = require(path.join(__dirname, '..', '..', '..', 'lib', 'index.js'));
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-sync-'));
  process.once('exit', () => fs.rmSync(dataDir, { recursive: true, force: true }));
  const sync = profileSync({ env: {}, domain: baseUrl, clientId: 'id', clientSecret: 'secret', webhookUrl: baseUrl, dataDir, maxConnections: 512, logger: false });
  return async () => JSON.stringify(await sync.sync(nextSession()));
}

module.exports = { create };
