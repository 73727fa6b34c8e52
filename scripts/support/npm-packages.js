// Packages of npm: are those that package-lock.json names installed, each in its version? And one alone, unpacked without being installed.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');
const LOCK = path.join(ROOT, 'package-lock.json');

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
  // npm packs no lock file: without one this is an installed package, whose source build needs headers only.
  if (!fs.existsSync(LOCK)) return true;
  const wanted = packagesIn(LOCK);
  const found = packagesIn(path.join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || found === undefined) return false;
  return Object.entries(wanted).every(([place, { version, optional }]) => place === '' || optional || found[place]?.version === version);
}

/** @param {string} command @param {string[]} args @param {string} cwd */
function runOrThrow(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed\n${result.stdout ?? ''}${result.stderr ?? result.error?.message ?? ''}`);
  return result.stdout;
}

function installPackages() {
  console.log('setup: npm ci');
  runOrThrow('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], ROOT);
}

/**
 * @param {string} spec name and version
 * @param {string} folder made anew
 * @param {string[]} [members] of its archive; absent: all
 * @throws {Error} where the registry cannot be reached or has no such package
 */
function unpackNpmPackage(spec, folder, members = []) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const archive = runOrThrow('npm', ['pack', spec, '--silent', '--pack-destination', folder], folder).trim().split('\n').at(-1) ?? '';
  runOrThrow('tar', ['-xzf', archive, '--strip-components=1', ...members], folder);
  fs.rmSync(path.join(folder, archive));
}

module.exports = { areInstalled, installPackages, unpackNpmPackage };
