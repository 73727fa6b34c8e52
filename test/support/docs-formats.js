// What the documentation's configuration blocks have to be: a unit that systemd would read, a Dockerfile that docker would.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ROOT } = require('./docs-blocks.js');

const CLI = path.join(ROOT, 'lib', 'cli', 'main.js');
const INSTRUCTIONS = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'CMD'];

/** A command line that calls trunkline must be one that it takes. @param {string[]} words what stands behind `trunkline` */
function checkCommand([command, ...args]) {
  const { status, stdout } = spawnSync(process.execPath, [CLI, command, '--help'], { encoding: 'utf8' });
  assert.equal(status, 0, `trunkline ${command}: there is no such command`);
  for (const flag of args.filter((word) => word.startsWith('--'))) assert.match(stdout, new RegExp(`^ +${flag}\\b`, 'm'), `trunkline ${command} has no ${flag}`);
}

/** @param {string} code */
function checkUnit(code) {
  assert.deepEqual([...code.matchAll(/^\[(\w+)\]$/gm)].map(([, name]) => name), ['Unit', 'Service', 'Install']);
  for (const line of code.split('\n')) assert.match(line, /^(\[\w+\]|#.*|[A-Z]\w+=.*|)$/);
  const [, words] = /^ExecStart=.*\/trunkline (.+)$/m.exec(code) ?? [];
  assert.ok(words, 'ExecStart: expected the command trunkline');
  checkCommand(words.split(' '));
}

/** @param {string} code */
function checkDockerfile(code) {
  const lines = code.replaceAll('\\\n', ' ').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) assert.ok(INSTRUCTIONS.includes(line.split(' ', 1)[0]), line);
  assert.match(lines[0], /^FROM node:\d/);
  const words = JSON.parse(lines.at(-1)?.replace(/^CMD /, '') ?? '');
  const at = words.findIndex((/** @type {string} */ word) => word.endsWith('trunkline'));
  assert.ok(at >= 0, 'CMD: expected the command trunkline');
  checkCommand(words.slice(at + 1));
}

module.exports = { checkUnit, checkDockerfile };
