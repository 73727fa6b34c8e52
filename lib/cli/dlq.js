// `trunkline dlq`: what could not be delivered, listed, shown, replayed, exported and purged, beside a running server or without one.
'use strict';

const { createInterface } = require('node:readline/promises');
const { InvalidArgumentError, Option } = require('commander');
const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');

/** @typedef {import('../..').DeadLetter} DeadLetter */
/** @typedef {{ dataDir?: string, id?: string, since?: string, step?: string, code?: string, intent?: string, json?: boolean, dryRun?: boolean, rate?: number, yes?: boolean }} Flags */

/** A replay from here waits for each event as long as its tries may take. */
const RESPOND_WITHIN_MS = 600_000;

/** For commander. @param {string} text */
function parseSinceFlag(text) {
  if (require('../store/dead-letters.js').parseSince(text) === undefined) throw new InvalidArgumentError('expected ISO 8601, or how long ago, such as 2h');
  return text;
}

/** For commander. @param {string} text */
function parseRate(text) {
  const rate = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (rate < 1) throw new InvalidArgumentError('expected a whole number from 1 to 99999');
  return rate;
}

/** @param {import('commander').Command} program */
function addDlq(program) {
  const dlq = program.command('dlq').description('look after dead letters, beside a running server or without one');
  /** @param {string} name @param {string} about @param {(flags: Flags) => Promise<void>} run */
  const add = (name, about, run) => dlq.command(name)
    .description(about)
    .option('--data-dir <folder>', 'where events are stored (default: TRUNKLINE_DATA_DIR, else ./trunkline-data)')
    .option('--id <eventId>', 'the one event of that id')
    .option('--since <time>', 'that failed since then: ISO 8601, or how long ago, such as 2h', parseSinceFlag)
    .addOption(new Option('--step <step>', 'that failed at that step').choices(['publish', 'request', 'consume']))
    .option('--code <code>', 'that failed with that code')
    .option('--intent <intent>', 'of that intent')
    .action((flags) => {
      loadDotenv();
      return run(flags);
    });
  add('list', 'list dead letters, oldest first', list).option('--json', 'as a JSON array');
  add('show', 'show a dead letter with its payload and every try', show).option('--json', 'as JSON');
  add('replay', 'run dead letters again, from the step that failed', replay)
    .option('--dry-run', 'only count them')
    .option('--rate <number>', 'so many a second at most', parseRate)
    .option('--json', 'as JSON lines, and a summary');
  add('export', 'print the events of dead letters as a JSON array', exportAll).option('--json', 'which is what it does in any case');
  add('purge', 'delete dead letters, and their events', purge).option('--yes', 'without asking').option('--json', 'as JSON');
}

/** @param {Flags} flags */
const dataDirOf = (flags) => flags.dataDir ?? (process.env.TRUNKLINE_DATA_DIR || './trunkline-data');

/** @param {Flags} flags @returns {import('../..').DeadLetterFilter} */
const filterOf = ({ id, since, step, code, intent }) => (/** @type {any} */ ({ eventId: id, since, step, code, intent }));

/**
 * @param {Flags} flags
 * @param {(letters: import('../store/dead-letters.js').DeadLetters) => Promise<void>} work
 */
async function withLetters(flags, work) {
  const { DeadLetters } = require('../store/dead-letters.js');
  const letters = new DeadLetters(dataDirOf(flags));
  try {
    await work(letters);
  } catch (error) {
    const { summary, hint } = /** @type {import('../..').TrunklineError} */ (error);
    throw summary === undefined ? error : new Failure([summary, hint].filter(Boolean).join('\n'));
  } finally {
    await letters.close();
  }
}

/** @param {DeadLetter} letter */
const lineOf = ({ failedAt, step, code, status, attempts, eventId, error }) =>
  [failedAt, step.padEnd(7), `${code}${status ? ` ${status}` : ''}`, `${attempts} tries`, eventId, error].join('  ');

/** @param {Flags} flags */
function list(flags) {
  return withLetters(flags, async (letters) => {
    const all = await letters.list(filterOf(flags));
    if (flags.json) return console.log(JSON.stringify(all, null, 2));
    for (const letter of all) console.log(lineOf(letter));
    console.log(all.length === 1 ? '1 dead letter' : `${all.length} dead letters`);
  });
}

/** @param {Flags} flags */
function show(flags) {
  if (flags.id === undefined) throw new Failure('--id: expected the id of an event, got none', 2);
  return withLetters(flags, async (letters) => {
    const letter = await letters.show(/** @type {string} */ (flags.id));
    if (flags.json) return console.log(JSON.stringify(letter, null, 2));
    console.log(lineOf(letter));
    for (const one of letter.tries) console.log(`  tried ${one.at}  ${one.code}${one.status ? ` ${one.status}` : ''}  ${one.durationMs} ms`);
    console.log(JSON.stringify(letter.payload, null, 2));
  });
}

/** @param {Flags} flags */
async function replay(flags) {
  if (flags.dryRun) {
    return withLetters(flags, async (letters) => {
      const { length } = await letters.list(filterOf(flags));
      console.log(flags.json ? JSON.stringify({ matched: length }) : `${length} would be replayed`);
    });
  }
  const { cognigyEvents } = require('../index.js');
  const service = cognigyEvents({
    env: process.env,
    dataDir: dataDirOf(flags),
    respondWithinMs: RESPOND_WITHIN_MS,
    logger: false,
    ...(flags.rate === undefined ? {} : { rateLimit: { requests: flags.rate, perMs: 1000 } }),
  });
  try {
    const summary = await service.deadLetters.replay(filterOf(flags), {
      onEach: ({ eventId, status, error }) => console.log(flags.json
        ? JSON.stringify({ eventId, status, ...(error ? { code: error.code, error: error.message } : {}) })
        : `${status.padEnd(8)}  ${eventId}${error ? `  ${error.summary}` : ''}`),
    });
    console.log(flags.json ? JSON.stringify(summary) : `${summary.replayed} of ${summary.matched} replayed`);
    if (flags.id !== undefined && summary.matched === 0) throw new Failure(`no dead letter has the event id ${flags.id}`);
    if (summary.replayed < summary.matched) throw new Failure(`${summary.matched - summary.replayed} could not be replayed; they are dead letters still, or under way`);
  } finally {
    await service.close();
  }
}

/** @param {Flags} flags */
function exportAll(flags) {
  return withLetters(flags, async (letters) => console.log(JSON.stringify(await letters.export(filterOf(flags)), null, 2)));
}

/** @param {Flags} flags */
function purge(flags) {
  return withLetters(flags, async (letters) => {
    if (!flags.yes) await confirm((await letters.list(filterOf(flags))).length);
    const purged = await letters.purge(filterOf(flags));
    console.log(flags.json ? JSON.stringify({ purged }) : purged === 1 ? '1 dead letter is gone' : `${purged} dead letters are gone`);
  });
}

/** @param {number} count */
async function confirm(count) {
  if (!process.stdin.isTTY) throw new Failure('nobody is there to be asked; to delete without asking, pass --yes', 2);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete ${count} dead letters and their events for good? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('nothing was deleted');
}

module.exports = { addDlq };
