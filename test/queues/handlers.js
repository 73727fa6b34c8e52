// Handlers for tests of queues: one that collects, and one that holds what it was given.
'use strict';

const { Changes } = require('../support/changes.js');

/** @typedef {import('../..').QueueMessage} QueueMessage */

/** @param {import('../..').QueueHandler} [work] what it does with each message, beside keeping it */
function collector(work = () => {}) {
  /** @type {QueueMessage[]} */
  const seen = [];
  const changes = new Changes();
  return {
    /** @type {import('../..').QueueHandler} */
    handler: (message, o) => {
      seen.push(message);
      changes.tell();
      return work(message, o);
    },
    all: () => seen,
    /**
     * @param {number} count
     * @param {number} [limitMs]
     * @returns {Promise<QueueMessage[]>} all, once there are as many
     */
    messages: (count, limitMs) => changes.until(() => (seen.length >= count ? seen : undefined), `${count} messages`, limitMs),
    /** @param {string[]} ids @returns {Promise<unknown>} once each of them has come */
    has: (ids) => changes.until(() => ids.every((id) => seen.some(({ eventId }) => eventId === id)), `each of ${ids}`),
  };
}

/** Holds each message until it is released. */
function gate() {
  /** @type {string[]} */
  const seen = [];
  /** @type {Array<() => void>} */
  const held = [];
  const changes = new Changes();
  let most = 0;
  return {
    /** @type {import('../..').QueueHandler} */
    handler: ({ eventId }) => {
      seen.push(eventId);
      return new Promise((resolve) => {
        held.push(() => resolve(undefined));
        most = Math.max(most, held.length);
        changes.tell();
      });
    },
    /** @param {number} count of handlers that run */
    running: (count) => changes.until(() => held.length >= count, `${count} handlers to run`),
    /** The oldest one ends. */
    release: () => held.shift()?.(),
    /** How many ran at a time at most. */
    most: () => most,
    seen: () => seen,
  };
}

module.exports = { collector, gate };
