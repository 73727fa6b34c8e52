// Configures and builds one CMake build folder; configures anew only when its arguments or its place changed.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT, run } = require('./run.js');
const { onPath } = require('./toolchain.js');

const STAMP = '.configured-with.json';

/** One job per core, as far as the memory goes: a translation unit with Boost in it takes about a gigabyte. */
function jobs() {
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / (1 << 30))));
}

/** @param {string} folder @param {string} key */
function isConfiguredAs(folder, key) {
  try {
    return fs.readFileSync(path.join(folder, STAMP), 'utf8') === key && fs.existsSync(path.join(folder, 'CMakeCache.txt'));
  } catch {
    return false;
  }
}

/** Was the cache made here, from these sources, for this generator? CMake refuses any other. @param {string} folder */
function isCacheUsable(folder) {
  try {
    const cache = fs.readFileSync(path.join(folder, 'CMakeCache.txt'), 'utf8');
    /** @param {string} name */
    const value = (name) => new RegExp(`^${name}:\\w+=(.*)$`, 'm').exec(cache)?.[1];
    return value('CMAKE_CACHEFILE_DIR') === folder && value('CMAKE_HOME_DIRECTORY') === ROOT && value('CMAKE_GENERATOR') === generator();
  } catch {
    return false;
  }
}

/** What else lies in build/ stays. @param {string} folder */
function dropCache(folder) {
  for (const name of [STAMP, 'CMakeCache.txt', 'CMakeFiles', 'include-roots', 'src', 'binding', 'test', 'build.ninja', 'Makefile']) {
    fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/**
 * @param {object} o
 * @param {string} o.folder the build folder, relative to the repository
 * @param {string[]} o.configure program and arguments that configure it
 * @param {string} [o.target]
 * @param {NodeJS.ProcessEnv} [o.env]
 * @throws {Error} with the whole output of CMake and the compiler
 */
async function build({ folder, configure, target, env }) {
  const place = path.join(ROOT, folder);
  const key = JSON.stringify({ place, configure, node: process.version });
  if (!isConfiguredAs(place, key)) {
    // With a stamp, it was configured with other arguments, which would linger in the cache.
    if (!isCacheUsable(place) || fs.existsSync(path.join(place, STAMP))) dropCache(place);
    fs.mkdirSync(place, { recursive: true });
    const [command, ...args] = configure;
    const configured = await run(command, args, { env });
    if (!configured.ok) throw new Error(`configuring ${folder} failed\n${configured.output}`);
    fs.writeFileSync(path.join(place, STAMP), key);
  }
  const args = ['--build', place, '--parallel', String(jobs()), ...(target === undefined ? [] : ['--target', target])];
  const built = await run('cmake', args, { env });
  if (!built.ok) throw new Error(`building ${folder} failed\n${built.output}`);
}

/** @param {string} folder the build folder, relative to the repository @param {string[]} defines */
function configureCommand(folder, defines) {
  return ['cmake', '-S', ROOT, '-B', path.join(ROOT, folder), '-G', generator(), '--no-warn-unused-cli', ...defines];
}

/** @returns {string} the generator that this machine has */
function generator() {
  return onPath('ninja') ? 'Ninja' : 'Unix Makefiles';
}

module.exports = { build, configureCommand };
