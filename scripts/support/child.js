// Starts a long-running command, waits for the line that says that it is up, and stops it again. For the demo and the tests.
'use strict';

const path = require('node:path');
const { spawn } = require('node:child_process');

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 30_000;
const LOG_LIMIT = 1 << 20; // characters kept

/** Only what a program needs from here: the settings of the person who runs the demo must not leak into it. @param {Record<string, string | undefined>} env */
function cleanEnv(env) {
  const { PATH, HOME, TMPDIR, LD_PRELOAD, NODE_OPTIONS, ASAN_OPTIONS } = process.env;
  return { PATH, HOME, TMPDIR, LD_PRELOAD, NODE_OPTIONS, ASAN_OPTIONS, ...env };
}

/** A running Node script. */
class Command {
  #child;
  #stdout = '';
  #stderr = '';
  /** @type {Set<() => void>} */
  #watchers = new Set();
  /** What the pattern of its start line caught. */
  match = '';

  /** @param {string[]} args @param {Record<string, string | undefined>} env @param {string} [cwd] */
  constructor(args, env, cwd) {
    this.name = [path.basename(args[0], '.js'), ...args.slice(1)].join(' ');
    this.#child = spawn(process.execPath, args, { cwd, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.on('data', (chunk) => {
      this.#stdout = (this.#stdout + chunk).slice(-LOG_LIMIT);
      this.#notify();
    });
    this.#child.stderr.on('data', (chunk) => {
      this.#stderr = (this.#stderr + chunk).slice(-LOG_LIMIT);
      this.#notify();
    });
    /** @type {Promise<number | NodeJS.Signals>} its exit code, or the signal that ended it */
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (status, signal) => {
        resolve(signal ?? status ?? 1);
        this.#notify();
      });
    });
  }

  #notify() {
    for (const watch of this.#watchers) watch();
  }

  get stdout() {
    return this.#stdout;
  }

  get stderr() {
    return this.#stderr;
  }

  /** Everything that it said. */
  log() {
    return this.#stdout + this.#stderr;
  }

  /**
   * Waits for its output.
   * @template T
   * @param {() => T | undefined} look what to wait for; undefined: not yet
   * @param {string} what for the message
   * @returns {Promise<T>} rejects when it ends first or takes too long
   */
  waitFor(look, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(new Error(`${this.name}: expected ${what} within ${START_LIMIT_MS} ms, got\n${this.log()}`))), START_LIMIT_MS);
      const watch = () => {
        const found = look();
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#hasEnded()) settle(() => reject(new Error(`${this.name}: expected ${what}, it ended\n${this.log()}`)));
      };
      /** @param {() => void} how */
      const settle = (how) => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        how();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  #hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @param {RegExp} pattern with two groups @param {number} count @returns {Promise<Array<[string, string]>>} the first lines that fit */
  linesLike(pattern, count) {
    return this.waitFor(() => {
      const found = this.#stdout.split('\n').slice(0, -1).flatMap((line) => {
        const match = pattern.exec(line);
        return match === null ? [] : [/** @type {[string, string]} */ ([match[1], match[2]])];
      });
      return found.length >= count ? found : undefined;
    }, `${count} lines like ${pattern}`);
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    this.#child.kill(signal);
  }

  /** Asks it to end, and insists after a while. @returns {Promise<number | NodeJS.Signals>} */
  async stop() {
    if (!this.#hasEnded()) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    const status = await this.ended;
    clearTimeout(timer);
    return status;
  }
}

/**
 * @param {string[]} args script and arguments
 * @param {Record<string, string | undefined>} env
 * @param {RegExp} upPattern its first group is kept as `match`
 * @param {string} [cwd]
 * @returns {Promise<Command>} once it is up
 */
async function startCommand(args, env, upPattern, cwd) {
  const command = new Command(args, env, cwd);
  try {
    command.match = await command.waitFor(() => upPattern.exec(command.stdout)?.[1], String(upPattern));
    return command;
  } catch (error) {
    await command.stop();
    throw error;
  }
}

module.exports = { Command, startCommand };
