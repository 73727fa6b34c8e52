// The client of `soak`, in a process of its own: node soak-child.js BASE_URL REST_MS. Answers { upTo } with its state once it has made so many requests in all.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { collect } = require('../lib/gc');
const { BODY, PATH } = require('../http/message');
const { HttpClient } = require(path.join(__dirname, '..', '..', 'lib', 'index.js'));

const AT_ONCE = 64;

const [baseUrl, restMs] = process.argv.slice(2);
const client = new HttpClient({ baseUrl, auth: { type: 'bearer', token: 'soak' } });
let done = 0;

/** @param {number} upTo */
async function work(upTo) {
  const line = async () => {
    while (done < upTo) {
      done += 1;
      const answer = await client.request({ method: 'POST', path: PATH, body: BODY });
      if (answer.json().success !== true) throw new Error('another answer');
    }
  };
  const before = done;
  const from = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  const perSecond = ((done - before) * 1000) / (performance.now() - from);
  await sleep(Number(restMs));
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  // Less the one that this very look takes.
  const descriptors = fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length - 1 : NaN;
  return { done, perSecond, rss, heap: heapUsed, descriptors };
}

process.on('message', (/** @type {{ upTo: number }} */ { upTo }) => {
  work(upTo).then((state) => process.send?.(state), (error) => process.send?.({ error: error.stack }));
});
process.once('SIGTERM', () => process.exit(0));
process.send?.('ready');
