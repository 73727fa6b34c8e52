// What a build of trunkline needs from the machine: one row per tool or library, how to see that it is there, and its package.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

/**
 * @typedef {object} Wanted
 * @property {boolean} [tests] also what the test builds need
 * @property {boolean} [fuzz] also what the fuzz targets need
 * @property {import('./targets.js').Target} [target] also what a build for this one needs
 *
 * @typedef {object} Requirement
 * @property {string} name
 * @property {'tests' | 'fuzz'} [onlyFor] absent: every build needs it
 * @property {() => string | undefined} missing what was expected and what was found; undefined when all is well
 * @property {string[]} apt
 * @property {string[]} dnf
 * @property {string[]} apk
 * @property {string[]} brew
 */

const MIN_BOOST = 81; // 1.81 is the first with the Boost.URL that the core uses
const MIN_CMAKE = [3, 20];
const MIN_GCC = 11;
const MIN_CLANG = 14;

/** @type {Record<string, string>} Debian's names */
const MACHINES = { x64: 'x86_64', arm64: 'aarch64' };

/** @param {string} command @param {string[]} args @returns {string | undefined} its output; undefined when it cannot run */
function outputOf(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout : undefined;
}

/** @param {string} command */
function onPath(command) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.some((folder) => folder !== '' && fs.existsSync(path.join(folder, command)));
}

/** @returns {string[]} prefixes that hold include/ and lib/, in the order in which CMake looks */
function prefixes() {
  const given = [process.env.BOOST_ROOT, ...(process.env.CMAKE_PREFIX_PATH ?? '').split(/[:;]/)];
  const known = ['/usr/local', '/usr', '/opt/homebrew', '/opt/homebrew/opt/sqlite', '/usr/local/opt/sqlite'];
  return [...given, ...known].filter((prefix) => prefix !== undefined && prefix !== '').map(String);
}

/** @param {string} header @returns {string | undefined} */
function findHeader(header) {
  return prefixes()
    .map((prefix) => path.join(prefix, 'include'))
    .flatMap((folder) => [folder, ...multiarch(folder)])
    .map((folder) => path.join(folder, header))
    .find((file) => fs.existsSync(file));
}

/** @param {string} library @param {string[]} [within] folders of a prefix @returns {string | undefined} */
function findLibrary(library, within = ['lib', 'lib64'].flatMap((folder) => [folder, ...multiarch(folder)])) {
  return prefixes()
    .flatMap((prefix) => within.map((folder) => path.join(prefix, folder, library)))
    .find((file) => fs.existsSync(file));
}

/** Debian keeps libraries and some headers one folder deeper, by machine. @param {string} folder */
function multiarch(folder) {
  const machine = MACHINES[process.arch];
  return machine === undefined ? [] : [path.join(folder, `${machine}-linux-gnu`)];
}

/** @param {string | undefined} text */
function firstNumber(text) {
  const match = /\d+/.exec(text ?? '');
  return match === null ? 0 : Number(match[0]);
}

function missingCompiler() {
  const asked = process.env.CXX;
  const command = asked ?? ['c++', 'g++', 'clang++'].find(onPath);
  if (command === undefined) return 'a C++20 compiler (g++ 11 or clang++ 14); found none';
  const banner = outputOf(command, ['--version']) ?? '';
  const isClang = banner.includes('clang');
  const major = firstNumber(isClang ? /version (\d+)/.exec(banner)?.[1] : outputOf(command, ['-dumpversion']));
  const least = isClang ? MIN_CLANG : MIN_GCC;
  return major >= least ? undefined : `a C++20 compiler (${command} ${least} or newer); found ${major || 'none that runs'}`;
}

function missingCmake() {
  const version = /version (\d+)\.(\d+)/.exec(outputOf('cmake', ['--version']) ?? '');
  if (version === null) return `cmake ${MIN_CMAKE.join('.')} or newer; found none`;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const enough = major > MIN_CMAKE[0] || (major === MIN_CMAKE[0] && minor >= MIN_CMAKE[1]);
  return enough ? undefined : `cmake ${MIN_CMAKE.join('.')} or newer; found ${major}.${minor}`;
}

function missingBoost() {
  const header = findHeader('boost/version.hpp');
  if (header === undefined) return `Boost 1.${MIN_BOOST} or newer (headers); found none`;
  const number = Number(/define BOOST_VERSION (\d+)/.exec(fs.readFileSync(header, 'utf8'))?.[1] ?? 0);
  const minor = Math.floor(number / 100) % 1000;
  const enough = number >= 100000 + MIN_BOOST * 100;
  return enough ? undefined : `Boost 1.${MIN_BOOST} or newer (headers); found 1.${minor}`;
}

function missingSqlite() {
  if (findHeader('sqlite3.h') === undefined) return "SQLite's header sqlite3.h; found none";
  if (findLibrary('libsqlite3.a') !== undefined) return undefined;
  return "SQLite's static library libsqlite3.a; found none (where no package has it: build SQLite with --enable-static and name its prefix in CMAKE_PREFIX_PATH)";
}

/** @param {string} what @param {() => unknown} found @returns {() => string | undefined} */
function absent(what, found) {
  return () => (found() ? undefined : `${what}; found none`);
}

/** @type {Requirement[]} */
const REQUIREMENTS = [
  { name: 'compiler', missing: missingCompiler, apt: ['g++'], dnf: ['gcc-c++'], apk: ['g++'], brew: ['llvm'] },
  { name: 'cmake', missing: missingCmake, apt: ['cmake'], dnf: ['cmake'], apk: ['cmake'], brew: ['cmake'] },
  {
    name: 'make',
    missing: absent('make or ninja', () => onPath('make') || onPath('ninja')),
    apt: ['make'], dnf: ['make'], apk: ['make'], brew: ['ninja'],
  },
  { name: 'boost', missing: missingBoost, apt: ['libboost1.81-dev'], dnf: ['boost-devel'], apk: ['boost-dev'], brew: ['boost'] },
  { name: 'sqlite', missing: missingSqlite, apt: ['libsqlite3-dev'], dnf: ['sqlite-devel'], apk: ['sqlite-dev', 'sqlite-static'], brew: ['sqlite'] },
  {
    name: 'googletest', onlyFor: 'tests',
    missing: absent('GoogleTest and GoogleMock', () => findHeader('gmock/gmock.h') && findLibrary('libgmock.a')),
    apt: ['libgtest-dev', 'libgmock-dev'], dnf: ['gtest-devel', 'gmock-devel'], apk: ['gtest-dev'], brew: ['googletest'],
  },
  {
    name: 'libuv', onlyFor: 'tests', missing: absent("libuv's header uv.h", () => findHeader('uv.h')),
    apt: ['libuv1-dev'], dnf: ['libuv-devel'], apk: ['libuv-dev'], brew: ['libuv'],
  },
  {
    name: 'openssl', onlyFor: 'tests', missing: absent("OpenSSL's header openssl/ssl.h", () => findHeader('openssl/ssl.h')),
    apt: ['libssl-dev'], dnf: ['openssl-devel'], apk: ['openssl-dev'], brew: ['openssl@3'],
  },
  {
    name: 'clang', onlyFor: 'fuzz', missing: absent('clang++ (it has libFuzzer)', () => onPath('clang++')),
    apt: ['clang', 'libclang-rt-dev'], dnf: ['clang', 'compiler-rt'], apk: ['clang', 'compiler-rt'], brew: ['llvm'],
  },
];

/**
 * What a build for another machine needs besides; as packages, Debian alone has all of it.
 * @param {import('./targets.js').Target} [target]
 * @returns {Requirement[]}
 */
function foreignRequirements(target) {
  if (target?.foreign === undefined) return [];
  const { triplet, debian } = target.foreign;
  const [emulator] = target.emulator;
  const elsewhere = { dnf: [], apk: [], brew: [] };
  const compiler = `${triplet}-g++`;
  return [
    { name: 'cross compiler', missing: absent(compiler, () => onPath(compiler)), apt: [`g++-${triplet}`], ...elsewhere },
    {
      name: 'cross sqlite',
      missing: absent(`SQLite's static library libsqlite3.a for ${triplet}`, () => findLibrary('libsqlite3.a', [path.join('lib', triplet)])),
      apt: [`libsqlite3-dev:${debian}`], ...elsewhere,
    },
    { name: 'emulator', missing: absent(`${emulator}, which runs what was built`, () => onPath(emulator)), apt: ['qemu-user'], ...elsewhere },
  ];
}

/**
 * @param {Wanted} wanted
 * @returns {Array<{ requirement: Requirement, reason: string }>} what is not there, with what was expected and found
 */
function findMissing(wanted) {
  const own = REQUIREMENTS.filter(({ onlyFor }) => onlyFor === undefined || wanted[onlyFor]);
  return [...own, ...foreignRequirements(wanted.target)]
    .map((requirement) => ({ requirement, reason: requirement.missing() }))
    .flatMap(({ requirement, reason }) => (reason === undefined ? [] : [{ requirement, reason }]));
}

module.exports = { findMissing, onPath, outputOf, MIN_BOOST };
