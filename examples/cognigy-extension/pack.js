// `npm run build`: compiles the Extension, draws its icon, and packs the archive that is uploaded to Cognigy.AI.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { icon } = require('./icon.js');

const { name } = require('./package.json');

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: __dirname, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `ended with ${status}`}`);
}

/** @returns {string} the archive */
function pack() {
  fs.rmSync(path.join(__dirname, 'build'), { recursive: true, force: true });
  run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', '.']);
  fs.writeFileSync(path.join(__dirname, 'icon.png'), icon());
  // Cognigy.AI installs the dependencies that package.json names, in the versions of package-lock.json where there is one.
  const files = ['build', 'package.json', 'package-lock.json', 'README.md', 'icon.png'].filter((file) => fs.existsSync(path.join(__dirname, file)));
  run('tar', ['-czf', `${name}.tar.gz`, ...files]);
  return path.join(__dirname, `${name}.tar.gz`);
}

try {
  console.log(pack());
} catch (error) {
  console.error(`pack: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
}
