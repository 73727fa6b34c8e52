// examples/lambda: its zip runs where nothing else is, its runner runs here, and its template fits both.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { unzipSync } = require('fflate');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');
const { openEnrichmentStage, partnerEvent } = require('../support/enrichment-stage.js');

const ROOT = path.join(__dirname, '..', '..');
const EXAMPLE = path.join(ROOT, 'examples', 'lambda');
const MAX_ZIP_BYTES = 3 * 2 ** 20;

describe('examples/lambda', () => {
  /** @type {string} */
  let folder;
  /** @type {Record<string, Uint8Array>} */
  let files;
  /** @type {Buffer} */
  let zip;

  before(() => {
    folder = makeTempDir();
    const out = path.join(folder, 'enrichment.zip');
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(EXAMPLE, 'build.js'), '--out', out], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /enrichment\.zip: \d+ files, \d\.\d\d MiB, for /);
    zip = fs.readFileSync(out);
    files = unzipSync(zip);
  });
  after(() => removeTempDir(folder));

  it('the zip is small, and holds what is needed alone', () => {
    assert.ok(zip.length <= MAX_ZIP_BYTES, `${zip.length} bytes`);
    const names = Object.keys(files);
    assert.deepEqual(names.filter((name) => !name.startsWith('node_modules/')), ['handler.js']);
    assert.deepEqual(names.filter((name) => /\/cli\/|sandbox|queues|cognigy|pino|express/.test(name)), []);
    assert.equal(names.filter((name) => name.endsWith('.node')).length, 1);
  });

  it('the same sources make the same zip', () => {
    const again = path.join(folder, 'again.zip');
    assert.equal(spawnSync(process.execPath, [path.join(EXAMPLE, 'build.js'), '--out', again]).status, 0);
    assert.ok(fs.readFileSync(again).equals(zip));
  });

  it('the zip is for another architecture where one is named that the package has', () => {
    const app = path.join(folder, 'app');
    const addon = path.join('node_modules', 'trunkline', 'prebuilds', 'linux-other-glibc', 'trunkline.node');
    fs.cpSync(EXAMPLE, app, { recursive: true });
    fs.mkdirSync(path.dirname(path.join(app, addon)), { recursive: true });
    fs.writeFileSync(path.join(app, addon), 'of another machine');
    for (const part of ['lib', 'package.json']) fs.cpSync(path.join(ROOT, part), path.join(app, 'node_modules', 'trunkline', part), { recursive: true });
    fs.symlinkSync(path.join(ROOT, 'node_modules', 'fflate'), path.join(app, 'node_modules', 'fflate'));
    const build = (/** @type {string} */ arch) => spawnSync(process.execPath, ['build.js', '--arch', arch, '--out', 'out.zip'], { cwd: app, encoding: 'utf8' });
    assert.match(build('other').stdout, /^out\.zip: \d+ files, \d\.\d\d MiB, for other$/m);
    const held = unzipSync(fs.readFileSync(path.join(app, 'out.zip')));
    assert.equal(Buffer.from(held[addon]).toString(), 'of another machine');
    assert.deepEqual(Object.keys(held).filter((name) => !name.endsWith('.node')), Object.keys(files).filter((name) => !name.endsWith('.node')));
    const refused = build('sparc');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /Error: --arch: expected one that this package has an addon for \(x64, arm64\), got sparc/);
  });

  it('the zip runs where nothing else is installed', async () => {
    const root = path.join(folder, 'task');
    for (const [name, bytes] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      fs.writeFileSync(path.join(root, name), bytes);
    }
    const stage = await openEnrichmentStage();
    const event = partnerEvent();
    const source = `require('./handler.js').handler(${JSON.stringify(event)}, { getRemainingTimeInMillis: () => 10000 }).then((answer) => console.log(JSON.stringify(answer)))`;
    const child = spawn(process.execPath, ['-e', source], { cwd: root, env: stage.sandbox.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    const [code] = await once(child, 'close');
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).statusCode, 200, stdout + stderr);
    assert.equal(stage.writes().length, 1);
    await stage.close();
  });

  it('the local runner shows an event that is written, and its duplicate', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(EXAMPLE, 'run-local.js')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /Interaction context enriched successfully/);
    assert.match(stdout, /"duplicate":true/);
    assert.match(stdout, /^PATCH \/api\/v2\/conversations\/.*\/attributes 204$/m);
  });

  it('the template names the handler, the zip and every variable that is required', () => {
    const template = fs.readFileSync(path.join(EXAMPLE, 'template.yaml'), 'utf8');
    const [, file, name] = /^ *Handler: (\w+)\.(\w+)$/m.exec(template) ?? [];
    assert.ok(fs.readFileSync(path.join(EXAMPLE, `${file}.js`), 'utf8').includes(`exports.${name} =`));
    assert.match(template, /^ *CodeUri: dist\/enrichment\.zip$/m);
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('./handler.js')"], { cwd: EXAMPLE, env: {}, encoding: 'utf8' });
    const required = /missing: ([\w, ]+)/.exec(stderr)?.[1].split(', ') ?? [];
    assert.deepEqual([status, required.length], [1, 4], stderr);
    for (const variable of required) assert.match(template, new RegExp(`^ {10}${variable}: `, 'm'));
  });
});
