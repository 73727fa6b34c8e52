// What keeps a binary from being shipped: each gate, fed with shared objects made here and with what the tools said of others.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { problemsOf } = require('../../scripts/support/binary-gates.js');
const { packagePrebuild, outdated } = require('../../scripts/package-prebuilds.js');
const { targetOf } = require('../../scripts/support/targets.js');
const { ADDON } = require('../../scripts/build.js');
const { target } = require('../../lib/target.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const MIB = 1 << 20;
const ENTRY = '000000000004d450 g    DF .text\t000000000000001c  Base        napi_register_module_v1';
const DYNAMIC = ' 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]';

/** @param {string} version @param {string} name @param {string} [section] */
const symbol = (version, name, section = '*UND*') => `0000000000000000      DF ${section}\t0000000000000000 (${version}) ${name}`;

/** @param {{ symbols?: string[], dynamic?: string[], bytes?: number }} [o] what it has besides */
const judged = ({ symbols = [], dynamic = [], bytes = MIB } = {}) => problemsOf({
  symbols: ['', 'trunkline.node:     file format elf64-x86-64', '', 'DYNAMIC SYMBOL TABLE:', ENTRY, ...symbols, ''].join('\n'),
  dynamic: ['Dynamic section at offset 0x3aa9c0 contains 29 entries:', DYNAMIC, ...dynamic].join('\n'),
  bytes,
});

describe('the gates of a binary', () => {
  it('let one through that has what every Linux has', () => {
    const symbols = [
      symbol('GLIBC_2.34', 'pthread_create'), symbol('GLIBC_2.2.5', 'memcpy'), symbol('GCC_3.0', '_Unwind_Resume'),
      '0000000000000000  w   D  *UND*\t0000000000000000  Base        __gmon_start__', '0000000000000000      D  *UND*\t0000000000000000              napi_throw',
    ];
    const dynamic = ['libm.so.6', 'libpthread.so.0', 'libgcc_s.so.1', 'ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1', 'libc.musl-x86_64.so.1']
      .map((name) => ` 0x0000000000000001 (NEEDED)             Shared library: [${name}]`);
    assert.deepEqual(judged({ symbols, dynamic, bytes: 5 * MIB }), []);
  });

  /** @type {Array<[string, Parameters<typeof judged>[0], RegExp]>} */
  const refused = [
    ['a symbol of a newer glibc', { symbols: [symbol('GLIBC_2.36', '_dl_find_object')] }, /^_dl_find_object needs GLIBC_2\.36: expected at most GLIBC_2\.34$/],
    ['a symbol of a glibc that is newer by a patch', { symbols: [symbol('GLIBC_2.34.1', 'x')] }, /^x needs GLIBC_2\.34\.1/],
    ['a symbol of glibc 3', { symbols: [symbol('GLIBC_3.0', 'x')] }, /^x needs GLIBC_3\.0/],
    ['a private symbol of glibc', { symbols: [symbol('GLIBC_PRIVATE', '__nptl_x')] }, /^__nptl_x needs GLIBC_PRIVATE/],
    ['relocations of a newer glibc', { dynamic: [' 0x0000000000000024 (RELR)               0x1000'] }, /GLIBC_2\.36/],
    ['a shared C++ library\'s symbol', { symbols: [symbol('GLIBCXX_3.4', '_ZNSt6localeD1Ev')] }, /^_ZNSt6localeD1Ev needs GLIBCXX_3\.4: expected the C\+\+ library inside the binary$/],
    ['a shared C++ library\'s ABI', { symbols: [symbol('CXXABI_1.3', '__gxx_personality_v0', '*UND*')] }, /^__gxx_personality_v0 needs CXXABI_1\.3/],
    ['a library that not every Linux has', { dynamic: [' 0x0000000000000001 (NEEDED)             Shared library: [libstdc++.so.6]'] }, /^it is linked with libstdc\+\+\.so\.6/],
    ['a library with a familiar beginning', { dynamic: [' 0x0000000000000001 (NEEDED)             Shared library: [libcrypto.so.3]'] }, /^it is linked with libcrypto\.so\.3/],
    ['eleven exported symbols', { symbols: Array.from({ length: 10 }, (_, i) => `0000000000001000 g    DF .text\t0000000000000010  Base        leaked_${i}`) }, /^it exports 11 symbols: expected at most 10: napi_register_module_v1, leaked_0/],
    ['more than five megabytes', { bytes: 5 * MIB + 1 }, /^it has 5242881 bytes: expected at most 5242880$/],
  ];
  for (const [what, binary, problem] of refused) {
    it(`keep back ${what}`, () => {
      const problems = judged(binary);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0], problem);
    });
  }

  it('keep back what exports nothing, such as a binary that the tools could not read', () => {
    assert.match(problemsOf({ symbols: '', dynamic: '', bytes: 0 })[0], /^it exports nothing/);
  });

  it('do not take the sections of an arm64 binary for what it exports', () => {
    const section = '0000000000028690 l    d  .init\t0000000000000000              .init';
    const symbols = ['trunkline.node:     file format elf64-littleaarch64', 'DYNAMIC SYMBOL TABLE:', section, symbol('GLIBC_2.17', 'memcpy')];
    assert.deepEqual(problemsOf({ symbols: symbols.join('\n'), dynamic: DYNAMIC, bytes: MIB }).map((problem) => problem.split(':')[0]), ['it exports nothing']);
    assert.deepEqual(problemsOf({ symbols: [...symbols, ENTRY].join('\n'), dynamic: DYNAMIC, bytes: MIB }), []);
  });

  it('do not pass over a line that they cannot read', () => {
    assert.throws(() => judged({ symbols: ['0000000000000000 a line of another objdump'] }), /cannot be read here: 0000000000000000 a line/);
  });

  it('name everything that is wrong at once', () => {
    assert.equal(judged({ symbols: [symbol('GLIBC_2.38', 'strtol'), symbol('GLIBCXX_3.4.30', 'wait')], bytes: 6 * MIB }).length, 3);
  });
});

describe('package:prebuilds', function packaging() {
  if (process.platform !== 'linux') return;
  this.timeout(30_000);
  /** @type {string} */
  let folder;
  before(() => { folder = makeTempDir(); });
  after(() => removeTempDir(folder));

  /** @param {string} name @param {string} source @param {string[]} [flags] @returns {string} a shared object */
  function compile(name, source, flags = []) {
    const file = path.join(folder, `${name}.node`);
    execFileSync(process.env.CXX ?? 'c++', ['-shared', '-fPIC', '-o', file, '-x', 'c++', '-', '-x', 'none', ...flags], { input: source, stdio: ['pipe', 'ignore', 'inherit'] });
    return file;
  }

  const shipped = () => path.join(folder, 'prebuilds', target(), 'trunkline.node');

  it('takes the addon, stripped, to where it is looked for', async () => {
    assert.equal(await packagePrebuild(ADDON, path.join(folder, 'prebuilds')), shipped());
    assert.ok(fs.statSync(shipped()).size <= fs.statSync(ADDON).size);
    assert.doesNotMatch(execFileSync('readelf', ['-SW', shipped()], { encoding: 'utf8' }), /\.symtab|\.debug_/);
    assert.deepEqual(fs.readdirSync(path.dirname(shipped())).sort(), ['sources.sha256', 'trunkline.node']);
  });

  it('finds those out that were built from other sources', async () => {
    const place = path.join(folder, 'several');
    const current = path.dirname(await packagePrebuild(ADDON, place));
    for (const name of ['linux-other-glibc', 'linux-other-musl']) fs.cpSync(current, path.join(place, name), { recursive: true });
    fs.writeFileSync(path.join(place, 'linux-other-glibc', 'sources.sha256'), 'of others\n');
    fs.rmSync(path.join(place, 'linux-other-musl', 'sources.sha256'));
    assert.deepEqual(outdated(place).sort(), ['linux-other-glibc', 'linux-other-musl']);
  });

  it('keeps back a shared object with twenty exported symbols, and the one of last time with it', async () => {
    const source = Array.from({ length: 20 }, (_, i) => `extern "C" int leaked_${i}() { return ${i}; }`).join('\n');
    await assert.rejects(packagePrebuild(compile('exporting', source), path.join(folder, 'prebuilds')), /not fit to be shipped:\n {2}it exports 20 symbols/);
    assert.equal(fs.existsSync(shipped()), false);
    assert.deepEqual(fs.readdirSync(path.dirname(shipped())), []);
  });

  it('keeps back one that needs the shared C++ library', async () => {
    const source = '#include <locale>\nextern "C" int entry() { std::locale l; return l == std::locale::classic(); }';
    await assert.rejects(packagePrebuild(compile('shared', source), path.join(folder, 'prebuilds')), (/** @type {Error} */ { message }) => {
      assert.match(message, /needs (GLIBCXX|CXXABI)_/);
      assert.match(message, /it is linked with libstdc\+\+\.so/);
      return true;
    });
  });

  it('keeps back one that needs a newer symbol', async () => {
    // A library of our own stands in for a newer glibc: a symbol in a version that this machine's may not have.
    fs.writeFileSync(path.join(folder, 'versions'), 'GLIBC_2.99 { global: newer; local: *; };');
    const newer = compile('newer', 'extern "C" int newer() { return 1; }', [`-Wl,--version-script=${path.join(folder, 'versions')}`, '-Wl,-soname,libc.so.6']);
    const file = compile('wanting', 'extern "C" int newer(); extern "C" int entry() { return newer(); }', [newer]);
    await assert.rejects(packagePrebuild(file, path.join(folder, 'prebuilds')), /newer needs GLIBC_2\.99: expected at most GLIBC_2\.34/);
  });

  it('keeps back what does not load', async () => {
    const file = compile('orphan', 'extern "C" int nowhere(); extern "C" int entry() { return nowhere(); }', ['-Wl,-z,now', '-nostdlib']);
    await assert.rejects(packagePrebuild(file, path.join(folder, 'prebuilds')), /undefined symbol: nowhere/);
  });

  it('keeps back what the Node of another machine does not load', async () => {
    const other = { ...targetOf(), name: 'linux-other-glibc', emulator: [process.execPath, '-e', 'console.error("emulated:", ...process.argv.slice(1)); process.exit(1)'], node: '/other/node' };
    await assert.rejects(packagePrebuild(ADDON, path.join(folder, 'prebuilds'), other), /emulated: \/other\/node -e process\.dlopen.*linux-other-glibc/);
    assert.deepEqual(fs.readdirSync(path.join(folder, 'prebuilds', 'linux-other-glibc')), []);
  });
});
