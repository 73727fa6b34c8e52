// soak: a million POSTs leave memory and descriptors where they were. One client in a process of its own, nginx as its peer.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { Nginx } = require('../../test/support/nginx');

const MIB = 2 ** 20;
/** Idle connections are ended by the client, after four seconds; in a quick run by nginx. */
const FULL = { requests: 1_000_000, tenths: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], keptByNginxMs: 600_000, restMs: 6000 };
const QUICK = { requests: 100_000, tenths: [1, 10], keptByNginxMs: 500, restMs: 1500 };

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const { requests, tenths, keptByNginxMs, restMs } = quick ? QUICK : FULL;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const nginx = await new Nginx(path.join(dir, 'nginx'), `keepalive_timeout ${keptByNginxMs}ms; location / { return 200 '{"success":true}'; }`).start();
    const { child } = await startNode(path.join(__dirname, 'soak-child.js'), { args: [nginx.url, String(restMs)] });
    try {
      const states = [];
      for (const tenth of tenths) {
        progress(`up to ${tenth * 10} %`);
        states.push(await ask(child, { upTo: (requests * tenth) / 10 }));
      }
      const [first] = states;
      const last = states[states.length - 1];
      return {
        title: `soak: ${requests.toLocaleString('en-US')} POSTs through one HttpClient, 64 at once, answered by nginx`,
        judgements: [
          { what: 'growth of the resident set since the first tenth', value: (last.rss - first.rss) / MIB, unit: 'MiB', target: { max: 16 } },
          { what: 'descriptors more than after the first tenth', value: last.descriptors - first.descriptors, unit: '', target: { max: 0 } },
        ],
        head: ['after requests', 'resident MiB', 'JS heap MiB', 'descriptors', 'requests/s'],
        rows: states.map(({ done, rss, heap, descriptors, perSecond }) => [done.toLocaleString('en-US'), rss / MIB, heap / MIB, descriptors, perSecond]),
        notes: ['measured after a collection, and once connections have been idle for longer than they are kept', ...(quick ? ['quick: they are ended by nginx then, not by the client'] : [])],
      };
    } finally {
      await stop(child);
      await nginx.close();
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { needs: { addon: true, tools: ['nginx'] }, run };
