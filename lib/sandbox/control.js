// The sandbox's own HTTP interface under /__sandbox: faults, the request log, deliveries, reset.
'use strict';

const { Refusal, parseObject } = require('./answer.js');

const PREFIX = '/__sandbox/';

/**
 * @typedef {object} Controlled
 * @property {import('./faults.js').Faults} faults
 * @property {import('./entry-log.js').EntryLog<import('./entry-log.js').LoggedRequest>} requests
 * @property {import('./deliveries.js').Deliveries} deliveries
 * @property {import('./logins.js').Logins} logins
 * @property {() => void} reset
 *
 * @typedef {(sandbox: Controlled, body: Buffer) => import('./answer.js').Answer} Control
 */

/** @type {Record<string, Record<string, Control>>} */
const CONTROLS = {
  faults: {
    GET: ({ faults }) => ({ status: 200, body: { faults: faults.list() } }),
    POST: ({ faults }, body) => ({ status: 201, body: faults.add(parseObject(body)) }),
    DELETE: ({ faults }) => {
      faults.clear();
      return { status: 204 };
    },
  },
  requests: {
    GET: ({ requests }) => ({ status: 200, body: { total: requests.total, requests: requests.list() } }),
    DELETE: ({ requests }) => {
      requests.clear();
      return { status: 204 };
    },
  },
  deliveries: {
    GET: ({ deliveries }) => {
      const { total, pending, dropped } = deliveries;
      return { status: 200, body: { total, pending, dropped, deliveries: deliveries.list() } };
    },
    DELETE: ({ deliveries }) => {
      deliveries.clear();
      return { status: 204 };
    },
  },
  tokens: {
    DELETE: ({ logins }) => {
      logins.revoke();
      return { status: 204 };
    },
  },
  reset: {
    POST: ({ reset }) => {
      reset();
      return { status: 204 };
    },
  },
};

/**
 * @param {Controlled} sandbox @param {string} method @param {string} path @param {Buffer} body
 * @returns {import('./answer.js').Answer}
 */
function control(sandbox, method, path, body) {
  const [name, id, ...more] = path.slice(PREFIX.length).split('/');
  if (!Object.hasOwn(CONTROLS, name) || more.length > 0) throw new Refusal(404, `expected ${PREFIX}{${Object.keys(CONTROLS).join('|')}}, got ${path.slice(0, 200)}`);
  if (id !== undefined) {
    if (name !== 'faults' || method !== 'DELETE') throw new Refusal(404, `expected DELETE ${PREFIX}faults/{id}, got ${method} ${path.slice(0, 200)}`);
    if (!sandbox.faults.remove(id)) throw new Refusal(404, `there is no fault ${id.slice(0, 80)}`);
    return { status: 204 };
  }
  const controls = CONTROLS[name];
  if (!Object.hasOwn(controls, method)) {
    throw new Refusal(405, `${PREFIX}${name}: expected ${Object.keys(controls).join(' or ')}, got ${method}`, { allow: Object.keys(controls).join(', ') });
  }
  return controls[method](sandbox, body);
}

module.exports = { PREFIX, control };
