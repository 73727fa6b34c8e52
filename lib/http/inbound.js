// Who may call a service's routes: whoever shows the bearer token or signs the body; with neither configured, only this machine itself.
'use strict';

const { SignatureVerifier } = require('../signature-verifier.js');
const { hasBearer } = require('./bearer.js');
const { isLoopback } = require('./loopback.js');

/** @typedef {import('./router.js').Answer} Answer */
/** @typedef {(req: import('node:http').IncomingMessage, body: Buffer) => string | undefined} Doorman why a caller is not let in; undefined: he is */

/**
 * @param {import('../options.js').Options} options whose `inboundToken`, `inboundSecrets` and `allowUnauthenticated` are read
 * @returns {{ doorman: Doorman, token: string | undefined, open: boolean }} `open`: nothing is asked of a caller, so that only loopback is served
 */
function readInbound(options) {
  const token = options.token('inboundToken', { env: 'TRUNKLINE_INBOUND_TOKEN' });
  const secrets = options.secrets('inboundSecrets', { env: 'TRUNKLINE_INBOUND_SECRET', fallback: [] });
  const anybody = options.flag('allowUnauthenticated');
  const verifier = secrets.length > 0 ? new SignatureVerifier({ secrets }) : undefined;
  const open = token === undefined && verifier === undefined;
  /** @type {Doorman} */
  const doorman = (req, body) => {
    if (open) {
      if (anybody || (isLoopback(req.socket.localAddress) && isLoopback(req.socket.remoteAddress))) return undefined;
      return 'Only this machine may call: neither TRUNKLINE_INBOUND_TOKEN nor TRUNKLINE_INBOUND_SECRET is configured';
    }
    if (token !== undefined && hasBearer(req, token)) return undefined;
    if (verifier?.verify(body, req.headers).valid) return undefined;
    return 'A valid bearer token or signature is required';
  };
  return { doorman, token, open };
}

module.exports = { readInbound };
