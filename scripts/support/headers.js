// The headers that the addon is compiled against: Node's own, because it uses the libuv and OpenSSL that Node exports, and node-addon-api's.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { unpackNpmPackage } = require('./npm-packages.js');

const ROOT = path.join(__dirname, '..', '..');
const NEEDED = ['node_api.h', 'uv.h', 'openssl/ssl.h'];
/** Where they are unpacked when this machine has none. */
const UNPACKED = path.join(ROOT, 'build', 'headers');

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

/** @returns {string} */
function unpackedNode() {
  return path.join(UNPACKED, process.version, 'include', 'node');
}

/** @returns {string | undefined} the folder that holds Node's headers; undefined when none is on this machine yet */
function nodeIncludeDir() {
  return [process.env.NODE_INCLUDE_DIR, besideNode(), unpackedNode()]
    .flatMap((folder) => (folder === undefined || folder === '' ? [] : [path.resolve(folder)]))
    .find(holdsHeaders);
}

/** @returns {string | undefined} the folder that holds napi.h; undefined when there is none yet, as in an installed package */
function addonApiDir() {
  return [path.join(ROOT, 'node_modules', 'node-addon-api'), path.join(UNPACKED, 'node-addon-api')]
    .find((folder) => fs.existsSync(path.join(folder, 'napi.h')));
}

/** Unpacks what is missing: Node's headers from the npm package that carries this very Node, node-addon-api's from its own. */
function provideHeaders() {
  if (nodeIncludeDir() === undefined) {
    const name = `node-${process.platform}-${process.arch}@${process.version.slice(1)}`;
    console.log(`setup: this Node has no headers beside it; taking them from the npm package ${name}`);
    unpackNpmPackage(name, path.join(UNPACKED, process.version), ['package/include']);
    if (!holdsHeaders(unpackedNode())) throw new Error(`${name} holds no headers for Node ${process.version}`);
  }
  if (addonApiDir() === undefined) {
    const wanted = require('../../package.json').devDependencies['node-addon-api'];
    unpackNpmPackage(`node-addon-api@${wanted}`, path.join(UNPACKED, 'node-addon-api'));
    if (addonApiDir() === undefined) throw new Error('node-addon-api holds no napi.h');
  }
}

module.exports = { nodeIncludeDir, addonApiDir, provideHeaders };
