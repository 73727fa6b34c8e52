// Makes the zip that AWS Lambda runs: the handler, and of trunkline what it needs and nothing else. node build.js [--arch x64|arm64] [--out FILE]
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { zipSync } = require('fflate');

const HANDLER = path.join(__dirname, 'handler.js');
const PACKAGE = path.dirname(require.resolve('trunkline/package.json'));
const ENTRY = require.resolve('trunkline/lambda');
/** Packages that the sources name and the zip goes without: pino is the logger of other entries. */
const LEFT_OUT = ['pino'];
/** The same input gives the same zip, whatever the day. */
const MODIFIED = new Date('2000-01-01T00:00:00');
const READABLE_BY_ALL = 0o644 << 16;

/**
 * A module, and all that it loads, sooner or later, by a path.
 * @param {string} file
 * @param {string[]} known packages that need not be brought along
 * @param {Set<string>} [found]
 */
function closureOf(file, known, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of fs.readFileSync(file, 'utf8').matchAll(/\brequire\('([^']+)'\)/g)) {
    if (name.startsWith('.')) closureOf(require.resolve(path.resolve(path.dirname(file), name)), known, found);
    else if (!name.startsWith('node:') && !known.includes(name)) throw new Error(`${path.relative(__dirname, file)} loads ${name}, which this script does not pack`);
  }
  return found;
}

/**
 * The addon: of the architecture that was named, the one in the package; else the one that this machine's Node loads.
 * @param {string} [arch]
 */
function addon(arch) {
  if (arch !== undefined) {
    const file = path.join(PACKAGE, 'prebuilds', `linux-${arch}-glibc`, 'trunkline.node');
    if (!fs.existsSync(file)) throw new Error(`--arch: expected one that this package has an addon for (x64, arm64), got ${arch}`);
    return file;
  }
  require(ENTRY);
  const file = Object.keys(require.cache).find((name) => name.endsWith('.node'));
  if (!file || process.platform !== 'linux') throw new Error('the addon for Lambda is that of Linux: name the architecture of the function with --arch');
  return file;
}

/** @param {string} [arch] @returns {Array<[string, string]>} names in the zip, and the files that they stand for */
function contents(arch) {
  const own = [...closureOf(HANDLER, ['trunkline/lambda'])].map((file) => /** @type {[string, string]} */ ([path.relative(__dirname, file), file]));
  const ours = [path.join(PACKAGE, 'package.json'), ...closureOf(ENTRY, LEFT_OUT), addon(arch)];
  return [...own, ...ours.map((file) => /** @type {[string, string]} */ ([path.join('node_modules', 'trunkline', path.relative(PACKAGE, file)), file]))];
}

const { values: { arch, out } } = parseArgs({ options: { arch: { type: 'string' }, out: { type: 'string', default: path.join(__dirname, 'dist', 'enrichment.zip') } } });
const entries = contents(arch).map(([name, file]) => [name, [fs.readFileSync(file), { os: 3, attrs: READABLE_BY_ALL, mtime: MODIFIED }]]);
const zip = zipSync(Object.fromEntries(entries), { level: 9 });
fs.mkdirSync(path.dirname(out), { recursive: true });
fs.writeFileSync(out, zip);
console.log(`${path.relative(process.cwd(), out)}: ${entries.length} files, ${(zip.length / 2 ** 20).toFixed(2)} MiB, for ${arch ?? process.arch}`);
