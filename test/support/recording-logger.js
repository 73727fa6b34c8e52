// A logger that keeps its lines, and tells of those that are still to come.
'use strict';

const { PATIENCE_MS } = require('./until.js');

/** @typedef {{ level: 'info' | 'warn' | 'error', fields: any, msg: string }} Line */

class RecordingLogger {
  /** @type {Line[]} */
  lines = [];
  /** @type {Set<() => void>} */
  #watchers = new Set();

  /** @param {object} fields @param {string} [msg] */
  info(fields, msg) { this.#add('info', fields, msg); }
  /** @param {object} fields @param {string} [msg] */
  warn(fields, msg) { this.#add('warn', fields, msg); }
  /** @param {object} fields @param {string} [msg] */
  error(fields, msg) { this.#add('error', fields, msg); }

  /** @param {Line['level']} level @param {object} fields @param {string} [msg] */
  #add(level, fields, msg = '') {
    this.lines.push({ level, fields, msg });
    for (const watch of this.#watchers) watch();
  }

  /**
   * @param {RegExp} pattern of the text
   * @param {number} [count]
   * @returns {Promise<Line[]>} the lines that fit, once there are as many
   */
  waitFor(pattern, count = 1) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(watch);
        reject(new Error(`expected ${count} log lines like ${pattern}, got ${JSON.stringify(this.lines.map(({ msg }) => msg))}`));
      }, PATIENCE_MS);
      const watch = () => {
        const found = this.lines.filter(({ msg }) => pattern.test(msg));
        if (found.length < count) return;
        clearTimeout(timer);
        this.#watchers.delete(watch);
        resolve(found);
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  /** The line of an event's end. @param {string} eventId @returns {Promise<Line>} */
  async latencyOf(eventId) {
    return (await this.waitFor(new RegExp(`^\\[LATENCY\\] Event: ${eventId} \\|`)))[0];
  }

  /** Everything that was logged, as one text; errors and their causes included. */
  text() {
    return JSON.stringify(this.lines, (_key, value) => (value instanceof Error ? { ...value, text: String(value), stack: value.stack, cause: value.cause } : value));
  }
}

module.exports = { RecordingLogger };
