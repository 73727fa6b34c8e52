// Brings a machine to the point where trunkline builds; needs nothing but Node, and is silent when all is there.
'use strict';

const fs = require('node:fs');
const { findMissing } = require('./toolchain.js');
const { nodeIncludeDir, provideHeaders } = require('./headers.js');
const { areInstalled, installPackages, unpackNpmPackage } = require('./npm-packages.js');

/** Another machine's Node, and the headers beside it. @param {import('./targets.js').Target} target */
function provideNode({ foreign, node, nodePackage }) {
  if (foreign === undefined || fs.existsSync(node)) return;
  const spec = `${nodePackage}@${process.versions.node.split('.')[0]}`;
  console.log(`setup: taking the Node to build for from the npm package ${spec}`);
  unpackNpmPackage(spec, foreign.nodeFolder);
}

/**
 * @param {import('./toolchain.js').Wanted} [wanted]
 * @returns {boolean} false when something is missing that a person has to install; the command has then been printed
 */
function setup(wanted = {}) {
  const missing = findMissing(wanted);
  if (missing.length > 0) {
    const { install, instructions } = require('./system-packages.js');
    const requirements = missing.map(({ requirement }) => requirement);
    const still = install(requirements) ? findMissing(wanted) : missing;
    if (still.length > 0) {
      const reasons = still.map(({ reason }) => `  ${reason}`).join('\n');
      console.error(`setup: this machine lacks what trunkline is built with:\n${reasons}\nInstall it with:\n${instructions(still.map(({ requirement }) => requirement))}`);
      return false;
    }
  }
  if (!areInstalled()) installPackages();
  provideHeaders();
  if (wanted.target !== undefined) provideNode(wanted.target);
  return true;
}

module.exports = { setup, nodeIncludeDir };
