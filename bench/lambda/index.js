// lambda: what a cold start pays for the import, how large the zip is, what a warm invocation costs, and whether memory stays flat.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ask, startNode, stop } = require('../lib/children');
const { startPlatform } = require('../lib/platform');
const { alternate, median, medianRatio } = require('../lib/rounds');

const EXAMPLE = path.join(__dirname, '..', '..', 'examples', 'lambda');
const OURS = 'trunkline/lambda';
const AXIOS = 'axios';
const EMPTY = 'an empty script';
const COLD = 'the same, with its handler made';
const SEED = 'seed T3, axios';
const LOOKS = 5; // at the memory, in each half: a single one wanders by some MiB
const FULL = { imports: 31, rounds: 7, invocations: 2000, warmUp: 3000, memoryCalls: 10_000 };
const QUICK = { imports: 11, rounds: 5, invocations: 200, warmUp: 1000, memoryCalls: 2000 };

const CUSTOMER = { crmAccountId: 'ACCT-99281', lifetimeValue: 14250.75, loyaltyTier: 'Platinum', lastPurchaseDate: '2024-05-28T09:15:00Z' };
const INTERACTION = { id: '8f7e6d5c', type: 'voice', direction: 'inbound', context: CUSTOMER };

/** @typedef {import('../lib/types').Judgement} Judgement */

/**
 * A process each, from its start to the moment when the module is there.
 * @param {import('../lib/types').RunOptions} options
 */
async function measureImports({ quick, progress }) {
  const list = [{ name: EMPTY, args: [] }, { name: OURS, args: ['trunkline/lambda'] }, { name: AXIOS, args: ['axios'] }, { name: COLD, args: ['trunkline/lambda', 'handler'] }];
  const result = await alternate(list, {
    rounds: (quick ? QUICK : FULL).imports,
    measure: async ({ args }) => {
      const { child, first } = await startNode(path.join(__dirname, 'import-child.js'), { args });
      await stop(child);
      return first;
    },
    progress: (text) => progress(`import: ${text}`),
  });
  // Of each round: the machine's speed wanders between rounds by more than an import costs.
  const over = (/** @type {string} */ name, /** @type {string} */ figure) => median(result(name).rounds.map((round, i) => round[figure] - result(EMPTY).rounds[i][figure]));
  return {
    judgements: [
      { what: `CPU of the import of ${OURS}, over an empty script`, value: over(OURS, 'cpuMs'), unit: 'ms', target: { max: 25 } },
      { what: `CPU of the import of ${OURS} / axios, both over an empty script`, value: over(OURS, 'cpuMs') / over(AXIOS, 'cpuMs'), unit: '×', target: { max: 0.5 } },
    ],
    rows: list.map(({ name }) => [`import: ${name}`, result(name).medians.wallMs, result(name).medians.cpuMs * 1000, '–']),
  };
}

/** @returns {Judgement} */
function measureZip() {
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-')), 'enrichment.zip');
  try {
    const built = spawnSync(process.execPath, [path.join(EXAMPLE, 'build.js'), '--out', out], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the zip was not made: ${built.stderr}`);
    return { what: 'zip of examples/lambda', value: fs.statSync(out).size / 2 ** 20, unit: 'MiB', target: { max: 3 } };
  } finally {
    fs.rmSync(path.dirname(out), { recursive: true, force: true });
  }
}

/**
 * Invocations one after the other, as Lambda has them; a process each, and another one for the platforms.
 * @param {import('../lib/types').RunOptions} options
 */
async function measureInvocations({ quick, progress }) {
  const { rounds, invocations, warmUp, memoryCalls } = quick ? QUICK : FULL;
  // CRM, token server and Genesys Cloud in one.
  const platform = await startPlatform({ answers: { GET: CUSTOMER, PATCH: INTERACTION }, scope: 'interaction:read interaction:write' });
  const list = [{ name: OURS, module: 'trunkline' }, { name: SEED, module: 'seed' }];
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const children = new Map();
  try {
    for (const { name, module } of list) {
      const { child } = await startNode(path.join(__dirname, 'invoke-child.js'), { args: [module, platform.url], stderr: 'ignore' });
      children.set(name, child);
    }
    const ofName = (/** @type {string} */ name) => /** @type {import('node:child_process').ChildProcess} */ (children.get(name));
    const result = await alternate(list, {
      rounds,
      measure: ({ name }) => ask(ofName(name), { calls: invocations }),
      warmUp: ({ name }) => ask(ofName(name), { calls: warmUp }),
      progress: (text) => progress(`invocations: ${text}`),
    });
    return {
      judgements: [
        { what: `CPU of a warm invocation, ours / ${SEED}`, value: medianRatio(result(OURS), result(SEED), 'cpuUs'), unit: '×', target: { max: 0.33 } },
        await measureMemory(platform.url, memoryCalls, progress),
      ],
      rows: list.map(({ name }) => [`invocation: ${name}`, result(name).medians.wallMs, result(name).medians.cpuUs, result(name).medians.rssBytes / 2 ** 20]),
    };
  } finally {
    await Promise.all([...[...children.values()].map(stop), platform.close()]);
  }
}

/**
 * V8's young generation would grow to 16 MiB in any program, and hide what is looked for: it is kept small.
 * @param {string} url
 * @param {number} calls in each half
 * @param {(text: string) => void} progress
 * @returns {Promise<Judgement>}
 */
async function measureMemory(url, calls, progress) {
  const { child } = await startNode(path.join(__dirname, 'invoke-child.js'), { args: ['trunkline', url], env: { NODE_OPTIONS: '--max-semi-space-size=1' }, stderr: 'ignore' });
  try {
    const looks = [];
    for (let look = 1; look <= 2 * LOOKS; look += 1) {
      progress(`memory: look ${look} of ${2 * LOOKS}`);
      looks.push((await ask(child, { calls: calls / LOOKS })).rssBytes / 2 ** 20);
    }
    const growth = median(looks.slice(LOOKS)) - median(looks.slice(0, LOOKS));
    return { what: `growth of the resident set, from the first ${calls.toLocaleString('en-US')} invocations to the next`, value: growth, unit: 'MiB', target: { max: 3 } };
  } finally {
    await stop(child);
  }
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const imports = await measureImports(options);
  const invocations = await measureInvocations(options);
  return {
    title: 'lambda: the enrichment as AWS Lambda runs it; an invocation asks the CRM and writes to Genesys Cloud, both on loopback',
    judgements: [...imports.judgements, measureZip(), ...invocations.judgements],
    head: ['', 'wall ms', 'CPU µs', 'resident MiB'],
    rows: [...imports.rows, ...invocations.rows],
    notes: ['import: from the start of the process; its handler made: with https platforms, so that the certificates to trust are read'],
  };
}

module.exports = { needs: { addon: true }, run };
