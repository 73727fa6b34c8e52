// The scripts that a newcomer meets first: setup is silent and idempotent, the error table's outputs are current.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');

/** @param {string[]} args */
function setup(args) {
  const result = spawnSync(path.join(ROOT, 'scripts', 'setup'), args, { encoding: 'utf8' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe('scripts/setup', () => {
  it('is silent when everything is there', () => {
    assert.deepEqual(setup(['--tests']), { status: 0, stdout: '', stderr: '' });
  });

  it('names the folder of Node\'s headers', () => {
    const folder = setup(['--print-node-include']).stdout.trim();
    for (const header of ['node_api.h', 'uv.h', 'openssl/ssl.h']) assert.ok(fs.existsSync(path.join(folder, header)), header);
  });

  it('refuses a flag that it does not know', () => {
    const { status, stderr } = setup(['--nonsense']);
    assert.equal(status, 2);
    assert.match(stderr, /expected any of --tests --fuzz --print-node-include, got --nonsense/);
  });
});

describe('package.json', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

  it('has no script that npm would run by itself', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'prebuild', 'postbuild']) assert.equal(manifest.scripts[name], undefined);
    assert.equal(manifest.gypfile, false);
  });

  it('names files that exist', () => {
    const entries = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)));
    for (const file of [...entries, ...Object.values(manifest.bin)]) assert.ok(fs.existsSync(path.join(ROOT, file)), file);
  });
});
