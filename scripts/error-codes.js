// Writes what follows from the error table src/base/errors.def: the type ErrorCode and docs/errors.md. --check only compares.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const TABLE = path.join(ROOT, 'src', 'base', 'errors.def');

/** @typedef {{ code: string, retryable: boolean, hint: string }} Row */

/** @returns {Row[]} */
function readTable() {
  const text = fs.readFileSync(TABLE, 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const row = /TRUNKLINE_ERROR\(\s*\w+\s*,\s*(\w+)\s*,\s*(true|false)\s*,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g;
  const rows = [...text.matchAll(row)].map(([, code, retryable, literals]) => ({
    code,
    retryable: retryable === 'true',
    // C++ joins neighbouring literals; their escapes are JSON's.
    hint: [...literals.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([literal]) => JSON.parse(literal)).join(''),
  }));
  const written = text.split('TRUNKLINE_ERROR(').length - 1;
  if (rows.length !== written || written === 0) throw new Error(`${TABLE}: expected ${written} rows, could read ${rows.length}`);
  return rows;
}

/** @param {Row[]} rows */
function typeText(rows) {
  const members = rows.map(({ code, hint }) => `  /** ${hint.replaceAll('*/', '* /')} */\n  | '${code}'`);
  return [
    '// The codes that a TrunklineError can carry. Written by scripts/error-codes.js from src/base/errors.def; do not edit.',
    '',
    '/** What happened. A string that does not change, and that is matched instead of the text. */',
    'export type ErrorCode =',
    `${members.join('\n')};`,
    '',
  ].join('\n');
}

/** @param {Row[]} rows */
function manualText(rows) {
  const lines = rows.map(({ code, retryable, hint }) => `| [\`${code}\`](troubleshooting.md#${code.toLowerCase()}) | ${retryable ? 'yes' : 'no'} | ${hint.replaceAll('|', '\\|')} |`);
  return [
    '<!-- Written by scripts/error-codes.js from src/base/errors.def; do not edit. -->',
    '# Errors',
    '',
    'Every failure is a `TrunklineError`. Match it by its `code`; the text may change. "Retryable" says whether the same call may succeed later.',
    'Each code leads to where it is met, and what to look at.',
    '',
    '| code | retryable | what to do |',
    '|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

/** @returns {Array<{ file: string, text: string }>} */
function outputs() {
  const rows = readTable();
  return [
    { file: path.join(ROOT, 'error-code.d.ts'), text: typeText(rows) },
    { file: path.join(ROOT, 'docs', 'errors.md'), text: manualText(rows) },
  ];
}

/** @param {string} file @param {string} text */
function differs(file, text) {
  return !fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text;
}

function writeErrorCodes() {
  for (const { file, text } of outputs()) {
    if (differs(file, text)) fs.writeFileSync(file, text);
  }
}

/** @returns {string[]} the files that do not follow from the table any more */
function staleErrorCodes() {
  return outputs().filter(({ file, text }) => differs(file, text)).map(({ file }) => path.relative(ROOT, file));
}

module.exports = { writeErrorCodes, staleErrorCodes };

if (require.main === module) {
  if (process.argv.includes('--check')) {
    const stale = staleErrorCodes();
    if (stale.length > 0) {
      console.error(`${stale.join(', ')}: not what src/base/errors.def says; run node scripts/error-codes.js`);
      process.exitCode = 1;
    }
  } else {
    writeErrorCodes();
  }
}
