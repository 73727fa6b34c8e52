// What amqplib and the broker say, as TrunklineErrors.
'use strict';

const { TrunklineError } = require('../../errors.js');

/** @typedef {import('../../errors.js').ErrorCode} ErrorCode */
/** @typedef {{ code: ErrorCode, text: string, hint?: string }} Explanation */

const PLATFORM = 'RabbitMQ';

const ABSENT_HINT = 'Declare it at the broker, or leave that to declare: true.';

/** Reply codes of AMQP 0-9-1 (section 1.1, constants) that close a channel or a connection. @type {Record<number, Explanation>} */
const REPLIES = {
  403: { code: 'AUTHORIZATION_FAILED', text: 'this user may not do that', hint: 'Give the user configure, write and read permissions on these queues in this virtual host (rabbitmqctl set_permissions).' },
  404: { code: 'NOT_FOUND', text: 'the exchange or queue does not exist', hint: ABSENT_HINT },
  405: { code: 'CONFLICT', text: 'the queue belongs to another connection alone', hint: 'An exclusive queue of that name exists. Delete it, or set another prefix.' },
  406: {
    code: 'CONFLICT', text: 'the exchange or queue exists with other properties',
    hint: 'It was not declared by this release. Delete it, set another prefix or exchange, or publish to it as it is with declare: false.',
  },
};

/** @type {Record<string, string>} */
const TLS_HINTS = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'That port speaks no TLS. RabbitMQ has it on 5671, and none on 5672.',
  CERT_HAS_EXPIRED: "The broker's certificate has expired.",
  ERR_TLS_CERT_ALTNAME_INVALID: "The broker's certificate is for another host name.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "The broker's certificate is self-signed. Give it, or the authority that signed it, as tls.ca.",
  SELF_SIGNED_CERT_IN_CHAIN: 'The authority that signed the certificate is not trusted. Give its certificate as tls.ca.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The authority that signed the certificate is not trusted. Give its certificate as tls.ca.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The chain is incomplete, or its authority is not trusted. Give its certificate as tls.ca.',
};

/** @type {Record<string, Explanation>} */
const SYSTEM = {
  ENOTFOUND: { code: 'DNS_FAILED', text: 'the host name could not be resolved' },
  EAI_AGAIN: { code: 'DNS_FAILED', text: 'the host name could not be resolved' },
  ECONNREFUSED: { code: 'CONNECTION_FAILED', text: 'the connection was refused' },
  ETIMEDOUT: { code: 'TIMEOUT', text: 'no connection was made in time' },
};

/** @param {any} error @returns {Explanation} */
function explanationOf(error) {
  const { code, message = '' } = error ?? {};
  if (/acknowledgement.* timed out/.test(message)) {
    return { code: 'TIMEOUT', text: 'a handler took longer than the broker waits for an acknowledgement', hint: "The message comes again. Make handlers shorter, or raise the broker's consumer_timeout (30 minutes by default)." };
  }
  if (typeof code === 'number' && Object.hasOwn(REPLIES, code)) {
    const { text, ...rest } = REPLIES[code];
    const reply = /with message "(.*)"$/s.exec(message)?.[1];
    return { ...rest, text: reply === undefined ? text : `${text} (${reply})` };
  }
  if (typeof code === 'string' && Object.hasOwn(SYSTEM, code)) return SYSTEM[code];
  if (typeof code === 'string' && /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)) {
    return { code: 'TLS_FAILED', text: `the TLS connection was refused (${code})`, hint: TLS_HINTS[code] };
  }
  // The handshake's errors have no code of their own.
  if (/ETIMEDOUT/.test(message)) return SYSTEM.ETIMEDOUT;
  if (/ACCESS.REFUSED/.test(message)) return { code: 'AUTHENTICATION_FAILED', text: 'the broker refused user name and password', hint: 'Check both in the URL. The user guest may connect over loopback only.' };
  if (/ConnectionOpenOk/.test(message)) {
    return { code: 'AUTHORIZATION_FAILED', text: 'the broker refused the virtual host', hint: 'Check that it exists, and that this user has permissions in it (rabbitmqctl list_permissions).' };
  }
  return { code: 'CONNECTION_FAILED', text: `the connection was lost${message === '' ? '' : ` (${message})`}` };
}

/**
 * @param {unknown} error
 * @param {string} doing what could not be done
 */
function explain(error, doing) {
  if (error instanceof TrunklineError) return error;
  const { code, text, hint } = explanationOf(error);
  return new TrunklineError(code, `${doing}: ${text}`, { platform: PLATFORM, hint, cause: error });
}

/**
 * @param {ErrorCode} code
 * @param {string} message
 * @param {string} [hint]
 */
const failure = (code, message, hint) => new TrunklineError(code, message, { platform: PLATFORM, hint });

module.exports = { explain, failure, ABSENT_HINT };
