// Entries that wait for their next try in plain JavaScript, in a process of its own: node wait-child.js promise|timeout COUNT. Sends its measurement over IPC.
'use strict';

const { collect } = require('../lib/gc');

const WAIT_MS = 200;

/** @typedef {(number: number, fired: () => void) => void} Schedule */

/** @type {Record<string, Schedule>} */
const SCHEDULES = {
  timeout: (_number, fired) => { setTimeout(fired, WAIT_MS); },
  // The seeds' way: an async function that waits for a promise of setTimeout, then calls itself with the next try.
  promise: (number, fired) => {
    const event = { eventId: `evt_${number}`, intent: 'order_management', dialogId: `dlg_${number}`, sessionId: `sess_${number}` };
    routeWithRetry(event, fired);
  },
};

/**
 * @param {object} event
 * @param {() => void} fired
 * @param {number} [tries]
 */
async function routeWithRetry(event, fired, tries = 0) {
  try {
    if (tries > 0) return fired();
    throw Object.assign(new Error('Request failed with status code 503'), { response: { status: 503 } });
  } catch (/** @type {any} */ error) {
    if (error.response?.status >= 500) {
      await new Promise((resolve) => { setTimeout(resolve, WAIT_MS); });
      return routeWithRetry(event, fired, tries + 1);
    }
    throw error;
  }
}

/**
 * All are due before the event loop gets its turn: as after an outage, and as `bench/retry/waiting.cc` has it.
 * @param {Schedule} schedule
 * @param {number} count
 */
function measure(schedule, count) {
  return new Promise((resolve) => {
    let left = count;
    let firstAt = 0;
    let lastAt = 0;
    const fired = () => {
      if (left === count) firstAt = performance.now();
      left -= 1;
      if (left === 0) lastAt = performance.now();
    };
    collect();
    const before = process.memoryUsage.rss();
    const from = performance.now();
    for (let number = 0; number < count; number += 1) schedule(number, fired);
    const scheduledAt = performance.now();
    collect();
    const bytes = (process.memoryUsage.rss() - before) / count;
    while (performance.now() < scheduledAt + WAIT_MS + 10); // until the last one is due
    // The longest time that the loop did nothing else, told by what runs in each of its turns.
    let turnAt = performance.now();
    let stallMs = 0;
    const turn = () => {
      const now = performance.now();
      stallMs = Math.max(stallMs, now - turnAt);
      turnAt = now;
      if (left > 0) return setImmediate(turn);
      return resolve({ bytes, scheduleNs: ((scheduledAt - from) * 1e6) / count, fireNs: ((lastAt - firstAt) * 1e6) / count, stallMs });
    };
    setImmediate(turn);
  });
}

measure(SCHEDULES[process.argv[2]], Number(process.argv[3])).then((measured) => process.send?.(measured));
