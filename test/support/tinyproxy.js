// tinyproxy, a real proxy in a process of its own, on a port that the system picks.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { once } = require('node:events');
const { spawn } = require('node:child_process');
const { freePort } = require('./free-port.js');
const { env } = require('./peers.js');
const { until, within } = require('./until.js');

/**
 * @param {string} folder where its configuration goes
 * @param {{ user: string, password: string }} [credentials] that it asks for
 */
async function startTinyproxy(folder, credentials) {
  const port = await freePort();
  const file = path.join(folder, 'tinyproxy.conf');
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 60', 'MaxClients 50', 'Allow 127.0.0.1', 'LogLevel Info'];
  if (credentials) lines.push(`BasicAuth ${credentials.user} ${credentials.password}`);
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('tinyproxy', ['-d', '-c', file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const accepting = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        log += chunk;
        if (log.includes('Accepting connections')) resolve(undefined);
      });
    }
    child.once('error', reject).once('exit', (code) => reject(new Error(`tinyproxy ended with ${code}: ${log}`)));
  });
  await within(accepting, 'tinyproxy to accept connections').catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    authority: `127.0.0.1:${port}`,
    /** Once it has written lines like this, however many: it writes beside answering. @param {RegExp} pattern global @param {number} count */
    logged: (pattern, count) => until(() => (log.match(pattern)?.length ?? 0) >= count, `${count} lines like ${pattern} of tinyproxy`),
    log: () => log,
    close: async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

module.exports = { startTinyproxy };
