// Where log lines go: one JSON object a line, to the caller's logger or to stderr.
'use strict';

/** @typedef {{ info(fields: object, msg?: string): void, warn(fields: object, msg?: string): void, error(fields: object, msg?: string): void }} Logger */

/** @type {Logger | undefined} */
let standard;

/** A pino that writes to stderr without blocking; one for all services. */
function standardLogger() {
  if (!standard) {
    const pino = require('pino');
    standard = pino.pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: false }));
  }
  return standard;
}

/** Stands for `logger: false`.
 * @type {Logger} */
const SILENT = { info() {}, warn() {}, error() {} };

/**
 * @param {import('./options.js').Options} options
 * @returns {Logger}
 */
function readLogger(options) {
  const given = options.raw('logger');
  if (given === false) return SILENT;
  if (given === undefined) return standardLogger();
  for (const method of ['info', 'warn', 'error']) {
    if (typeof given?.[method] !== 'function') {
      options.wrong('logger', "an object with pino's methods info, warn and error, or false", given);
      return SILENT;
    }
  }
  return given;
}

/**
 * Where audit records go. A record is a line of its own that holds nothing else, so that whoever collects them needs no other shape;
 * a logger of the caller's gets it as fields, and writes what it writes.
 * @param {Logger} logger
 * @returns {(record: { status: 'SUCCESS' | 'FAILURE' }) => void}
 */
function auditTo(logger) {
  if (logger === standard) return (record) => void process.stderr.write(`${JSON.stringify(record)}\n`);
  return (record) => (record.status === 'SUCCESS' ? logger.info(record) : logger.error(record));
}

module.exports = { auditTo, readLogger, SILENT };
