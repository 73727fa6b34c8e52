// wrk sends the same POST over as many connections as fast as it can: what the work costs in C without a client around it.
'use strict';

const path = require('node:path');
const { start } = require('../lib/children');

const LIMIT_SECONDS = 10;

/**
 * @param {string} url
 * @param {{ connections: number, seconds: number, token: string, body: string, rampMs?: number }} options `rampMs`: over which they begin; `seconds` is whole without
 * @returns {Promise<import('../lib/types').Measurement>}
 */
function runWrk(url, { connections, seconds, token, body, rampMs = 0 }) {
  const env = { ...process.env, BENCH_BODY: body, BENCH_TOKEN: token, BENCH_RAMP_MS: String(rampMs), BENCH_CONNECTIONS: String(connections) };
  const limit = rampMs > 0 ? Math.ceil(seconds) + LIMIT_SECONDS : seconds;
  const args = ['-t1', `-c${connections}`, `-d${limit}s`, '-s', path.join(__dirname, 'wrk.lua'), url];
  const wrk = start('wrk', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let text = '';
    wrk.stdout?.setEncoding('utf8').on('data', (chunk) => {
      if (chunk.includes('begun')) setTimeout(() => wrk.kill('SIGINT'), seconds * 1000);
      text += chunk;
    });
    wrk.once('error', reject);
    wrk.once('close', () => {
      const line = /^\{.*\}$/m.exec(text)?.[0];
      if (!line) return reject(new Error(`wrk did not finish: ${text}`));
      const summary = JSON.parse(line);
      if (summary.errors > 0) return reject(new Error(`wrk: round not valid: ${line}`));
      return resolve({
        cpuUs: (summary.cpuSeconds * 1e6) / summary.requests,
        jsUs: NaN,
        jsCpuUs: NaN,
        jsWaitedPercent: NaN,
        perSecond: summary.requests / summary.seconds,
        p50Ms: summary.p50Us / 1000,
        p99Ms: summary.p99Us / 1000,
        loopDelayMs: NaN,
      });
    });
  });
}

module.exports = { runWrk };
