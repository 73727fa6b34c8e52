// `trunkline dlq`: what could not be delivered, listed, shown, replayed, exported and purged, beside a running server or without one.
'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline/promises');
const { InvalidArgumentError, Option } = require('commander');
const { Failure } = require('./failure.js');
const { loadDotenv } = require('./options.js');

/** @typedef {import('../..').DeadLetter} DeadLetter */
/** @typedef {{ deadLetters: import('../..').DeadLetters, close(): Promise<void> }} Replayer */
/** @typedef {import('../store/dead-letters.js').DeadLetters} Letters */
/** @typedef {{ dataDir?: string, id?: string, since?: string, step?: string, code?: string, intent?: string, json?: boolean, dryRun?: boolean, rate?: number, yes?: boolean }} Flags */

/**
 * Whose dead letters a data directory may hold, who replays them, and which option limits the rate of that.
 * @type {Record<DeadLetter['service'], { open: (options: object) => Replayer, rateOption: string }>}
 */
const SERVICES = {
  events: { open: (options) => require('../index.js').cognigyEvents(options), rateOption: 'rateLimit' },
  sync: { open: (options) => require('../index.js').profileSync(options), rateOption: 'forwardRateLimit' },
};

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

/** @param {Flags} flags whose there are; where there are none at all, those of events, which say so */
function servicesIn(flags) {
  const names = /** @type {Array<DeadLetter['service']>} */ (Object.keys(SERVICES));
  const present = names.filter((name) => existsSync(join(dataDirOf(flags), `${name}.db`)));
  return present.length > 0 ? present : [names[0]];
}

/**
 * @template T
 * @param {Flags} flags
 * @param {(letters: Letters, service: DeadLetter['service']) => Promise<T>} work for one service's after the other
 * @returns {Promise<T[]>}
 */
async function withLetters(flags, work) {
  const { DeadLetters } = require('../store/dead-letters.js');
  const results = [];
  for (const service of servicesIn(flags)) {
    const letters = new DeadLetters(dataDirOf(flags), { service });
    try {
      results.push(await work(letters, service));
    } catch (error) {
      const { summary, hint } = /** @type {import('../..').TrunklineError} */ (error);
      throw summary === undefined ? error : new Failure([summary, hint].filter(Boolean).join('\n'));
    } finally {
      await letters.close();
    }
  }
  return results;
}

/** Of all services, oldest first. @param {Flags} flags */
async function listAll(flags) {
  const lists = await withLetters(flags, (letters) => letters.list(filterOf(flags)));
  return lists.flat().sort((a, b) => (a.failedAt < b.failedAt ? -1 : a.failedAt > b.failedAt ? 1 : 0));
}

/** @param {DeadLetter} letter */
const lineOf = ({ failedAt, service, step, code, status, attempts, eventId, error }) =>
  [failedAt, service.padEnd(6), step.padEnd(7), `${code}${status ? ` ${status}` : ''}`, `${attempts} tries`, eventId, error].join('  ');

/** @param {Flags} flags */
async function list(flags) {
  const all = await listAll(flags);
  if (flags.json) return console.log(JSON.stringify(all, null, 2));
  for (const letter of all) console.log(lineOf(letter));
  console.log(all.length === 1 ? '1 dead letter' : `${all.length} dead letters`);
}

/** @param {Flags} flags */
async function show(flags) {
  if (flags.id === undefined) throw new Failure('--id: expected the id of an event, got none', 2);
  const id = flags.id;
  const holders = (await listAll({ ...flags, since: undefined, step: undefined, code: undefined, intent: undefined })).map(({ service }) => service);
  const shown = await withLetters(flags, async (letters, service) => (holders.length === 0 || holders.includes(service) ? letters.show(id) : undefined));
  const letter = /** @type {DeadLetter & { payload: unknown }} */ (shown.find((one) => one !== undefined));
  if (flags.json) return console.log(JSON.stringify(letter, null, 2));
  console.log(lineOf(letter));
  for (const one of letter.tries) console.log(`  tried ${one.at}  ${one.code}${one.status ? ` ${one.status}` : ''}  ${one.durationMs} ms`);
  console.log(JSON.stringify(letter.payload, null, 2));
}

/** @param {Flags} flags */
async function replay(flags) {
  const matching = await listAll(flags);
  if (flags.dryRun) {
    console.log(flags.json ? JSON.stringify({ matched: matching.length }) : `${matching.length} would be replayed`);
    return;
  }
  const total = { matched: 0, replayed: 0, accepted: 0, failed: 0 };
  for (const service of new Set(matching.map((letter) => letter.service))) {
    const summary = await replayOf(service, flags);
    total.matched += summary.matched;
    total.replayed += summary.replayed;
    total.accepted += summary.accepted;
    total.failed += summary.failed;
  }
  console.log(flags.json ? JSON.stringify(total) : `${total.replayed} of ${total.matched} replayed`);
  if (flags.id !== undefined && total.matched === 0) throw new Failure(`no dead letter has the event id ${flags.id}`);
  if (total.replayed < total.matched) throw new Failure(`${total.matched - total.replayed} could not be replayed; they are dead letters still, or under way`);
}

/** @param {DeadLetter['service']} service @param {Flags} flags */
async function replayOf(service, flags) {
  const { open, rateOption } = SERVICES[service];
  const replayer = open({
    env: process.env,
    dataDir: dataDirOf(flags),
    respondWithinMs: RESPOND_WITHIN_MS,
    logger: false,
    ...(flags.rate === undefined ? {} : { [rateOption]: { requests: flags.rate, perMs: 1000 } }),
  });
  try {
    return await replayer.deadLetters.replay(filterOf(flags), {
      onEach: ({ eventId, status, error }) => console.log(flags.json
        ? JSON.stringify({ eventId, status, ...(error ? { code: error.code, error: error.message } : {}) })
        : `${status.padEnd(8)}  ${eventId}${error ? `  ${error.summary}` : ''}`),
    });
  } finally {
    await replayer.close();
  }
}

/** @param {Flags} flags */
async function exportAll(flags) {
  console.log(JSON.stringify((await withLetters(flags, (letters) => letters.export(filterOf(flags)))).flat(), null, 2));
}

/** @param {Flags} flags */
async function purge(flags) {
  if (!flags.yes) await confirm((await listAll(flags)).length);
  const purged = (await withLetters(flags, (letters) => letters.purge(filterOf(flags)))).reduce((sum, count) => sum + count, 0);
  console.log(flags.json ? JSON.stringify({ purged }) : purged === 1 ? '1 dead letter is gone' : `${purged} dead letters are gone`);
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
