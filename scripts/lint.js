// `npm run lint`: ESLint, the type checker over the JavaScript, clang-format, and the house's rules on includes. --fix formats.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setup } = require('./support/setup.js');
const { outputOf } = require('./support/toolchain.js');
const { ROOT, run, localBin } = require('./support/run.js');

const NATIVE_FOLDERS = ['src', 'binding', 'test/core', 'test/fuzz', 'bench'];

/** Each version formats a little differently, so only one can be the judge. */
const CLANG_FORMAT_VERSION = '14';

/** Who may see the outside world: a header, and the folders in which alone it may be included. */
const INCLUDE_RULES = [
  { header: /^napi\.h$|^node_api\.h$/, allowed: ['binding/'] },
  { header: /^uv\.h$/, allowed: ['src/net/', 'src/engine/', 'test/core/net/', 'test/core/engine/', 'test/core/delivery/', 'test/core/support/'] },
  { header: /^sqlite3\.h$/, allowed: ['src/store/', 'test/core/store/'] },
];

/** @returns {string[]} the C++ files, relative to the repository */
function nativeFiles() {
  return NATIVE_FOLDERS.filter((folder) => fs.existsSync(path.join(ROOT, folder))).flatMap((folder) =>
    fs.readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(cc|h)$/.test(name))
      .map((name) => path.posix.join(folder, name.split(path.sep).join('/'))));
}

/** @param {string[]} files @returns {string[]} one line per include that breaks a rule */
function includeProblems(files) {
  return files.flatMap((file) => fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n').flatMap((line, index) => {
    const header = /^\s*#\s*include\s*["<]([^">]+)[">]/.exec(line)?.[1];
    if (header === undefined) return [];
    const place = `${file}:${index + 1}`;
    if (header.startsWith('../')) return [`${place}: include "folder/file.h", not "${header}"`];
    const broken = INCLUDE_RULES.find((rule) => rule.header.test(header) && !rule.allowed.some((folder) => file.startsWith(folder)));
    return broken === undefined ? [] : [`${place}: ${header} may be included only in ${broken.allowed.join(', ')}`];
  }));
}

/** @param {{ fix?: boolean }} [o] @returns {Promise<boolean>} */
async function lint({ fix = false } = {}) {
  const files = nativeFiles();
  const checks = [
    () => run(localBin('eslint'), ['--max-warnings', '0', ...(fix ? ['--fix'] : []), '.']),
    () => run(localBin('tsc'), ['-p', 'tsconfig.json', '--noEmit']),
  ];
  const version = /version (\d+)/.exec(outputOf('clang-format', ['--version']) ?? '')?.[1];
  if (version !== CLANG_FORMAT_VERSION) {
    console.log(`lint: the C++ format is not checked: expected clang-format ${CLANG_FORMAT_VERSION}, found ${version ?? 'none'}`);
  } else if (files.length > 0) {
    checks.push(() => run('clang-format', [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...files]));
  }
  let ok = true;
  for (const check of checks) {
    const result = await check();
    if (!result.ok) console.error(result.output.trimEnd());
    ok &&= result.ok;
  }
  const problems = includeProblems(files);
  if (problems.length > 0) console.error(problems.join('\n'));
  return ok && problems.length === 0;
}

module.exports = { lint };

if (require.main === module) {
  const fix = process.argv.includes('--fix');
  Promise.resolve()
    .then(() => setup() && lint({ fix }))
    .then((ok) => {
      process.exitCode = ok ? 0 : 1;
    })
    .catch((error) => {
      console.error(`lint: ${error.message}`);
      process.exitCode = 1;
    });
}
