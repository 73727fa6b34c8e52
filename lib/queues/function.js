// A function as a queue: for whatever has a client of its own.
'use strict';

const { refuse } = require('../options.js');

/**
 * @param {(message: import('../..').PublishedMessage) => unknown} publish resolves, or returns, once the message is in safe keeping
 * @returns {import('../..').FunctionQueue}
 */
function functionQueue(publish) {
  if (typeof publish !== 'function') throw refuse('publish', 'a function', publish);
  return {
    publish: async (message) => publish(message),
    close: async () => {},
  };
}

module.exports = { functionQueue };
