// How commands read values: from flags, else from the environment, with one wording for what is wrong.
'use strict';

const { InvalidArgumentError } = require('commander');
const { Failure } = require('./failure.js');

/** @param {string} text @returns {number | undefined} */
function readPort(text) {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  return port <= 65535 ? port : undefined;
}

/** For commander. @param {string} text @returns {number} */
function parsePort(text) {
  const port = readPort(text);
  if (port === undefined) throw new InvalidArgumentError('expected a whole number from 0 to 65535');
  return port;
}

/** The environment variable PORT, where the flag is absent. @param {number} fallback @returns {number} */
function portFromEnv(fallback) {
  const text = process.env.PORT;
  if (text === undefined || text === '') return fallback;
  const port = readPort(text);
  if (port === undefined) throw new Failure(`PORT: expected a whole number from 0 to 65535, got ${text.slice(0, 40)}`, 2);
  return port;
}

/** Reads the .env of the working directory; what is set already stays. */
function loadDotenv() {
  require('dotenv').config({ quiet: true });
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. @returns {Promise<NodeJS.Signals>} */
function stopSignal() {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}

module.exports = { parsePort, portFromEnv, loadDotenv, stopSignal };
