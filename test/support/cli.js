// A command of the command line in a process of its own, run to its end while the test goes on serving it.
'use strict';

const path = require('node:path');
const { Command } = require('../../scripts/support/child.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');

/** @param {string[]} args @param {Record<string, string | undefined>} env @param {string} cwd where no .env lies */
const startCli = (args, env, cwd) => new Command([CLI, ...args], env, cwd);

/** @param {string[]} args @param {Record<string, string | undefined>} env @param {string} cwd */
async function runCli(args, env, cwd) {
  const command = startCli(args, env, cwd);
  const status = await command.ended;
  return { status, stdout: command.stdout, stderr: command.stderr };
}

module.exports = { runCli, startCli };
