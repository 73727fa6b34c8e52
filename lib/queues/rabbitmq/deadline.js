// Waiting that has an end.
'use strict';

const { setMaxListeners } = require('node:events');

/**
 * Waits for `work` to settle, but not beyond `deadline`. What it is rejected with is for others to see.
 * @param {AbortSignal} deadline
 * @param {Promise<unknown>} work
 * @returns {Promise<boolean>} has it settled?
 */
function settlesBefore(deadline, work) {
  return new Promise((resolve) => {
    const over = () => resolve(false);
    const settled = () => {
      deadline.removeEventListener('abort', over);
      resolve(true);
    };
    work.then(settled, settled);
    if (deadline.aborted) return over();
    setMaxListeners(0, deadline); // one deadline for all the parts of a shutdown is no leak
    deadline.addEventListener('abort', over, { once: true });
  });
}

module.exports = { settlesBefore };
