// Builds and runs the core's own tests, without Node: plain, under a sanitizer, or as fuzz targets.
// Usage: core-tests.js [--sanitize address,undefined | thread] [--fuzz [--seconds 60]] [--filter GTEST_FILTER]
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { setup } = require('./support/setup.js');
const { build, configureCommand } = require('./support/cmake.js');
const { ROOT, run } = require('./support/run.js');

/** Sanitizers, and the folder under build/ that each gets. @type {Record<string, string>} */
const SANITIZED_FOLDERS = { 'address,undefined': 'asan', thread: 'tsan' };
/** Many tests wait for the disk or for other processes: two binaries at a time, half of the tests each. */
const SHARDS = 2;
const FUZZ_LIMIT_SECONDS = 24 * 3600;

/**
 * @param {{ sanitize?: string, filter?: string }} [o]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
async function runCoreTests({ sanitize, filter } = {}) {
  const folder = path.join('build', sanitize === undefined ? 'core' : SANITIZED_FOLDERS[sanitize]);
  // Without optimisation, and of debug information the line numbers only, the tests build in half the time; a sanitizer needs some to be bearable.
  const defines = sanitize === undefined ? ['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS_DEBUG=-g1'] : ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', `-DTRUNKLINE_SANITIZE=${sanitize}`];
  await build({ folder, configure: configureCommand(folder, defines), target: 'core_tests' });
  const args = ['--gtest_brief=1', ...(filter === undefined ? [] : [`--gtest_filter=${filter}`])];
  const program = path.join(ROOT, folder, 'test', 'core', 'core_tests');
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, index) => run(program, args, {
    show: true, env: { ...process.env, GTEST_TOTAL_SHARDS: String(SHARDS), GTEST_SHARD_INDEX: String(index) },
  })));
  return { ok: shards.every(({ ok }) => ok), output: shards.map(({ output }) => output).join('') };
}

/** @param {string} folder @returns {string[]} the built fuzz targets */
function fuzzTargets(folder) {
  return fs.readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && path.extname(entry.name) === '')
    .map((entry) => path.join(folder, entry.name))
    .filter((file) => (fs.statSync(file).mode & 0o111) !== 0);
}

/** @param {number} seconds for each target */
async function runFuzzers(seconds) {
  const folder = path.join('build', 'fuzz');
  const env = { ...process.env, CXX: 'clang++' };
  const defines = ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DTRUNKLINE_FUZZ=ON', '-DTRUNKLINE_SANITIZE=address,undefined'];
  await build({ folder, configure: configureCommand(folder, defines), target: 'fuzz_targets', env });
  const targets = fuzzTargets(path.join(ROOT, folder, 'test', 'fuzz'));
  if (targets.length === 0) throw new Error('expected fuzz targets in build/fuzz/test/fuzz, found none');
  for (const target of targets) {
    const name = path.basename(target).replace(/_fuzz$/, '');
    const found = path.join(ROOT, folder, 'corpus', name);
    const kept = path.join(ROOT, 'test', 'fuzz', 'corpus', name);
    const dictionary = path.join(ROOT, 'test', 'fuzz', `${name}.dict`);
    fs.mkdirSync(found, { recursive: true });
    console.log(`fuzz: ${name} for ${seconds} s`);
    const corpora = fs.existsSync(kept) ? [found, kept] : [found];
    const words = fs.existsSync(dictionary) ? [`-dict=${dictionary}`] : [];
    const args = [`-max_total_time=${seconds}`, '-print_final_stats=1', `-artifact_prefix=${path.join(ROOT, folder)}/${name}-`, ...words, ...corpora];
    const { ok, output } = await run(target, args);
    if (!ok) throw new Error(`${name} failed\n${output}`);
    console.log(output.split('\n').filter((line) => line.startsWith('stat::')).slice(0, 2).join('\n'));
  }
}

module.exports = { runCoreTests };

async function main() {
  const { values } = parseArgs({
    options: { sanitize: { type: 'string' }, fuzz: { type: 'boolean' }, seconds: { type: 'string' }, filter: { type: 'string' } },
  });
  if (values.sanitize !== undefined && !Object.hasOwn(SANITIZED_FOLDERS, values.sanitize)) {
    throw new Error(`--sanitize: expected ${Object.keys(SANITIZED_FOLDERS).join(' or ')}, got ${values.sanitize}`);
  }
  const seconds = Number(values.seconds ?? 60);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > FUZZ_LIMIT_SECONDS) {
    throw new Error(`--seconds: expected a whole number from 1 to ${FUZZ_LIMIT_SECONDS}, got ${values.seconds}`);
  }
  if (!setup({ tests: true, fuzz: values.fuzz })) throw new Error('setup did not finish');
  if (values.fuzz) return runFuzzers(seconds);
  const { ok } = await runCoreTests({ sanitize: values.sanitize, filter: values.filter });
  if (!ok) process.exitCode = 1;
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`core-tests: ${error.message}`);
    process.exitCode = 1;
  });
}
