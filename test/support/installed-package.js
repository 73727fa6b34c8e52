// trunkline as a user has it: packed, and installed from the tarball into a folder of its own, with no network, no compiler and no install scripts.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const { packagePrebuild } = require('../../scripts/package-prebuilds.js');
const { ADDON } = require('../../scripts/build.js');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');

const ROOT = path.join(__dirname, '..', '..');
const LIMIT_MS = 60_000;
/** What the application has besides trunkline. */
const OWN_DEPENDENCIES = ['express'];

const execute = promisify(execFile);

/** @typedef {{ filename: string, size: number, files: Array<{ path: string, size: number }> }} Tarball */
/** @typedef {{ folder: string, tarball: Tarball, env: NodeJS.ProcessEnv }} Installed */

/**
 * A folder with node and npm in it, and nothing else: a PATH without compiler.
 * @param {string} folder
 */
function makePath(folder) {
  fs.mkdirSync(folder);
  fs.symlinkSync(process.execPath, path.join(folder, 'node'));
  const npm = (process.env.PATH ?? '').split(path.delimiter).map((place) => path.join(place, 'npm')).find((file) => fs.existsSync(file));
  if (npm === undefined) throw new Error('expected npm on the PATH');
  fs.symlinkSync(fs.realpathSync(npm), path.join(folder, 'npm'));
  return folder;
}

/**
 * Puts packages and all that they need where npm would, as they lie in node_modules here: then npm has nothing to fetch.
 * @param {string[]} names
 * @param {string} modules the folder node_modules of the application
 */
function copyPackages(names, modules) {
  const { packages } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  fs.mkdirSync(path.join(modules, '.bin'), { recursive: true });
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const place = `node_modules/${name}`;
    const target = path.join(modules, name);
    if (packages[place] === undefined || fs.existsSync(target)) continue;
    fs.cpSync(path.join(ROOT, place), target, { recursive: true });
    for (const [command, file] of Object.entries(packages[place].bin ?? {})) fs.symlinkSync(path.join('..', name, file), path.join(modules, '.bin', command));
    const within = Object.keys(packages).filter((key) => key === place || key.startsWith(`${place}/`));
    for (const key of within) waiting.push(...Object.keys(packages[key].dependencies ?? {}));
  }
}

/** @returns {Promise<Installed>} */
async function install() {
  const place = makeTempDir();
  process.once('exit', () => removeTempDir(place));
  await packagePrebuild(ADDON, path.join(ROOT, 'prebuilds'));
  const packed = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', place], { cwd: ROOT, timeout: LIMIT_MS });
  const [tarball] = /** @type {Tarball[]} */ (JSON.parse(packed.stdout));

  const folder = path.join(place, 'app');
  copyPackages([...Object.keys(require('../../package.json').dependencies), ...OWN_DEPENDENCIES], path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies: Object.fromEntries(OWN_DEPENDENCIES.map((name) => [name, '*'])) }));
  const env = { PATH: makePath(path.join(place, 'bin')), HOME: place, TMPDIR: process.env.TMPDIR };
  const flags = ['--offline', '--cache', path.join(place, 'cache'), '--ignore-scripts', '--no-audit', '--no-fund'];
  await execute('npm', ['install', ...flags, path.join(place, tarball.filename)], { cwd: folder, env, timeout: LIMIT_MS });
  return { folder, tarball, env };
}

/** @type {Promise<Installed> | undefined} */
let installed;

/** The same for all the tests of one run. @returns {Promise<Installed>} */
function installedPackage() {
  installed ??= install();
  return installed;
}

/**
 * Runs a script in the application's folder, to its end.
 * @param {Installed} app
 * @param {string[]} args of node
 * @param {Record<string, string>} [env]
 */
async function runIn(app, args, env = {}) {
  return execute(process.execPath, args, { cwd: app.folder, env: { ...app.env, ...env }, timeout: LIMIT_MS });
}

/** @returns {string} the README's first example with Express */
function readmeExample() {
  const blocks = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/^```js\n(.*?)^```/gms);
  const found = [...blocks].map(([, code]) => code).find((code) => code.includes("require('express')") && code.includes('cognigyEvents('));
  if (found === undefined) throw new Error('expected an example with Express in README.md');
  return found;
}

/** The port that an example names may be taken here: it gets one of the system's choice, and says which. */
const ANY_PORT = `
  const { Server } = require('node:net');
  const { listen } = Server.prototype;
  Server.prototype.listen = function (port, ...rest) {
    this.once('listening', () => console.log('listening on ' + this.address().port));
    return listen.call(this, typeof port === 'number' ? 0 : port, ...rest);
  };`;

/**
 * The README's example in the application's folder.
 * @param {Installed} app
 * @returns {string[]} the arguments of node that run it
 */
function expressExample(app) {
  fs.writeFileSync(path.join(app.folder, 'any-port.js'), ANY_PORT);
  fs.writeFileSync(path.join(app.folder, 'server.js'), readmeExample());
  return ['--require', './any-port.js', 'server.js'];
}

module.exports = { installedPackage, expressExample, runIn };
