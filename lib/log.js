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

/**
 * For AWS Lambda: every line is out when its call returns, because what a frozen environment keeps for later comes late or never.
 * @param {number} level pino's number
 */
const writeLine = (level) => (/** @type {object} */ fields, /** @type {string} */ msg = '') => {
  process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg })}\n`);
};

/** @type {Logger} */
const LINES = { info: writeLine(30), warn: writeLine(40), error: writeLine(50) };

/** Stands for `logger: false`.
 * @type {Logger} */
const SILENT = { info() {}, warn() {}, error() {} };

/**
 * @param {import('./options.js').Options} options
 * @param {() => Logger} [fallback]
 * @returns {Logger}
 */
function readLogger(options, fallback = standardLogger) {
  const given = options.raw('logger');
  if (given === false) return SILENT;
  if (given === undefined) return fallback();
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

module.exports = { auditTo, readLogger, SILENT, LINES };
