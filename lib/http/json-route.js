// A route that takes a JSON object from somebody who may call.
'use strict';

const { TrunklineError } = require('../errors.js');
const { readRawBody } = require('./raw-body.js');

/** @typedef {import('./router.js').Answer} Answer */
/** @typedef {import('node:http').IncomingMessage} Incoming */

const MAX_BODY_BYTES = 1024 * 1024;

/**
 * @param {object} o
 * @param {(req: Incoming, body: Buffer) => string | Answer | undefined} o.doorman why a caller is not let in, answered with 401, or the whole answer
 * @param {import('../log.js').Logger} o.logger of what is our own mistake or the mounting's
 * @param {(error: string) => object} [o.errorBody] the body that tells an error
 * @param {string} [o.malformed] what is said of a body that is no JSON object
 * @param {(body: Record<string, any>, req: Incoming) => Promise<Answer>} work what it throws is answered with 500
 * @returns {import('./router.js').Route}
 */
function jsonRoute({ doorman, logger, errorBody = (error) => ({ error }), malformed = 'Malformed payload: not a JSON object' }, work) {
  return (req, answer) => {
    /** @param {number} status @param {string} error @param {Record<string, string>} [headers] */
    const refuse = (status, error, headers) => answer({ status, body: errorBody(error), headers });
    /** @param {unknown} error */
    const fail = (error) => {
      const told = error instanceof TrunklineError ? error.summary : 'Internal error';
      logger.error({ err: error }, told);
      refuse(500, told);
    };
    readRawBody(req, MAX_BODY_BYTES, (error, body) => {
      if (error) return fail(error);
      if (!body) return refuse(413, `Body exceeds ${MAX_BODY_BYTES} bytes`);
      const closedTo = doorman(req, body);
      if (typeof closedTo === 'string') return refuse(401, closedTo, { 'WWW-Authenticate': 'Bearer' });
      if (closedTo !== undefined) return answer(closedTo);
      const parsed = parseObject(body);
      if (!parsed) return refuse(400, malformed);
      work(parsed, req).then(answer, fail);
    });
  };
}

/** @param {Buffer} body @returns {Record<string, any> | undefined} */
function parseObject(body) {
  try {
    const value = JSON.parse(body.toString());
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { jsonRoute };
