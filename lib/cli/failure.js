// How a command ends that could not do its work: a text for a person and an exit code.
'use strict';

class Failure extends Error {
  /** @param {string} message may have several lines @param {number} [exitCode] 1: it went wrong; 2: it was called wrongly */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

module.exports = { Failure };
