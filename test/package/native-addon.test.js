// Where the addon is looked for, and the one error of those whom none fits.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ADDON } = require('../../scripts/build.js');
const { target } = require('../../lib/target.js');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const ROOT = path.join(__dirname, '..', '..');
const LIMIT_MS = 20_000;
const MACHINE = 18; // where an ELF header says what machine it is for

describe('the native addon', function nativeAddon() {
  this.timeout(2 * LIMIT_MS);
  /** @type {string} */
  let folder;
  /** @type {string} */
  let ownBuild;
  /** @type {string} */
  let prebuilt;

  beforeEach(() => {
    folder = fs.realpathSync(makeTempDir());
    for (const part of ['lib', 'package.json']) fs.cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    ownBuild = path.join(folder, 'build', 'Release', 'trunkline.node');
    prebuilt = path.join(folder, 'prebuilds', target(), 'trunkline.node');
    for (const file of [ownBuild, prebuilt]) fs.mkdirSync(path.dirname(file), { recursive: true });
  });
  afterEach(() => removeTempDir(folder));

  /** @param {string[]} args */
  function node(args) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: LIMIT_MS });
    return { status, stdout, stderr };
  }

  /** What it says when the package is loaded. @param {string} [prelude] */
  function said(prelude = '') {
    return node(['-e', `${prelude}; try { require(${JSON.stringify(folder)}); console.log(Object.keys(require.cache).find((file) => file.endsWith('.node'))); } catch (error) { console.log(error.message); }`]).stdout.trimEnd();
  }

  const BUILD_IT = () => `To build it here, which needs a C++20 compiler, CMake and Boost: npm run build --prefix ${JSON.stringify(folder)}`;

  it('is the one of prebuilds/ that was made for this machine', () => {
    fs.copyFileSync(ADDON, prebuilt);
    assert.equal(said(), prebuilt);
  });

  it('is rather one\'s own build, where there is one', () => {
    fs.copyFileSync(ADDON, prebuilt);
    fs.copyFileSync(ADDON, ownBuild);
    assert.equal(said(), ownBuild);
  });

  it('says on which machine it was looked for, where, and what to do', () => {
    assert.equal(said(), `trunkline has no native addon for ${target()}, Node ${process.version}: it looked for ${ownBuild} and ${prebuilt}. ${BUILD_IT()}`);
    assert.match(said("Object.defineProperty(process, 'arch', { value: 'riscv64' })"), /^trunkline has no native addon for linux-riscv64-g?[a-z]+, Node v/);
    assert.match(said("Object.defineProperty(process, 'platform', { value: 'sunos' })"), /^trunkline has no native addon for sunos-\w+, Node v/);
  });

  it('made for another machine says so in one line, which names the file', () => {
    const other = fs.readFileSync(ADDON);
    other.writeUInt16LE(0xf3, MACHINE); // RISC-V
    fs.writeFileSync(prebuilt, other);
    const text = said();
    assert.ok(text.startsWith(`trunkline's native addon ${prebuilt} cannot be loaded on ${target()}, Node ${process.version}: `), text);
    assert.ok(text.endsWith(`. ${BUILD_IT()}`), text);
    assert.equal(text.split('\n').length, 1);
  });

  it('that is empty or something else is the same error', () => {
    for (const content of [Buffer.alloc(0), Buffer.from('<!DOCTYPE html>')]) {
      fs.writeFileSync(prebuilt, content);
      assert.match(said(), /^trunkline's native addon .* cannot be loaded on /);
    }
  });

  it('says of another runtime that it is one', () => {
    assert.match(said("Object.defineProperty(process.versions, 'electron', { value: '40.0.0' })"), /uses the libuv and OpenSSL of Node\.js, so that it does not run in electron$/);
  });

  it('says of a bundle that trunkline is to be left out of it', () => {
    fs.mkdirSync(path.join(folder, 'dist', 'app'), { recursive: true });
    for (const file of ['native.js', 'target.js']) fs.copyFileSync(path.join(ROOT, 'lib', file), path.join(folder, 'dist', 'app', file));
    assert.match(node([path.join(folder, 'dist', 'app', 'native.js')]).stderr, /Error: trunkline has no native addon .* name trunkline as external to the bundler/);
  });

  it('keeps the loader\'s own error as the cause', () => {
    fs.writeFileSync(prebuilt, 'nothing');
    assert.equal(node(['-e', `try { require(${JSON.stringify(folder)}); } catch (error) { console.log(error.cause.code); }`]).stdout, 'ERR_DLOPEN_FAILED\n');
  });

  it('is one line of a command too, and a finding of doctor', () => {
    const cli = path.join(folder, 'lib', 'cli', 'main.js');
    const sign = node([cli, 'sign', '--secret', 'x']);
    assert.deepEqual([sign.status, sign.stdout, sign.stderr], [1, '', `trunkline: ${said()}\n`]);
    const doctor = node([cli, 'doctor', '--json']);
    assert.equal(doctor.status, 1);
    assert.deepEqual(JSON.parse(doctor.stdout), [{ check: 'addon', state: 'failed', text: said() }]);
    assert.equal(node([cli, '--help']).status, 0);
  });
});

describe('the target of a binary', () => {
  if (process.platform !== 'linux') return;
  /** @type {string} */
  let folder;
  before(() => { folder = makeTempDir(); });
  after(() => removeTempDir(folder));

  const { execPath } = process;
  afterEach(() => { process.execPath = execPath; });

  /** @param {string | undefined} loader that the executable names */
  function targetOf(loader) {
    process.execPath = path.join(folder, 'node');
    if (loader === undefined) fs.rmSync(process.execPath, { force: true });
    else fs.writeFileSync(process.execPath, `\x7fELF${'\0'.repeat(700)}${loader}\0`);
    return target();
  }

  it('tells the C libraries apart by the loader', () => {
    assert.equal(targetOf('/lib/ld-musl-x86_64.so.1'), `linux-${process.arch}-musl`);
    assert.equal(targetOf('/lib64/ld-linux-x86-64.so.2'), `linux-${process.arch}-glibc`);
    assert.equal(targetOf(undefined), `linux-${process.arch}-glibc`);
  });

  it('agrees with what Node reports', () => {
    const { header } = /** @type {any} */ (process.report.getReport());
    assert.equal(target().endsWith('-glibc'), header.glibcVersionRuntime !== undefined);
  });
});
