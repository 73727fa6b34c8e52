// Programs of npm that tests run beside the package: other versions of Node, and bundlers. `npm test` installs them into build/peers,
// because they are too large to be dependencies of everybody who works on this. With TRUNKLINE_TARGET the versions of Node are another machine's.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { ROOT, run } = require('../../scripts/support/run.js');
const { targetOf } = require('../../scripts/support/targets.js');

const TARGET = targetOf(process.env.TRUNKLINE_TARGET);
const FOLDER = path.join(ROOT, TARGET.folder, 'peers');
const NODES = [20, 22, 24, 26];
const OWN_NODE = Number(process.versions.node.split('.')[0]);

/** Each name here, and what npm knows it by. @type {Record<string, string>} */
const PEERS = {
  ...Object.fromEntries(NODES.filter((major) => major !== OWN_NODE).map((major) => [`node${major}`, `npm:${TARGET.nodePackage}@${major}`])),
  esbuild: '0.x',
  webpack: '5.x',
};

/** @param {string} name @returns {string | undefined} its folder; undefined where it is not installed */
function npmPeer(name) {
  const folder = path.join(FOLDER, 'node_modules', name);
  return fs.existsSync(path.join(folder, 'package.json')) ? folder : undefined;
}

/** @param {number} major @returns {string[] | undefined} the command that runs it */
function nodeOf(major) {
  if (major === OWN_NODE) return [...TARGET.emulator, TARGET.node];
  const folder = npmPeer(`node${major}`);
  return folder === undefined ? undefined : [...TARGET.emulator, path.join(folder, 'bin', 'node')];
}

/** Gets what is missing, or says which tests are left out. */
async function provideNpmPeers() {
  const missing = () => Object.keys(PEERS).filter((name) => npmPeer(name) === undefined);
  if (missing().length === 0) return;
  fs.mkdirSync(FOLDER, { recursive: true });
  fs.writeFileSync(path.join(FOLDER, 'package.json'), JSON.stringify({ private: true, dependencies: PEERS }));
  // --force: npm would not install what another machine runs.
  const quiet = [...(TARGET.foreign === undefined ? [] : ['--force']), '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--loglevel=error'];
  // Without a network, soon: the tests are left out then, and nobody should wait for that.
  const { output } = await run('npm', ['install', '--prefix', FOLDER, '--fetch-retries=1', '--fetch-retry-mintimeout=1000', ...quiet]);
  if (missing().length > 0) console.log(`setup: no ${missing().join(', ')}, so the tests that need them are left out\n${output.trimEnd()}`);
}

module.exports = { NODES, nodeOf, npmPeer, provideNpmPeers };

if (require.main === module) provideNpmPeers();
