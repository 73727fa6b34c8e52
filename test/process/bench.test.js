// The benchmark: its names, how it is called wrongly, and that it still runs. No figure is judged here.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Command } = require('../../scripts/support/child.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const ROOT = path.join(__dirname, '..', '..');

/** @param {string[]} args of Node */
async function node(...args) {
  const command = new Command(args, {}, ROOT);
  const status = await command.ended;
  return { status, stdout: command.stdout, stderr: command.stderr };
}

describe('npm run bench', () => {
  /** @type {string} */
  let folder;

  beforeEach(() => {
    folder = makeTempDir();
  });
  afterEach(() => removeTempDir(folder));

  it('knows its benchmarks by name, and each of them is there', async () => {
    const { status, stdout } = await node('bench/run.js', '--help');
    assert.equal(status, 0);
    const names = [...stdout.matchAll(/\[([a-z]+)\]/g)].map(([, name]) => name);
    for (const name of ['verify', 'admit', 'ring', 'http', 'oauth', 'retry', 'store', 'service']) assert.ok(names.includes(name), name);
    const script = `for (const name of ${JSON.stringify(names)}) { const { needs, run } = require('./bench/' + name); console.log(name, typeof needs, typeof run); }`;
    const loaded = await node('-e', script);
    assert.deepEqual(loaded, { status: 0, stdout: names.map((name) => `${name} object function\n`).join(''), stderr: '' });
  });

  it('says how it is called, to whoever calls it wrongly', async () => {
    for (const [wrong, why] of [['retries', 'unknown benchmark retries'], ['--fast', "Unknown option '--fast'"]]) {
      const { status, stdout, stderr } = await node('bench/run.js', wrong);
      assert.equal(status, 2, wrong);
      assert.equal(stdout, '');
      assert.ok(stderr.startsWith(why) && stderr.includes('usage: node bench/run.js [--quick]'), stderr);
    }
  });

  it('measures, and writes what it has measured as JSON', async () => {
    const file = path.join(folder, 'figures.json');
    const { status, stdout, stderr } = await node('bench/run.js', '--quick', '--json', file, 'verify');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^verify: [^]*\n {2}took \d+\.\d s\n\n\d+ targets? missed; \d+ s\n$/m);
    const { machine, quick, results } = JSON.parse(fs.readFileSync(file, 'utf8'));
    assert.equal(machine.node, process.version);
    assert.equal(quick, true);
    assert.deepEqual(Object.keys(results), ['verify']);
    const { judgements, head, rows, seconds } = results.verify;
    assert.ok(judgements.length > 0 && rows.length >= 4 && seconds > 0);
    for (const { what, value } of judgements) assert.ok(value > 0, what);
    for (const row of rows) {
      assert.equal(row.length, head.length, row[0]);
      for (const figure of row.slice(1)) assert.ok(figure > 0, row[0]);
    }
  });
});
