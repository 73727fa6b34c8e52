// Simulated platforms of the benchmark: each answers at once, or after the time that a real one takes, with the same answer always.
'use strict';

const path = require('node:path');
const { ask, startNode, stop } = require('./children');

/** @param {import('./types').PlatformSettings} settings */
async function startPlatform({ answers = {}, answerMs = 0, expiresIn = 86_400, scope = '' }) {
  const env = { BENCH_SETTINGS: JSON.stringify({ answers, answerMs, expiresIn, scope }) };
  const { child, first } = await startNode(path.join(__dirname, 'platform-child.js'), { env });
  return {
    url: `http://127.0.0.1:${first.port}`,
    /** How many tokens it gave, and how many other calls it answered, since the last time. @returns {Promise<{ tokens: number, calls: number }>} */
    counts: () => ask(child, 'counts'),
    close: () => stop(child),
  };
}

module.exports = { startPlatform };
