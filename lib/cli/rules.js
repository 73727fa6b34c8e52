// `trunkline rules create`: makes a routing rule in CXone.
'use strict';

const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');

/** @param {import('commander').Command} program */
function addRules(program) {
  program.command('rules')
    .description('routing rules of CXone')
    .command('create')
    .description('send conversations with an intent to a queue; CXONE_TENANT, CXONE_CLIENT_ID and CXONE_CLIENT_SECRET come from the environment, and .env')
    .requiredOption('--intent <intent>', 'the intent that the rule looks for')
    .requiredOption('--queue <id>', 'the id of the queue')
    .option('--name <name>', 'the name of the rule (default: "Cognigy Intent Route: " and the intent)')
    .action(createRule);
}

/** @param {{ intent: string, queue: string, name?: string }} flags */
async function createRule({ intent, queue, name }) {
  for (const [flag, value] of Object.entries({ '--intent': intent, '--queue': queue, '--name': name })) {
    if (value?.trim() === '') throw new Failure(`${flag}: expected a text, got none`, 2);
  }
  loadDotenv();
  const { intentRouter, TrunklineError } = require('../index.js');
  const router = intentRouter({ logger: false });
  try {
    const rule = await router.createRoutingRule({ intent, queueId: queue, name });
    console.log(rule.created ? `created rule ${rule.id ?? ''}: ${rule.name}` : `rule may already exist: ${rule.name}; nothing was changed`);
  } catch (error) {
    if (!(error instanceof TrunklineError)) throw error;
    throw new Failure(`${error.message}\n${error.hint}`);
  } finally {
    await router.close();
  }
}

module.exports = { addRules };
