// Child processes of the benchmark: started, asked over IPC, and none left behind.
'use strict';

const { fork, spawn } = require('node:child_process');

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/** @type {Set<ChildProcess>} */
const running = new Set();

/**
 * @template {ChildProcess} C
 * @param {C} child
 */
function track(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function killAll() {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
function start(command, args, options) {
  return track(spawn(command, args, options));
}

/**
 * A Node child with an IPC channel. Resolves with what it sends first.
 *
 * @param {string} file
 * @param {{ args?: string[], env?: Record<string, string>, stderr?: 'inherit' | 'ignore' | number }} [options]
 */
async function startNode(file, { args = [], env = {}, stderr = 'inherit' } = {}) {
  const child = track(fork(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', stderr, 'ipc'] }));
  return { child, first: await nextMessage(child) };
}

/**
 * @param {ChildProcess} child
 * @returns {Promise<any>}
 */
function nextMessage(child, timeoutMs = 120_000) {
  return new Promise((resolve, reject) => {
    const done = (/** @type {(value: any) => void} */ settle, /** @type {unknown} */ value) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', onError);
      settle(value);
    };
    const onMessage = (/** @type {any} */ message) => (message?.error ? done(reject, new Error(message.error)) : done(resolve, message));
    const onExit = (/** @type {number | null} */ code, /** @type {string | null} */ signal) => done(reject, new Error(`${child.spawnfile} ${child.spawnargs.slice(1).join(' ')} ended early (${signal ?? code})`));
    const onError = (/** @type {Error} */ error) => done(reject, error);
    const timer = setTimeout(() => done(reject, new Error(`no answer from ${child.spawnargs.join(' ')} within ${timeoutMs} ms`)), timeoutMs);
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.on('error', onError);
  });
}

/**
 * @param {ChildProcess} child
 * @param {import('node:child_process').Serializable} message
 */
function ask(child, message) {
  const answer = nextMessage(child);
  child.send(message);
  return answer;
}

/**
 * Ends a child and waits; after five seconds without mercy.
 *
 * @param {ChildProcess} child
 * @returns {Promise<void>}
 */
function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

module.exports = { ask, start, startNode, stop };
