// npm run bench [-- --quick] [--json FILE] [--report] [NAME …]: figures of this machine, as ratios of one run. The names are below.
'use strict';

const fs = require('node:fs');
const { parseArgs } = require('node:util');
const { machine } = require('./lib/machine');
const { missing } = require('./lib/needs');
const { writeReport } = require('./lib/report');
const { isMet, judgement, table } = require('./lib/table');

const NAMES = ['verify', 'admit', 'ring', 'retry', 'store', 'http', 'oauth', 'preflight', 'service', 'route', 'sync', 'lambda', 'soak'];
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

/**
 * @param {string} name
 * @param {boolean} quick
 * @returns {Promise<import('./lib/types').TimedResult>}
 */
async function runBenchmark(name, quick) {
  /** @type {import('./lib/types').Benchmark} */
  const { needs, prepare, run } = require(`./${name}`);
  const why = missing(needs);
  if (why) return { title: `${name}: left out`, judgements: [], head: [], rows: [], notes: [why], seconds: 0 };
  if (prepare) {
    progress(`${name}: building`);
    await prepare();
  }
  const from = performance.now();
  const result = await run({ quick, progress: (text) => progress(`${name}: ${text}`) });
  return { ...result, seconds: (performance.now() - from) / 1000 };
}

/** @param {import('./lib/types').TimedResult} result */
function print(result) {
  progress('');
  const lines = [`\n${result.title}`];
  if (result.judgements.length > 0) lines.push(...result.judgements.map(judgement));
  if (result.rows.length > 0) lines.push('', table(result.head, result.rows));
  lines.push(...result.notes.map((note) => `  note: ${note}`));
  if (result.seconds > 0) lines.push(`  took ${result.seconds.toFixed(1)} s`);
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
  /** @type {Record<string, import('./lib/types').TimedResult>} */
  const results = {};
  let failed = false;
  for (const name of names) {
    try {
      results[name] = await runBenchmark(name, quick);
      print(results[name]);
    } catch (error) {
      progress('');
      console.error(`\n${name}: no figures. ${/** @type {Error} */ (error).stack}`);
      failed = true;
    }
  }
  if (json) fs.writeFileSync(json, `${JSON.stringify({ machine: on, quick, results }, null, 2)}\n`);
  if (report) writeReport(on, results, quick);
  const all = Object.values(results);
  const missed = all.flatMap(({ judgements }) => judgements).filter((one) => !isMet(one)).length;
  const seconds = all.reduce((sum, one) => sum + one.seconds, 0);
  const leftOut = all.filter((one) => one.seconds === 0).length;
  console.log(`\n${failed ? 'a benchmark failed; ' : ''}${leftOut > 0 ? `${leftOut} left out; ` : ''}${missed} target${missed === 1 ? '' : 's'} missed; ${seconds.toFixed(0)} s`);
  return failed ? 1 : 0;
}

main().then((code) => process.exit(code));
