// The documentation's fenced code blocks: where each stands, its language, and why it is not run where that is so.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');

/**
 * @typedef {object} Block
 * @property {string} place file and line
 * @property {string} language the info string's first word
 * @property {string | undefined} notRun what follows `no-run:`
 * @property {string} code
 */

/** Those that people write; what scripts write is checked where it is written. @returns {string[]} relative to the repository */
function documents() {
  const inFolder = (/** @type {string} */ folder) => fs.readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`);
  const examples = fs.readdirSync(path.join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`);
  return ['README.md', 'CONTRIBUTING.md', ...inFolder('docs'), ...examples];
}

/** @param {string} file relative to the repository */
const textOf = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** @param {string} text @param {string} file for the places @returns {Block[]} */
function blocksIn(text, file) {
  const blocks = [];
  /** @type {(Block & { fence: string, lines: string[] }) | undefined} */
  let open;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, info] = /^ *(`{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined && fence !== undefined) {
      const [, language, rest] = /^(\S*)\s*(.*)$/.exec(info.trim()) ?? [];
      open = { place: `${file}:${index + 1}`, language, notRun: /^no-run: (.+)$/.exec(rest)?.[1], code: '', fence, lines: [] };
      if (rest !== '' && open.notRun === undefined) throw new Error(`${open.place}: expected nothing after the language, or "no-run:" and a reason, got "${rest}"`);
    } else if (open !== undefined && fence?.startsWith(open.fence) && info.trim() === '') {
      blocks.push({ place: open.place, language: open.language, notRun: open.notRun, code: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else {
      open?.lines.push(line);
    }
  }
  if (open !== undefined) throw new Error(`${open.place}: the block has no end`);
  return blocks;
}

/** @param {string} file relative to the repository */
const blocksOf = (file) => blocksIn(textOf(file), file);

/** Text without its code: what headings and links are looked for in. @param {string} text */
const proseOf = (text) => text.replace(/^ *(`{3,})[\s\S]*?^ *\1 *$/gm, '');

module.exports = { ROOT, documents, textOf, blocksOf, blocksIn, proseOf };
