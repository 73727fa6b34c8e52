// For which machines the addon can be built from here, and what is said where one lacks what that takes.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { target } = require('../../lib/target.js');
const { foreignTarget, targetOf } = require('../../scripts/support/targets.js');
const { findMissing } = require('../../scripts/support/toolchain.js');
const { instructions } = require('../../scripts/support/system-packages.js');

const ROOT = path.join(__dirname, '..', '..');
const ARM = 'linux-arm64-glibc';

describe('the target of a build', () => {
  it('is this machine, unless another one is named', () => {
    assert.deepEqual(targetOf(), targetOf(target()));
    const { name, folder, toolPrefix, emulator, node, foreign } = targetOf();
    assert.deepEqual({ name, folder, toolPrefix, emulator, node, foreign }, { name: target(), folder: 'build', toolPrefix: '', emulator: [], node: process.execPath, foreign: undefined });
  });

  it('has a toolchain file with the compiler that its tools and its libraries belong to', () => {
    const { defines: [define], toolPrefix, emulator, foreign, folder } = foreignTarget(ARM);
    const toolchain = fs.readFileSync(define.replace('-DCMAKE_TOOLCHAIN_FILE=', ''), 'utf8');
    assert.match(toolchain, new RegExp(`^set\\(CMAKE_CXX_COMPILER ${toolPrefix}g\\+\\+\\)$`, 'm'));
    assert.equal(toolPrefix, `${foreign?.triplet}-`);
    assert.deepEqual(emulator.slice(1), ['-L', `/usr/${foreign?.triplet}`, '-E', `LD_LIBRARY_PATH=/usr/${foreign?.triplet}/lib`]);
    assert.equal(folder, path.join('build', ARM));
  });

  it('is refused where it is none', () => {
    for (const name of ['linux-riscv64-glibc', 'arm64', '', 'constructor', '__proto__']) {
      assert.throws(() => targetOf(name), { message: `target: expected one of ${[...new Set([target(), ARM])].join(', ')}, got ${name}` });
    }
    const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'package-prebuilds.js'), '--target', 'linux-arm64'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr.split(',')[0]], [1, `package-prebuilds: target: expected one of ${target()}`]);
  });

  it('says what it lacks, and the line that installs it', () => {
    const foreign = { triplet: 'other-linux-gnu', debian: 'other', nodeFolder: '/other/node' };
    const missing = findMissing({ target: { ...targetOf(), emulator: ['qemu-other', '-L', '/usr/other-linux-gnu'], foreign } });
    assert.deepEqual(missing.map(({ reason }) => reason), [
      'other-linux-gnu-g++; found none',
      'SQLite\'s static library libsqlite3.a for other-linux-gnu; found none',
      'qemu-other, which runs what was built; found none',
    ]);
    assert.equal(instructions(missing.map(({ requirement }) => requirement)),
      '  Debian, Ubuntu:  sudo dpkg --add-architecture other && sudo apt-get update && sudo apt-get install g++-other-linux-gnu libsqlite3-dev:other qemu-user');
  });

  it('asks nothing more of those who build for their own machine', () => {
    assert.deepEqual(findMissing({ target: targetOf() }), findMissing({}));
  });
});
