// The load: wrk sends a file of signed requests, each once, 64 in flight over kept-alive connections.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { start } = require('../lib/children');

const IN_FLIGHT = 64;
const LIMIT_SECONDS = 120;

/**
 * Writes the requests of one round as load.lua reads them.
 *
 * @param {string} file
 * @param {import('../lib/types').SignedEvent[]} events
 */
function writeRequests(file, events) {
  const parts = [];
  for (const { body, signature } of events) {
    const head = `POST /webhook/cognigy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Cognigy-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`;
    parts.push(Buffer.from(String(head.length + body.length).padStart(10, '0') + head), body);
  }
  fs.writeFileSync(file, Buffer.concat(parts));
}

/** @typedef {{ answered: number, bad: number, firstBad: string, socketErrors: number, p50Us: number, p99Us: number }} Summary */

/**
 * Sends them.
 *
 * @param {number} port
 * @param {string} requestsFile
 * @returns {Promise<Summary & { seconds: number }>}
 */
function send(port, requestsFile) {
  const args = ['-t1', `-c${IN_FLIGHT}`, `-d${LIMIT_SECONDS}s`, '--timeout', '30s', '-s', path.join(__dirname, 'load.lua'), `http://127.0.0.1:${port}/webhook/cognigy`];
  const wrk = start('wrk', args, { env: { ...process.env, BENCH_REQUESTS: requestsFile }, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let firstAt = 0n;
    let lastAt = 0n;
    /** @type {Summary | undefined} */
    let summary;
    let complaint = '';
    wrk.stderr?.setEncoding('utf8').on('data', (text) => { complaint += text; });
    readline.createInterface({ input: /** @type {import('node:stream').Readable} */ (wrk.stdout) }).on('line', (line) => {
      if (line === 'first') firstAt = process.hrtime.bigint();
      if (line === 'last') {
        lastAt = process.hrtime.bigint();
        wrk.kill('SIGINT');  // its main thread would sleep on until the limit
      }
      if (line.startsWith('{')) summary = JSON.parse(line);
    });
    wrk.once('error', reject);
    wrk.once('close', (code) => {
      if (!summary || lastAt === 0n) reject(new Error(`wrk did not finish (${code}): ${complaint || JSON.stringify(summary) || 'no summary'}`));
      else resolve({ ...summary, seconds: Number(lastAt - firstAt) / 1e9 });
    });
  });
}

module.exports = { send, writeRequests };
