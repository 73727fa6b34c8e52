// Real servers that tests and benchmarks talk to: what the machine has, or what `npm test` unpacks into build/peers.
'use strict';

const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { unpack } = require('../../scripts/support/system-packages.js');

const FOLDER = path.join(__dirname, '..', '..', 'build', 'peers');
/** Each command and the Debian package that holds it. */
const PEERS = { nginx: 'nginx', tinyproxy: 'tinyproxy-bin' };

/** Distributions put servers where not every user's PATH leads. */
const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin', '/usr/local/sbin', path.join(FOLDER, 'usr', 'sbin'), path.join(FOLDER, 'usr', 'bin')].join(':') };

/** @param {keyof typeof PEERS} command */
const hasPeer = (command) => spawnSync(command, ['-v'], { env, stdio: 'ignore' }).status === 0;

/** Gets what is missing, or says which tests are left out. */
function providePeers() {
  for (const [command, name] of /** @type {Array<[keyof typeof PEERS, string]>} */ (Object.entries(PEERS))) {
    if (hasPeer(command) || (unpack(name, FOLDER) && hasPeer(command))) continue;
    console.log(`setup: no ${command}, so the tests that talk to it are left out. Debian, Ubuntu: sudo apt-get install ${name}`);
  }
}

module.exports = { env, hasPeer, providePeers };
