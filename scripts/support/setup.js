// Brings a machine to the point where trunkline builds; needs nothing but Node, and is silent when all is there.
'use strict';

const { findMissing } = require('./toolchain.js');
const { nodeIncludeDir, provideHeaders } = require('./headers.js');
const { areInstalled, installPackages } = require('./npm-packages.js');

/**
 * @param {{ tests?: boolean, fuzz?: boolean }} [wanted]
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
  return true;
}

module.exports = { setup, nodeIncludeDir };
