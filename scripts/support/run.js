// Runs other programs for the scripts: quietly with the output kept for a failure, or shown as it comes.
'use strict';

const path = require('node:path');
const { spawn } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');
const OUTPUT_LIMIT = 8 << 20; // characters kept; a compiler gone wild must not fill the memory

/**
 * @typedef {object} RunOptions
 * @property {boolean} [show] print the output as it comes
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeoutMs] ended after that: a test that never ends is one that failed
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run(command, args, { show = false, env = process.env, timeoutMs = 3600_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let output = '';
    /** @param {NodeJS.WriteStream} target @returns {(chunk: Buffer) => void} */
    const collector = (target) => (chunk) => {
      if (show) target.write(chunk);
      output = (output + chunk).slice(-OUTPUT_LIMIT);
    };
    child.stdout.on('data', collector(process.stdout));
    child.stderr.on('data', collector(process.stderr));
    child.on('error', (error) => resolve({ ok: false, output: `${command}: ${error.message}\n` }));
    child.on('close', (status, signal) => {
      if (signal !== null) output += `\n${command} was ended by ${signal}\n`;
      resolve({ ok: status === 0, output });
    });
  });
}

/** A program from node_modules/.bin, run by this very Node. @param {string} name */
function localBin(name) {
  return path.join(ROOT, 'node_modules', '.bin', name);
}

module.exports = { ROOT, run, localBin };
