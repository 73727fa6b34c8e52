// A simulated API gateway: it is told of registered targets, and keeps what it was told.
'use strict';

const { Refusal, parseObject } = require('./answer.js');

const PATH = '/gateway/callback';
const MAX_EVENTS = 1000;

/** @returns {import('./platforms.js').Platform} */
function createGateway() {
  /** @type {object[]} */
  let events = [];
  return {
    name: 'gateway',
    env: (url) => ({ GATEWAY_CALLBACK_URL: url + PATH }),
    reset: () => { events = []; },
    routes: [
      {
        method: 'POST',
        path: PATH,
        idempotent: true,
        handle: ({ body }) => {
          const event = parseObject(body);
          if (event.event !== 'connector.registered') throw new Refusal(400, 'event: expected connector.registered');
          events = [...events.slice(1 - MAX_EVENTS), event];
          return { status: 200, body: { received: true } };
        },
      },
      { method: 'GET', path: PATH, handle: () => ({ status: 200, body: { events } }) },
    ],
  };
}

module.exports = { createGateway };
