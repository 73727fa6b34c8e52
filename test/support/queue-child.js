// A process with a queue in it, to be killed.
'use strict';

const path = require('node:path');
const { spawn } = require('node:child_process');
const { Changes } = require('./changes.js');
const { within } = require('./until.js');

const ROOT = path.join(__dirname, '..', '..');

/**
 * @param {string} source of the queue: an expression, with `trunkline` in scope
 * @param {string} body with `queue`, `message(queue, eventId)` and `say(line)` in scope
 */
function runQueueChild(source, body) {
  const script = `
    'use strict';
    const trunkline = require(${JSON.stringify(ROOT)});
    const say = (text) => require('node:fs').writeSync(1, text + '\\n');
    const message = (queue, eventId) => ({ queue, eventId, intent: 'x', idempotencyKey: eventId, payload: Buffer.from('{}') });
    const queue = ${source};
    (async () => { ${body} })().catch((error) => { console.error(error); process.exit(1); });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const changes = new Changes();
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    changes.tell();
  });
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  const closed = new Promise((resolve) => child.once('close', resolve)).then(() => changes.tell());
  const lines = () => stdout.split('\n').slice(0, -1);
  return {
    /** Until it has said so many lines. @param {number} count */
    line: (count) => changes.until(() => {
      if (child.exitCode !== null) throw new Error(`the child ended with ${child.exitCode}:\n${stderr}`);
      return lines().length >= count;
    }, `${count} lines of the child`),
    ended: () => within(closed, 'the child to end'),
    /** @returns {Promise<string[]>} what it said */
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
      return lines();
    },
  };
}

module.exports = { runQueueChild };
