// Routes as one plain (req, res, next) function: for Express and Connect, and for http.createServer as it is.
'use strict';

/** @typedef {{ status: number, body: object, headers?: Record<string, string> }} Answer */
/** @typedef {(req: import('node:http').IncomingMessage, answer: (answer: Answer) => void) => void} Route */
/** @typedef {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse, next?: (error?: unknown) => void) => void} Handler */
/** @typedef {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse, next: () => void) => void} Middleware */

/**
 * @param {import('node:http').ServerResponse} res
 * @param {Answer} answer
 */
function send(res, { status, body, headers }) {
  // The sender may be gone, or a time-out in front of us may have answered.
  if (res.headersSent || res.destroyed) return;
  const text = JSON.stringify(body);
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(text), ...headers });
  res.end(text);
}

/** Every service says that it is there. @type {Record<string, Route>} */
const HEALTH = { 'GET /health': (_req, answer) => answer({ status: 200, body: { status: 'ok' } }) };

/** Senders of webhooks ask whether a target is there before they trust it with events, and can hardly post one to find out. */
const THERE = { status: 200, body: {} };

/** @param {import('node:http').IncomingMessage} req */
function pathOf(req) {
  const url = req.url ?? '/';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/**
 * @param {Record<string, Route>} routes 'METHOD /path' → what answers it
 * @param {Middleware} [before] sees every request to one of the paths first, whatever its method
 * @returns {Handler}
 */
function createRouter(routes, before) {
  const table = new Map(Object.entries({ ...HEALTH, ...routes }));
  const paths = new Set([...table.keys()].map((key) => key.slice(key.indexOf(' ') + 1)));
  /** @type {Handler} */
  const dispatch = (req, res, next) => {
    const path = pathOf(req);
    const isHead = req.method === 'HEAD';
    const route = table.get(`${isHead ? 'GET' : req.method} ${path}`);
    if (route) return route(req, (answer) => send(res, answer));
    if (isHead && paths.has(path)) return send(res, THERE);
    if (next) return next();
    req.resume();
    if (!paths.has(path)) return send(res, { status: 404, body: { error: 'Not found' } });
    const allowed = [...table.keys()].filter((key) => key.endsWith(` ${path}`)).map((key) => key.slice(0, key.indexOf(' ')));
    send(res, { status: 405, body: { error: 'Method not allowed' }, headers: { Allow: allowed.join(', ') } });
  };
  if (!before) return dispatch;
  return (req, res, next) => (paths.has(pathOf(req)) ? before(req, res, () => dispatch(req, res, next)) : dispatch(req, res, next));
}

module.exports = { createRouter };
