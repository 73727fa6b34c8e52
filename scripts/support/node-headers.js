// Node's own headers: the addon is compiled against the libuv and OpenSSL that the running Node exports.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');
const NEEDED = ['node_api.h', 'uv.h', 'openssl/ssl.h'];

/** @param {string} folder @returns {boolean} are these the headers of the Node that runs now, all of them? */
function holdsHeaders(folder) {
  if (!NEEDED.every((header) => fs.existsSync(path.join(folder, header)))) return false;
  const versionHeader = path.join(folder, 'node_version.h');
  if (!fs.existsSync(versionHeader)) return false;
  const text = fs.readFileSync(versionHeader, 'utf8');
  return /define NODE_MAJOR_VERSION (\d+)/.exec(text)?.[1] === process.versions.node.split('.')[0];
}

/** Where Node's archive and its packages put the headers. */
function besideNode() {
  return path.join(path.dirname(process.execPath), '..', 'include', 'node');
}

/** Where they are unpacked when this Node came without any. */
function unpacked() {
  return path.join(ROOT, 'build', 'node-headers', process.version, 'include', 'node');
}

/** @returns {string | undefined} the folder that holds Node's headers; undefined when none is on this machine yet */
function nodeIncludeDir() {
  return [process.env.NODE_INCLUDE_DIR, besideNode(), unpacked()]
    .flatMap((folder) => (folder === undefined || folder === '' ? [] : [path.resolve(folder)]))
    .find(holdsHeaders);
}

/** @param {string} command @param {string[]} args @param {string} cwd */
function runOrThrow(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${result.stderr ?? result.error?.message ?? ''}`);
  return result.stdout;
}

/**
 * Unpacks the headers from the npm package that carries this very Node.
 * @returns {string} the folder
 */
function fetchNodeHeaders() {
  const name = `node-${process.platform}-${process.arch}@${process.version.slice(1)}`;
  const target = path.join(ROOT, 'build', 'node-headers', process.version);
  console.log(`setup: this Node has no headers beside it; taking them from the npm package ${name}`);
  fs.rmSync(target, { recursive: true, force: true });
  fs.mkdirSync(target, { recursive: true });
  const archive = runOrThrow('npm', ['pack', name, '--silent', '--pack-destination', target], target).trim().split('\n').at(-1) ?? '';
  runOrThrow('tar', ['-xzf', archive, '--strip-components=1', 'package/include'], target);
  fs.rmSync(path.join(target, archive));
  const folder = unpacked();
  if (!holdsHeaders(folder)) throw new Error(`${name} holds no headers for Node ${process.version}`);
  return folder;
}

module.exports = { nodeIncludeDir, fetchNodeHeaders };
