// A worker thread with a service of its own, which ends as `workerData.end` says. With `workerData.sink` its queue takes no message, and it says 'handed' for each.
'use strict';

const { createHmac } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
const { cognigyEvents } = require('../../lib/index.js');

const { dataDir, apiBaseUrl, end, count, sink } = workerData;

const retryLater = { attempts: 4, baseMs: 3_600_000, factor: 1, maxMs: 3_600_000, jitter: /** @type {const} */ ('none') };
const events = cognigyEvents({ secrets: 'secret', apiToken: 'token', dataDir, apiBaseUrl, idempotency: { capacity: 256 }, retry: retryLater, respondWithinMs: 60_000, logger: false, ...(sink && { queue: { publish } }) });

/** Answers with whatever comes of it: nothing at all, a rejection, an exception. @param {import('../..').PublishedMessage} message */
function publish({ eventId }) {
  parentPort?.postMessage('handed');
  const number = Number(eventId.slice(4));
  if (number % 3 === 0) throw new Error('not taken');
  return number % 3 === 1 ? Promise.reject(new Error('not taken')) : new Promise(() => {});
}

/** @param {number} number */
function post(number) {
  const body = JSON.stringify({ webhookEventId: `evt_${number}`, intent: 'x', dialogId: `d${number}`, sessionId: 's' });
  return events.handle(body, createHmac('sha256', 'secret').update(body).digest('hex'));
}

async function main() {
  await events.ready();
  const answers = Promise.all(Array.from({ length: count }, (_, number) => post(number)));
  if (end === 'close' || end === 'idle') {
    for (const { body } of await answers) parentPort?.postMessage(/** @type {any} */ (body).status);
    if (end === 'close') await events.close();
    return;
  }
  // A listener keeps the worker; the parent lets it go on once the platform has the requests.
  parentPort?.once('message', () => {
    if (end === 'exit') process.exit(5);
    if (end === 'throw') throw new Error('from the worker');
    if (end === 'close-and-exit') events.close().then(() => process.exit(5));
  });
}

main();
