// preflight: one look at an https target on loopback, beside what one would type by hand; and many looks at once, beside the slowest of them alone.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { startNode, stop } = require('../lib/children');
const { alternate, median } = require('../lib/rounds');
const { Authority } = require('../../test/support/certificates');
const { startPeer } = require('../http/peer');

const OURS = 'ours, in a running process';
const OURS_WHOLE = 'ours, with the start of Node';
const TOOLS = 'openssl s_client, then curl -I';
const TARGETS = 200;
const SLOWEST_MS = 400;
const FASTEST_MS = 20;

/** @param {string} command @param {string[]} args @returns {Promise<void>} */
function execute(command, args) {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, _stdout, stderr) => (error ? reject(new Error(`${command}: ${stderr || error.message}`)) : resolve()));
    child.stdin?.end();
  });
}

/** @param {number} times @param {() => Promise<unknown>} work @returns {Promise<{ ms: number }>} of one */
async function timed(times, work) {
  const startedMs = performance.now();
  for (let i = 0; i < times; i += 1) await work();
  return { ms: (performance.now() - startedMs) / times };
}

/** @param {string} url @param {string} ca */
async function look(url, ca) {
  const { ok, failure } = await require('../../lib/index.js').preflight(url, { ca, allowPrivate: true });
  if (!ok) throw new Error(failure?.reason);
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @param {string} dir
 */
async function oneLook({ quick, progress }, dir) {
  const peer = await startPeer(dir);
  try {
    const { hostname, port } = new URL(peer.urls.https);
    const { caFile } = peer;
    const script = `require(${JSON.stringify(path.join(__dirname, '..', '..'))}).preflight(process.argv[1], { ca: require('fs').readFileSync(process.argv[2], 'utf8'), allowPrivate: true })`;
    const list = [
      { name: OURS, work: () => look(peer.urls.https, peer.ca) },
      { name: OURS_WHOLE, work: () => execute(process.execPath, ['-e', script, peer.urls.https, caFile]) },
      {
        name: TOOLS,
        work: async () => {
          await execute('openssl', ['s_client', '-connect', `${hostname}:${port}`, '-CAfile', caFile, '-verify_return_error', '-verify_ip', hostname, '-brief']);
          await execute('curl', ['-sS', '-I', '--noproxy', '*', '--cacert', caFile, peer.urls.https]);
        },
      },
    ];
    return await alternate(list, { rounds: quick ? 5 : 9, measure: ({ work }) => timed(quick ? 2 : 10, work), progress });
  } finally {
    await peer.close();
  }
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @param {string} dir
 */
async function manyLooks({ quick, progress }, dir) {
  const authority = new Authority(dir);
  const { cert, key } = authority.leaf('IP:127.0.0.1');
  const { child, first } = await startNode(path.join(__dirname, 'slow-targets.js'), { env: { BENCH_TARGETS: JSON.stringify({ cert, key, count: TARGETS }) } });
  try {
    const delayMs = (/** @type {number} */ i) => Math.round(SLOWEST_MS - ((SLOWEST_MS - FASTEST_MS) * i) / (TARGETS - 1));
    /** @type {string[]} the slowest first */
    const urls = first.ports.map((/** @type {number} */ port, /** @type {number} */ i) => `https://127.0.0.1:${port}/${delayMs(i)}`);
    const rounds = [];
    for (let round = 0; round <= (quick ? 3 : 7); round += 1) {
      progress(`${TARGETS} at once, round ${round}`);
      const { ms: aloneMs } = await timed(1, () => look(urls[0], authority.ca));
      const { ms: allMs } = await timed(1, () => Promise.all(urls.map((url) => look(url, authority.ca))));
      if (round > 0) rounds.push({ aloneMs, allMs });
    }
    return rounds;
  } finally {
    await stop(child);
  }
}

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run(options) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const one = await oneLook(options, dir);
    const many = await manyLooks(options, dir);
    const alone = median(many.map(({ aloneMs }) => aloneMs));
    const all = median(many.map(({ allMs }) => allMs));
    return {
      title: 'preflight: an https target on loopback, TLS 1.3',
      judgements: [
        { what: 'one look: ours in a running process / openssl s_client and curl -I', value: one(OURS).medians.ms / one(TOOLS).medians.ms, unit: '×', target: { max: 1.5 } },
        { what: `${TARGETS} targets at once / the slowest of them alone`, value: median(many.map(({ allMs, aloneMs }) => allMs / aloneMs)), unit: '×', target: { max: 3 } },
      ],
      head: ['', 'ms'],
      rows: [...[OURS, OURS_WHOLE, TOOLS].map((name) => [name, one(name).medians.ms]), [`${TARGETS} targets at once`, all], ['the slowest of them alone', alone]],
      notes: [
        'the two programs look at the same: chain, dates and name against the same CA, then a HEAD request; they do so on two connections, and each has to be started',
        `the ${TARGETS} targets are one Node process, and answer after ${FASTEST_MS} to ${SLOWEST_MS} ms each`,
      ],
    };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['nginx', 'openssl', 'curl'] }, run };
