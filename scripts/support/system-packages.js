// Installs what the machine lacks through its own package manager, or says the exact command that does.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { onPath, outputOf, MIN_BOOST } = require('./toolchain.js');

/** @typedef {import('./toolchain.js').Requirement} Requirement */

/** A wish in the table that stands for "this or newer, whichever the distribution has". */
const BOOST_WISH = 'libboost1.81-dev';

/** @returns {string[] | undefined} what to put before apt-get; undefined when this user may not install */
function aptPrefix() {
  if (process.platform !== 'linux' || !onPath('apt-get')) return undefined;
  if (process.getuid?.() === 0) return [];
  return onPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

/** @returns {string} the distribution's oldest Boost that is new enough: the one that it keeps longest */
function boostCandidate() {
  const names = outputOf('apt-cache', ['pkgnames', 'libboost1.']) ?? '';
  const minors = names.split('\n')
    .map((name) => /^libboost1\.(\d+)-dev$/.exec(name.trim())?.[1])
    .flatMap((minor) => (minor !== undefined && Number(minor) >= MIN_BOOST ? [Number(minor)] : []))
    .sort((a, b) => a - b);
  return minors.length === 0 ? BOOST_WISH : `libboost1.${minors[0]}-dev`;
}

/** @param {string[]} command @returns {boolean} */
function runQuietly(command) {
  const [name, ...args] = command;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync(name, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
  if (result.status !== 0) process.stderr.write(`${command.join(' ')} failed\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  return result.status === 0;
}

/** @param {Requirement[]} requirements @param {'apt' | 'dnf' | 'apk' | 'brew'} manager */
function packagesOf(requirements, manager) {
  return [...new Set(requirements.flatMap((requirement) => requirement[manager]))];
}

/** Other machines' that Debian's packages are to be had for: of `libsqlite3-dev:arm64`, arm64. @param {string[]} packages */
function architecturesOf(packages) {
  return [...new Set(packages.flatMap((name) => name.split(':').slice(1)))];
}

/**
 * @param {Requirement[]} requirements
 * @returns {boolean} false when nothing could be installed from here
 */
function install(requirements) {
  const prefix = aptPrefix();
  if (prefix === undefined) return false;
  console.log(`setup: installing ${packagesOf(requirements, 'apt').join(' ')}`);
  for (const architecture of architecturesOf(packagesOf(requirements, 'apt'))) runQuietly([...prefix, 'dpkg', '--add-architecture', architecture]);
  // An old list is no reason to stop: the install may still find everything.
  runQuietly([...prefix, 'apt-get', 'update', '-q']);
  const packages = packagesOf(requirements, 'apt').map((name) => (name === BOOST_WISH ? boostCandidate() : name));
  return runQuietly([...prefix, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages]);
}

/**
 * Unpacks a package without installing it, which would start the services that it holds.
 * @param {string} name of a Debian package
 * @param {string} folder
 * @returns {boolean} false where there is no such package to be had
 */
function unpack(name, folder) {
  fs.mkdirSync(folder, { recursive: true });
  const download = () => spawnSync('apt-get', ['download', name], { cwd: folder, stdio: 'ignore' }).status === 0;
  const prefix = aptPrefix();
  if (!download() && !(prefix && runQuietly([...prefix, 'apt-get', 'update', '-q']) && download())) return false;
  const packages = fs.readdirSync(folder).filter((file) => file.endsWith('.deb')).map((file) => path.join(folder, file));
  const unpacked = packages.every((file) => runQuietly(['dpkg', '-x', file, folder]));
  for (const file of packages) fs.rmSync(file);
  return unpacked;
}

/** @param {Requirement[]} requirements @returns {string} what a person types, per package manager */
function instructions(requirements) {
  const foreign = architecturesOf(packagesOf(requirements, 'apt')).map((architecture) => `sudo dpkg --add-architecture ${architecture} && `);
  /** @type {Array<[string, 'apt' | 'dnf' | 'apk' | 'brew', string]>} */
  const managers = [
    ['Debian, Ubuntu:  ', 'apt', `${foreign.join('')}sudo apt-get update && sudo apt-get install`],
    ['Fedora, RHEL:    ', 'dnf', 'sudo dnf install'],
    ['Alpine:          ', 'apk', 'sudo apk add'],
    ['macOS:           ', 'brew', 'brew install'],
  ];
  return managers
    .filter(([, manager]) => requirements.every((requirement) => requirement[manager].length > 0))
    .map(([label, manager, command]) => `  ${label}${command} ${packagesOf(requirements, manager).join(' ')}`)
    .join('\n');
}

module.exports = { install, instructions, unpack };
