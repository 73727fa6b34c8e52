#!/usr/bin/env node
// The command `trunkline`: one file per command beside this one, one row each.
'use strict';

const { Command, CommanderError } = require('commander');
const { version } = require('../../package.json');
const { Failure } = require('./failure.js');

/** @type {Array<(program: Command) => void>} */
const COMMANDS = [
  require('./serve.js').addServe,
  require('./sandbox.js').addSandbox,
  require('./register.js').addRegister,
  require('./doctor.js').addDoctor,
  require('./sign.js').addSign,
  require('./rules.js').addRules,
  require('./dlq.js').addDlq,
];

const EXIT_USAGE = 2;

/** @param {string[]} args without node and script @returns {Promise<number>} the exit code */
async function main(args) {
  const program = new Command('trunkline')
    .description('Carries conversation events between Cognigy.AI, Genesys Cloud, NICE CXone and a CRM.')
    .version(version)
    .showSuggestionAfterError(false)
    .exitOverride();
  for (const add of COMMANDS) add(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has written its line already; help and version asked for come with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (error instanceof Failure) {
      console.error(`trunkline: ${error.message}`);
      return error.exitCode;
    }
    // An accident. The text of a TrunklineError holds no secret, and its hint says what to do; the class is not asked for, since an addon that is missing comes here too.
    console.error(`trunkline: ${error instanceof Error ? error.message : error}`);
    const { code, hint } = /** @type {{ code?: string, hint?: string }} */ (Object(error));
    if (hint !== undefined && code !== 'CONFIG_INVALID') console.error(`  ${hint}`); // that one's message is all
    return 1;
  }
}

// A reader of our output that goes away (`| head`) is no reason to drop the work under way.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
