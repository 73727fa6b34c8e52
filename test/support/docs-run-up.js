// A command of trunkline that runs until it is stopped, as the documentation's shell blocks have it: stopped once it is up.
'use strict';

const path = require('node:path');
const { startCommand } = require('../../scripts/support/child.js');

const CLI = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
const UP = /listen(?:s|ing) on (\S+)/;

/** On any port: what the blocks talk to is kept running by the test. @param {string[]} args */
function onAnyPort(args) {
  const at = args.indexOf('--port');
  return at < 0 ? [...args, '--port', '0'] : args.with(at + 1, '0');
}

async function main() {
  const command = await startCommand([CLI, ...onAnyPort(process.argv.slice(2))], process.env, UP);
  const status = await command.stop();
  process.stdout.write(command.stdout);
  process.stderr.write(command.stderr);
  return status;
}

main().then((status) => { process.exitCode = typeof status === 'number' ? status : 1; });
