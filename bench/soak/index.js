// soak: a million POSTs leave memory and descriptors where they were. One client in a process of its own, nginx as its peer.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ask, startNode, stop } = require('../lib/children');
const { trunkline } = require('../lib/native');
const { Nginx } = require('../../test/support/nginx');
const { hasPeer } = require('../../test/support/peers');

const MIB = 2 ** 20;

/**
 * @param {import('../lib/types').RunOptions} options
 * @returns {Promise<import('../lib/types').Result>}
 */
async function run({ quick, progress }) {
  const requests = quick ? 100_000 : 1_000_000;
  const title = `soak: ${requests.toLocaleString('en-US')} POSTs through one HttpClient, 64 at once, answered by nginx`;
  const missing = hasPeer('nginx') ? trunkline().missing : 'there is no nginx';
  if (missing) return { title, judgements: [], head: [], rows: [], notes: [`left out: ${missing}`] };
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-bench-'));
  try {
    const nginx = await new Nginx(path.join(dir, 'nginx'), 'location / { return 200 \'{"success":true}\'; }').start();
    const { child } = await startNode(path.join(__dirname, 'soak-child.js'), { args: [nginx.url] });
    try {
      const states = [];
      for (const tenths of quick ? [1, 5, 10] : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
        progress(`soak: up to ${tenths * 10} %`);
        states.push(await ask(child, { upTo: (requests * tenths) / 10 }));
      }
      const [first] = states;
      const last = states[states.length - 1];
      return {
        title,
        judgements: [
          { what: 'growth of the resident set since the first tenth', value: (last.rss - first.rss) / MIB, unit: 'MiB', target: { max: 16 } },
          { what: 'descriptors more than after the first tenth', value: last.descriptors - first.descriptors, unit: '', target: { max: 0 } },
        ],
        head: ['after requests', 'resident MiB', 'JS heap MiB', 'descriptors', 'requests/s'],
        rows: states.map(({ done, rss, heap, descriptors, perSecond }) => [done.toLocaleString('en-US'), rss / MIB, heap / MIB, descriptors, perSecond]),
        notes: ['measured after a collection, and once connections have been idle for longer than they are kept'],
      };
    } finally {
      await stop(child);
      await nginx.close();
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { run };
