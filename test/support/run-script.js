// A Node script in a process of its own: what it said, and how it ended.
'use strict';

const path = require('node:path');
const { spawn } = require('node:child_process');
const { PATIENCE_MS } = require('./until.js');

const ROOT = path.join(__dirname, '..', '..');

/** What every script finds: the package, and `service(options)` and `post(service, id)` for the given sandbox or platform. */
const PREAMBLE = `
  'use strict';
  const { createHmac } = require('node:crypto');
  const [dataDir, apiBaseUrl] = process.argv.slice(1);
  const FAST = { attempts: 4, baseMs: 1, factor: 1, maxMs: 1, jitter: 'none' };
  const service = (options) => require(${JSON.stringify(ROOT)}).cognigyEvents({
    secrets: 'secret', apiToken: 'token', dataDir, apiBaseUrl, retry: FAST, respondWithinMs: 60000, idempotency: { capacity: 256 }, logger: false, ...options });
  const post = (events, id) => {
    const body = JSON.stringify({ webhookEventId: id, intent: 'x', dialogId: id, sessionId: 's' });
    return events.handle(body, createHmac('sha256', 'secret').update(body).digest('hex'));
  };
  const say = (text) => require('node:fs').writeSync(1, text + '\\n');
`;

/**
 * @param {string} source
 * @param {string[]} args data directory and base URL of the platform
 * @param {(line: string) => void} [onLine] each line of its standard output
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, lines: string[], stderr: string }>}
 */
function runScript(source, args, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', PREAMBLE + source, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS); // shows as the signal that ended it
    let stdout = '';
    let stderr = '';
    let told = 0;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const lines = stdout.split('\n').slice(0, -1);
      for (; told < lines.length; told += 1) onLine?.(lines[told]);
    });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, lines: stdout.split('\n').slice(0, -1), stderr });
    });
  });
}

module.exports = { runScript, PREAMBLE };
