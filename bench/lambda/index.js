// lambda: what a cold start pays for the import, how large the zip is, what a warm invocation costs, and whether memory stays flat.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ask, startNode, stop } = require('../lib/children');
const { alternate, median } = require('../lib/rounds');
const { trunkline } = require('../lib/native');

const EXAMPLE = path.join(__dirname, '..', '..', 'examples', 'lambda');
const OURS = 'trunkline/lambda';
const AXIOS = 'axios';
const EMPTY = 'an empty script';
const COLD = 'the same, with its handler made';
const SEED = 'seed T3, axios';
const MANY = 10_000;
const LOOKS = 5; // at the memory, in so many invocations: a single one wanders by some MiB

/** @typedef {import('../lib/types').Judgement} Judgement */

/**
 * A process each, from its start to the moment when the module is there.
 * @param {import('../lib/types').RunOptions} options
 */
async function measureImports({ quick, progress }) {
  const list = [{ name: EMPTY, args: [] }, { name: OURS, args: ['trunkline/lambda'] }, { name: AXIOS, args: ['axios'] }, { name: COLD, args: ['trunkline/lambda', 'handler'] }];
  const result = await alternate(list, {
    rounds: quick ? 7 : 31,
    measure: async ({ args }) => {
      const { child, first } = await startNode(path.join(__dirname, 'import-child.js'), { args });
      await stop(child);
      return first;
    },
    progress: (text) => progress(`import: ${text}`),
  });
  const over = (/** @type {string} */ name, /** @type {string} */ figure) => result(name).medians[figure] - result(EMPTY).medians[figure];
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
  const peer = await startNode(path.join(__dirname, 'peer.js'));
  const list = [{ name: OURS, module: 'trunkline' }, { name: SEED, module: 'seed' }];
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const children = new Map();
  try {
    for (const { name, module } of list) {
      const { child } = await startNode(path.join(__dirname, 'invoke-child.js'), { args: [module, peer.first.url], stderr: 'ignore' });
      children.set(name, child);
    }
    const ofName = (/** @type {string} */ name) => /** @type {import('node:child_process').ChildProcess} */ (children.get(name));
    const result = await alternate(list, {
      rounds: quick ? 3 : 7,
      measure: ({ name }) => ask(ofName(name), { calls: quick ? 500 : 2000 }),
      warmUp: ({ name }) => ask(ofName(name), { calls: 3000 }),
      progress: (text) => progress(`invocations: ${text}`),
    });
    return {
      judgements: [
        { what: `CPU of a warm invocation, ours / ${SEED}`, value: result(OURS).medians.cpuUs / result(SEED).medians.cpuUs, unit: '×', target: { max: 0.33 } },
        await measureMemory(peer.first.url, progress),
      ],
      rows: list.map(({ name }) => [`invocation: ${name}`, result(name).medians.wallMs, result(name).medians.cpuUs, result(name).medians.rssBytes / 2 ** 20]),
    };
  } finally {
    await Promise.all([...children.values(), peer.child].map(stop));
  }
}

/**
 * V8's young generation would grow to 16 MiB in any program, and hide what is looked for: it is kept small.
 * @param {string} url
 * @param {(text: string) => void} progress
 * @returns {Promise<Judgement>}
 */
async function measureMemory(url, progress) {
  const { child } = await startNode(path.join(__dirname, 'invoke-child.js'), { args: ['trunkline', url], env: { NODE_OPTIONS: '--max-semi-space-size=1' }, stderr: 'ignore' });
  try {
    const looks = [];
    for (let look = 1; look <= 2 * LOOKS; look += 1) {
      progress(`memory: look ${look} of ${2 * LOOKS}`);
      looks.push((await ask(child, { calls: MANY / LOOKS })).rssBytes / 2 ** 20);
    }
    const growth = median(looks.slice(LOOKS)) - median(looks.slice(0, LOOKS));
    return { what: `growth of the resident set, from the first ${MANY.toLocaleString('en-US')} invocations to the next`, value: growth, unit: 'MiB', target: { max: 3 } };
  } finally {
    await stop(child);
  }
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const title = 'lambda: the enrichment as AWS Lambda runs it; an invocation asks the CRM and writes to Genesys Cloud, both on loopback';
  const addon = trunkline();
  if (!addon.value) return { title, judgements: [], head: [], rows: [], notes: [`skipped: ${addon.missing}`] };
  const imports = await measureImports(options);
  const invocations = await measureInvocations(options);
  return {
    title,
    judgements: [...imports.judgements, measureZip(), ...invocations.judgements],
    head: ['', 'wall ms', 'CPU µs', 'resident MiB'],
    rows: [...imports.rows, ...invocations.rows],
    notes: ['import: from the start of the process; its handler made: with https platforms, so that the certificates to trust are read'],
  };
}

module.exports = { run };
