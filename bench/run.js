// npm run bench [-- --quick] [--json FILE] [--report] [NAME …]: figures of this machine, as ratios of one run. The names are below.
'use strict';

const fs = require('node:fs');
const { parseArgs } = require('node:util');
const { machine } = require('./lib/machine');
const { writeReport } = require('./lib/report');
const { isMet, judgement, table } = require('./lib/table');

const NAMES = ['admit', 'ring', 'retries', 'store', 'http', 'preflight', 'service', 'route', 'sync', 'lambda', 'soak'];
const USAGE = `usage: node bench/run.js [--quick] [--json FILE] [--report] [${NAMES.join('] [')}]`;

/** @returns {{ wrong: string } | { wrong?: undefined, names: string[], quick: boolean, json?: string, report: boolean, help?: boolean }} */
function readArguments() {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean', default: false }, json: { type: 'string' }, report: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } });
  } catch (error) {
    return { wrong: /** @type {Error} */ (error).message };
  }
  const unknown = parsed.positionals.find((name) => !NAMES.includes(name));
  if (unknown) return { wrong: `unknown benchmark ${unknown}` };
  return { ...parsed.values, names: parsed.positionals.length > 0 ? parsed.positionals : NAMES };
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** @param {import('./lib/types').Result} result */
function print(result) {
  progress('');
  const lines = [`\n${result.title}`];
  if (result.judgements.length > 0) lines.push(...result.judgements.map(judgement));
  if (result.rows.length > 0) lines.push('', table(result.head, result.rows));
  lines.push(...result.notes.map((note) => `  note: ${note}`));
  console.log(lines.join('\n'));
}

async function main() {
  const given = readArguments();
  if (given.wrong !== undefined) {
    console.error(`${given.wrong}\n${USAGE}`);
    return 2;
  }
  const { names, quick, json, report, help } = given;
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const on = machine();
  console.log(`${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB; ${on.system}; Node ${on.node}, OpenSSL ${on.openssl}; load ${on.loadAverage.toFixed(2)}; ${on.date}`);
  console.log('Contenders alternate within this run; medians of the rounds. Ratios count, absolute values wander with the machine.');
  /** @type {Record<string, import('./lib/types').Result>} */
  const results = {};
  let failed = false;
  for (const name of names) {
    try {
      results[name] = await require(`./${name}`).run({ quick, progress });
      print(results[name]);
    } catch (error) {
      progress('');
      console.error(`\n${name}: no figures. ${/** @type {Error} */ (error).stack}`);
      failed = true;
    }
  }
  if (json) fs.writeFileSync(json, `${JSON.stringify({ machine: on, quick, results }, null, 2)}\n`);
  if (report) writeReport(on, results, quick);
  const missed = Object.values(results).flatMap((result) => result.judgements).filter((one) => !isMet(one)).length;
  console.log(`\n${failed ? 'a benchmark failed; ' : ''}${missed} target${missed === 1 ? '' : 's'} missed`);
  return failed ? 1 : 0;
}

main().then((code) => process.exit(code));
