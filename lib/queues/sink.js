// Queues elsewhere: what is asked of them, and how their answers get back to the core.
'use strict';

const { failureOf } = require('./failure.js');

/** @typedef {import('../..').QueueSink} QueueSink */
/** @typedef {import('../errors.js').TrunklineError} TrunklineError */

const HINT = 'This is what publish() of the queue failed with. Replay the event when the queue takes messages again.';

/**
 * @param {import('../options.js').Options} options
 * @returns {QueueSink | undefined} undefined: the embedded queues
 */
function readQueue(options) {
  const queue = options.raw('queue');
  if (queue === undefined || typeof queue?.publish === 'function') return queue;
  options.wrong('queue', 'an object with a function publish', queue);
  return undefined;
}

/**
 * What the core calls for each message.
 * @param {QueueSink} queue
 * @param {(id: number, error?: TrunklineError) => void} published takes the result to the core
 * @returns {(id: number, queueName: string, eventId: string, intent: string, idempotencyKey: string, payload: Buffer) => void}
 */
function publishTo(queue, published) {
  return (id, queueName, eventId, intent, idempotencyKey, payload) => {
    new Promise((resolve) => {
      resolve(queue.publish({ queue: queueName, eventId, intent, idempotencyKey, payload }));
    }).then(
      () => published(id),
      (error) => published(id, failureOf(`the queue ${queueName} did not take the event`, error, HINT)),
    );
  };
}

module.exports = { readQueue, publishTo };
