// docs/benchmarks.md and its plots, from the results of one run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { isMet, number } = require('./table');

const DOCS = path.join(__dirname, '..', '..', 'docs');
/** Where the axes begin: below every figure. */
const LEAST = 0.5;

/** @typedef {import('./types').Result} Result */

/**
 * @param {string[]} head
 * @param {Array<Array<string | number>>} rows
 */
function markdownTable(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map((row) => line(row.map(number)))].join('\n');
}

/**
 * @param {string} name
 * @param {Result} result
 * @param {string | undefined} image
 */
function section(name, { title, judgements, head, rows, notes }, image) {
  const judged = judgements.map((one) => {
    const bound = one.target.min === undefined ? `≤ ${one.target.max}` : `≥ ${one.target.min}`;
    return [one.what, `${number(one.value)} ${one.unit}`, `${bound} ${one.unit}`, isMet(one) ? 'met' : '**missed**'];
  });
  return [
    `## ${name}`, '', `${title.slice(name.length + 2)}.`, '',
    ...(judged.length > 0 ? [markdownTable(['', 'measured', 'target', ''], judged), ''] : []),
    ...(image ? [`![${name}: its contenders side by side](${image})`, ''] : []),
    ...(rows.length > 0 ? [markdownTable(head, rows), ''] : []),
    ...notes.map((note) => `- ${note}\n`),
  ].join('\n');
}

/** @param {import('./types').Chart} chart @param {number} index */
function panel({ title, bars }, index) {
  const data = `$data${index}`;
  const rows = bars.map(({ name, value }, i) => `${bars.length - 1 - i} ${value} "${name.replaceAll('"', '')}" "  ${number(value)}"`).join('\n');
  return [
    `${data} << EOD\n${rows}\nEOD`,
    `set title ${JSON.stringify(title)} offset 0,-0.5`,
    `set xrange [${LEAST}:${4 * Math.max(...bars.map(({ value }) => value))}]`,
    `set yrange [-0.6:${bars.length - 0.4}]`,
    `plot ${data} using (${LEAST}):1:(${LEAST}):2:($1-0.35):($1+0.35):ytic(3) with boxxyerror linecolor "#2f6f9f", ${data} using 2:1:4 with labels left`,
  ].join('\n');
}

/**
 * A figure of each contender, side by side, on a logarithmic axis.
 * @param {import('./types').Chart[]} charts
 * @returns {string} SVG
 */
function plot(charts) {
  const script = [
    `set terminal svg noenhanced size 900,${charts.length * 270} font "Helvetica,13" background "white"`,
    `set multiplot layout ${charts.length},1 margins 0.30,0.94,${0.15 / charts.length},${1 - 0.15 / charts.length} spacing 0.10,0.14`,
    'set logscale x 10; unset key; set grid xtics; set style fill solid 0.8 noborder; set tics nomirror; set border 3',
    ...charts.map(panel),
    'unset multiplot',
  ].join('\n');
  const drawn = spawnSync('gnuplot', { input: script, encoding: 'utf8' });
  if (drawn.error || drawn.status !== 0) {
    throw new Error(`the plots need gnuplot (Debian, Ubuntu: sudo apt-get install -y gnuplot-nox): ${drawn.error?.message ?? drawn.stderr}`);
  }
  return drawn.stdout;
}

/**
 * @param {string} name
 * @param {Result} result
 * @returns {string | undefined} the name of its file
 */
function writePlot(name, { charts = [] }) {
  // A contender that has no JavaScript thread has no time of it.
  const drawn = charts.map(({ title, bars }) => ({ title, bars: bars.filter(({ value }) => Number.isFinite(value)) }));
  if (drawn.length === 0) return undefined;
  const file = `benchmarks-${name}.svg`;
  fs.writeFileSync(path.join(DOCS, file), plot(drawn));
  return file;
}

/**
 * @param {ReturnType<typeof import('./machine').machine>} on
 * @param {Record<string, Result>} results
 * @param {boolean} quick
 */
function writeReport(on, results, quick) {
  for (const file of fs.readdirSync(DOCS)) {
    if (/^benchmarks.*\.svg$/.test(file)) fs.rmSync(path.join(DOCS, file));
  }
  const text = [
    '# Benchmarks', '',
    `Written by \`npm run bench -- ${quick ? '--quick ' : ''}--report\` on ${on.date.slice(0, 10)}, on one machine: ${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.system}, ` +
      `Node ${on.node}, OpenSSL ${on.openssl}; load ${on.loadAverage.toFixed(2)} at the start.`, '',
    'Contenders alternate within one run, in processes of their own; medians of the rounds after a warm-up that is thrown away; CPU is user and system time of the whole',
    'process with all its threads. Such machines wander by half between minutes, so ratios count and absolute values do not. Run one part alone with, say,',
    '`npm run bench -- http`; `--quick` gives a first look at all of it in less than two minutes. nginx, wrk and openssl stand in for the network:',
    '`sudo apt-get install -y nginx wrk openssl`. The axes of the plots are logarithmic.', '',
    ...Object.entries(results).map(([name, result]) => section(name, result, writePlot(name, result))),
  ].join('\n');
  fs.writeFileSync(path.join(DOCS, 'benchmarks.md'), `${text.trimEnd()}\n`);
}

module.exports = { writeReport };
