// `npm test`: everything that has to hold, in order of speed, from a bare clone. Ends with 'N passed, N failed'.
'use strict';

const { setup } = require('./support/setup.js');
const { localBin, run } = require('./support/run.js');
const { providePeers } = require('../test/support/peers.js');
const { provideNpmPeers } = require('../test/support/npm-peers.js');

const MOCHA_LIMIT_MS = 15 * 60_000;

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @param {string} output @param {RegExp} pattern */
function sum(output, pattern) {
  return [...output.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0);
}

/** What GoogleTest says at its end. @param {string} output @returns {Counts} */
function googleTestCounts(output) {
  return {
    passed: sum(output, /^\[ {2}PASSED {2}\] (\d+) tests?\./gm),
    failed: sum(output, /^\[ {2}FAILED {2}\] (\d+) tests?, listed below/gm),
    skipped: sum(output, /^\[ {2}SKIPPED \] (\d+) tests?, listed below/gm),
  };
}

/** What Mocha says at its end. @param {string} output @returns {Counts} */
function mochaCounts(output) {
  return {
    passed: sum(output, /^ *(\d+) passing\b/gm),
    failed: sum(output, /^ *(\d+) failing\b/gm),
    skipped: sum(output, /^ *(\d+) pending\b/gm),
  };
}

/** @type {Counts} */
const totals = { passed: 0, failed: 0, skipped: 0 };

/** @param {Counts} counts */
function add(counts) {
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  return counts.passed > 0; // a part that ran no test has not passed
}

/** @param {string} folder */
async function mocha(folder) {
  const { ok, output } = await run(localBin('mocha'), [`test/${folder}/**/*.test.js`], { show: true, timeoutMs: MOCHA_LIMIT_MS });
  return add(mochaCounts(output)) && ok;
}

/** Under way since the setup: a hundred megabytes that the last part needs come in while the compiler is at work. @type {Promise<void>} */
let npmPeers;

/** @type {Array<{ name: string, run: () => boolean | Promise<boolean> }>} */
const PARTS = [
  {
    name: 'setup',
    run: () => {
      const ready = setup({ tests: true });
      if (ready) {
        providePeers();
        npmPeers = provideNpmPeers();
      }
      return ready;
    },
  },
  {
    name: 'build',
    run: async () => {
      const { staleErrorCodes } = require('./error-codes.js');
      const stale = staleErrorCodes();
      if (stale.length > 0) console.error(`${stale.join(', ')}: not what src/base/errors.def says; run node scripts/error-codes.js`);
      await require('./build.js').buildAddon();
      return stale.length === 0;
    },
  },
  { name: 'lint', run: () => require('./lint.js').lint() },
  {
    name: 'types',
    run: async () => {
      for (const kind of ['node16', 'nodenext', 'bundler']) {
        const { ok } = await run(localBin('tsc'), ['-p', `test/types/tsconfig.${kind}.json`], { show: true });
        if (!ok) return false;
      }
      return true;
    },
  },
  {
    name: 'core tests',
    run: async () => {
      const { ok, output } = await require('./core-tests.js').runCoreTests();
      return add(googleTestCounts(output)) && ok;
    },
  },
  { name: 'service tests', run: () => mocha('services') },
  { name: 'process tests', run: () => mocha('process') },
  {
    name: 'package tests',
    run: async () => {
      await npmPeers;
      return mocha('package');
    },
  },
];

async function main() {
  for (const part of PARTS) {
    console.log(`== ${part.name}`);
    const ok = await Promise.resolve().then(part.run).catch((error) => {
      console.error(error.message);
      return false;
    });
    if (!ok) {
      console.error(`npm test: ${part.name} failed`);
      totals.failed ||= 1;
      process.exitCode = 1;
      break;
    }
  }
  const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
}

main();
