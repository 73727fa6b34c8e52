// The benchmark's programs that measure the core without Node: built when they are wanted, then run for one line of JSON.
'use strict';

const path = require('node:path');
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const { build, configureCommand } = require('../../scripts/support/cmake.js');
const { setup } = require('../../scripts/support/setup.js');

const ROOT = path.join(__dirname, '..', '..');
const FOLDER = path.join('build', 'bench');

/** @param {string} target */
async function buildProgram(target) {
  if (!setup({ tests: true })) throw new Error('setup did not finish');
  await build({ folder: FOLDER, configure: configureCommand(FOLDER, ['-DCMAKE_BUILD_TYPE=Release', '-DTRUNKLINE_BENCH=ON']), target });
}

/**
 * @param {string} target
 * @param {string[]} args
 * @returns {Promise<Record<string, number>>}
 */
async function runProgram(target, args) {
  const { stdout } = await promisify(execFile)(path.join(ROOT, FOLDER, 'bench', target), args);
  return JSON.parse(stdout);
}

module.exports = { buildProgram, runProgram };
