// `trunkline sandbox`: the simulated platforms on loopback, until a signal.
'use strict';

const { Failure } = require('./failure.js');
const { parsePort, portFromEnv, stopSignal } = require('./options.js');

const DEFAULT_PORT = 4010;

/** @param {import('commander').Command} program */
function addSandbox(program) {
  program.command('sandbox')
    .description('simulate the platforms on loopback and print the environment to use')
    .option('--port <number>', `port to listen on; 0 takes a free one (default: PORT, else ${DEFAULT_PORT})`, parsePort)
    .action(runSandbox);
}

/** @param {{ port?: number }} flags */
async function runSandbox(flags) {
  const port = flags.port ?? portFromEnv(DEFAULT_PORT);
  const stopped = stopSignal();
  const { createSandbox } = require('../sandbox/index.js');
  const sandbox = await createSandbox({ port }).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    throw new Failure(error.code === 'EADDRINUSE' ? `port ${port} on 127.0.0.1 is in use; choose another --port` : error.message);
  });
  // The values open nothing but this sandbox. As comments where they are none: the whole can be a .env.
  const lines = Object.entries(sandbox.env).map(([name, value]) => `${name}=${value}`);
  console.log([`# The sandbox listens on ${sandbox.url}; faults: POST ${sandbox.url}/__sandbox/faults`, ...lines].join('\n'));
  await stopped;
  await sandbox.close();
}

module.exports = { addSandbox };
