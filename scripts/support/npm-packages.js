// Are the npm packages that package-lock.json names installed, each in its version?
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');

/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean, peer?: boolean }> | undefined} */
function packagesIn(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

// Contents are compared, not times: a checkout sets the times of its files as it likes.
function areInstalled() {
  const wanted = packagesIn(path.join(ROOT, 'package-lock.json'));
  const found = packagesIn(path.join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || found === undefined) return false;
  return Object.entries(wanted).every(([place, { version, optional }]) => place === '' || optional || found[place]?.version === version);
}

function installPackages() {
  console.log('setup: npm ci');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status !== 0) throw new Error(`npm ci failed\n${result.stdout ?? ''}${result.stderr ?? ''}`);
}

module.exports = { areInstalled, installPackages };
