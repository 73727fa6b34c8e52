// How results are printed: ratios with their targets first, then a table, in plain text.
'use strict';

/** @param {unknown} value */
function number(value) {
  if (typeof value !== 'number') return String(value ?? '–');
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/**
 * Rows of cells → lines; the first column to the left, the others to the right.
 *
 * @param {string[]} head
 * @param {Array<Array<string | number>>} rows
 */
function table(head, rows) {
  const cells = [head, ...rows.map((row) => row.map(number))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (/** @type {string[]} */ row) => '  ' + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [line(cells[0]), '  ' + widths.map((width) => '-'.repeat(width)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

/** @param {import('./types').Judgement} judged */
function judgement(judged) {
  const { what, value, unit, target } = judged;
  const bound = target.min === undefined ? `≤ ${target.max}` : `≥ ${target.min}`;
  return `  ${isMet(judged) ? 'met   ' : 'MISSED'}  ${number(value).padStart(8)} ${unit.padEnd(11)} target ${bound.padEnd(7)} ${what}`;
}

/** @param {import('./types').Judgement} judged */
function isMet({ value, target }) {
  return value >= (target.min ?? -Infinity) && value <= (target.max ?? Infinity);
}

module.exports = { isMet, judgement, number, table };
