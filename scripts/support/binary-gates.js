// What a binary must be like to be shipped: judged from what `objdump -T` and `readelf -d` say of it.
'use strict';

/** AWS Lambda's Amazon Linux 2023 has this glibc; Debian 12, Ubuntu 22.04 and RHEL 9 have it or a newer one. */
const NEWEST_GLIBC = [2, 34];
const MAX_EXPORTS = 10;
const MAX_BYTES = 5 << 20;
/** What every Linux with Node has; musl's one library is all of libc, libm and libpthread. */
const LIBRARIES = [/^libc\.so\.6$/, /^libm\.so\.6$/, /^libpthread\.so\.0$/, /^libgcc_s\.so\.1$/, /^ld-linux-[\w-]+\.so\.\d$/, /^libc\.musl-\w+\.so\.1$/];

/** @typedef {{ name: string, version: string, exported: boolean }} DynamicSymbol */

/**
 * @param {string} text of `objdump -T`
 * @returns {DynamicSymbol[]}
 * @throws {Error} for a line that it does not understand: a gate must not overlook one
 */
function readSymbols(text) {
  // Address, seven flags, section, a tab, size, version (in brackets where it is one of several or wanted from elsewhere), visibility, name.
  const line = /^[0-9a-f]{8,} (.).{6} (\S+)\t[0-9a-f]+ +(?:\(?([A-Za-z]\w*(?:\.\w+)*)\)? +)?(?:\.(?:hidden|internal|protected) +)?(\S+)$/;
  return text.split('\n').map((row) => row.trimEnd()).filter((row) => /^[0-9a-f]{8,} /.test(row)).map((row) => {
    const found = line.exec(row);
    if (found === null) throw new Error(`objdump -T said what cannot be read here: ${row}`);
    const [, scope, section, version = '', name] = found;
    return { exported: section !== '*UND*' && scope !== 'l', version, name }; // on arm64 the sections' own symbols are among them
  });
}

/** @param {string} text of `readelf -d` @returns {string[]} the libraries that the loader has to bring */
function readLibraries(text) {
  return [...text.matchAll(/\(NEEDED\)\s+Shared library: \[([^\]]+)\]/g)].map(([, name]) => name);
}

/** @param {number[]} a @param {number[]} b @returns {boolean} */
function isNewer(a, b) {
  const at = a.findIndex((part, i) => part !== (b[i] ?? 0));
  return at >= 0 && a[at] > (b[at] ?? 0);
}

/** @param {string} version GLIBC_2.34, or one of those without a number, which no other glibc has to have */
function isTooNew(version) {
  const found = /^GLIBC_(\d+(?:\.\d+)*)$/.exec(version)?.[1];
  return found === undefined || isNewer(found.split('.').map(Number), NEWEST_GLIBC);
}

/** @param {DynamicSymbol[]} symbols @param {string} dynamic @returns {string[]} */
function glibcProblems(symbols, dynamic) {
  const problems = symbols
    .filter(({ version }) => version.startsWith('GLIBC_') && isTooNew(version))
    .map(({ name, version }) => `${name} needs ${version}: expected at most GLIBC_${NEWEST_GLIBC.join('.')}`);
  if (dynamic.includes('(RELR)')) problems.push('its relocations are packed, which needs GLIBC_2.36');
  return problems;
}

/** @param {DynamicSymbol[]} symbols @returns {string[]} */
function cxxProblems(symbols) {
  return symbols
    .filter(({ version }) => /^(GLIBCXX|CXXABI)_/.test(version))
    .map(({ name, version }) => `${name} needs ${version}: expected the C++ library inside the binary`);
}

/** @param {DynamicSymbol[]} symbols @returns {string[]} */
function exportProblems(symbols) {
  const exported = symbols.filter((symbol) => symbol.exported);
  if (exported.length === 0) return ['it exports nothing: expected Node-API\'s entries'];
  if (exported.length <= MAX_EXPORTS) return [];
  return [`it exports ${exported.length} symbols: expected at most ${MAX_EXPORTS}: ${exported.slice(0, 2 * MAX_EXPORTS).map(({ name }) => name).join(', ')}`];
}

/** @param {string[]} libraries @returns {string[]} */
function libraryProblems(libraries) {
  return libraries.filter((name) => !LIBRARIES.some((allowed) => allowed.test(name))).map((name) => `it is linked with ${name}: expected nothing beyond the C library`);
}

/** @param {number} bytes @returns {string[]} */
function sizeProblems(bytes) {
  return bytes <= MAX_BYTES ? [] : [`it has ${bytes} bytes: expected at most ${MAX_BYTES}`];
}

/**
 * @param {{ symbols: string, dynamic: string, bytes: number }} binary what objdump -T and readelf -d say, and the stripped size
 * @returns {string[]} one line for each reason not to ship it
 */
function problemsOf({ symbols, dynamic, bytes }) {
  const read = readSymbols(symbols);
  const libraries = readLibraries(dynamic);
  return [...glibcProblems(read, dynamic), ...cxxProblems(read), ...exportProblems(read), ...libraryProblems(libraries), ...sizeProblems(bytes)];
}

module.exports = { problemsOf, readSymbols, readLibraries };
