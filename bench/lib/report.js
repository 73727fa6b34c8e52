// docs/benchmarks.md and its plot, from the results of one run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { isMet, number } = require('./table');

const DOCS = path.join(__dirname, '..', '..', 'docs');

/** @typedef {import('./types').Result} Result */

/**
 * @param {string[]} head
 * @param {Array<Array<string | number>>} rows
 */
function markdownTable(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map((row) => line(row.map(number)))].join('\n');
}

/** @param {Result} result */
function section({ title, judgements, head, rows, notes }) {
  const judged = judgements.map((one) => {
    const bound = one.target.min === undefined ? `≤ ${one.target.max}` : `≥ ${one.target.min}`;
    return [one.what, `${number(one.value)} ${one.unit}`, `${bound} ${one.unit}`, isMet(one) ? 'met' : '**missed**'];
  });
  const [name, ...rest] = title.split(': ');
  return [
    `## ${name}`, '', `${rest.join(': ')}.`, '',
    ...(judged.length > 0 ? [markdownTable(['', 'measured', 'target', ''], judged), ''] : []),
    ...(rows.length > 0 ? [markdownTable(head, rows), ''] : []),
    ...notes.map((note) => `- ${note}\n`),
  ].join('\n');
}

/**
 * Bars of one figure: each result's `rows` by name.
 * @param {Result | undefined} result
 * @param {string} figure a column of its head
 * @param {(name: string) => boolean} chosen
 */
function bars(result, figure, chosen) {
  const column = result?.head.indexOf(figure) ?? -1;
  if (!result || column < 0) return [];
  return result.rows.filter((row) => chosen(String(row[0])) && Number.isFinite(row[column])).map((row) => ({ name: String(row[0]), value: Number(row[column]) }));
}

/**
 * @param {string} title
 * @param {string} block
 * @param {Array<{ name: string, value: number }>} data
 */
function panel(title, block, data) {
  const rows = data.map(({ name, value }, i) => `${data.length - 1 - i} ${value} "${name.replaceAll('"', '')}"`).join('\n');
  return [
    `$${block} << EOD\n${rows}\nEOD`,
    `set title ${JSON.stringify(title)} offset 0,-0.5`,
    `set yrange [-0.6:${data.length - 0.4}]`,
    `plot $${block} using (0.5):1:(0.5):2:($1-0.35):($1+0.35):ytic(3) with boxxyerror linecolor "#2f6f9f", $${block} using 2:1:(sprintf("  %.3g", $2)) with labels left`,
  ].join('\n');
}

/**
 * CPU time of each contender, side by side, on a logarithmic axis.
 * @param {Record<string, Result>} results
 * @returns {string | undefined} SVG
 */
function plot(results) {
  const panels = [
    { title: 'CPU per signed event, the whole service (µs)', data: bars(results.service, 'CPU µs', () => true) },
    { title: 'CPU per POST, 64 in flight (µs)', data: bars(results.http, 'CPU µs', (name) => / 64 {2}/.test(name)) },
    { title: 'JavaScript thread per POST, 64 in flight (µs)', data: bars(results.http, 'JS thread busy µs', (name) => / 64 {2}/.test(name)) },
  ].filter(({ data }) => data.length > 0);
  if (panels.length === 0) return undefined;
  const script = [
    `set terminal svg size 900,${panels.length * 270} font "Helvetica,13" background "white"`,
    `set multiplot layout ${panels.length},1 margins 0.30,0.94,0.05,0.94 spacing 0.10,0.14`,
    'set logscale x 10; set xrange [0.5:2000]; unset key; set grid xtics; set style fill solid 0.8 noborder; set tics nomirror; set border 3',
    ...panels.map(({ title, data }, i) => panel(title, `data${i}`, data)),
    'unset multiplot',
  ].join('\n');
  const drawn = spawnSync('gnuplot', { input: script, encoding: 'utf8' });
  if (drawn.error || drawn.status !== 0) {
    throw new Error(`the plot needs gnuplot (Debian, Ubuntu: sudo apt-get install -y gnuplot-nox): ${drawn.error?.message ?? drawn.stderr}`);
  }
  return drawn.stdout;
}

/**
 * @param {ReturnType<typeof import('./machine').machine>} on
 * @param {Record<string, Result>} results
 * @param {boolean} quick
 */
function writeReport(on, results, quick) {
  const svg = plot(results);
  if (svg) fs.writeFileSync(path.join(DOCS, 'benchmarks.svg'), svg);
  const text = [
    '# Benchmarks', '',
    `Written by \`npm run bench -- ${quick ? '--quick ' : ''}--report\` on ${on.date.slice(0, 10)}, on one machine: ${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.system}, ` +
      `Node ${on.node}, OpenSSL ${on.openssl}; load ${on.loadAverage.toFixed(2)} at the start.`, '',
    'Contenders alternate within one run, in processes of their own; medians of the rounds after a warm-up that is thrown away; CPU is user and system time of the whole',
    'process with all its threads. Such machines wander by half between minutes, so ratios count and absolute values do not. Run one part alone with, say,',
    '`npm run bench -- http`; `--quick` gives a first look. nginx, wrk and openssl stand in for the network: `sudo apt-get install -y nginx wrk openssl`.', '',
    ...(svg ? ['![CPU of each contender](benchmarks.svg)', ''] : []),
    ...Object.values(results).map(section),
  ].join('\n');
  fs.writeFileSync(path.join(DOCS, 'benchmarks.md'), `${text.trimEnd()}\n`);
}

module.exports = { writeReport };
