// What TLS connections trust: what Node trusts, and the caller's own CA.
'use strict';

const fs = require('node:fs');

/**
 * The `tls` options in the form that the core takes.
 * @param {import('./options.js').Options} options
 * @param {{ ca?: any, cert?: any, key?: any, rejectUnauthorized?: boolean }} given
 * @param {boolean} needed false for a plain http platform: then no certificate is read
 * @param {import('./log.js').Logger} logger
 */
function readTls(options, given, needed, logger) {
  if (given === null || typeof given !== 'object') {
    options.wrong('tls', 'an object', given);
    return { trusted: '', verify: true };
  }
  const pem = (/** @type {string} */ name, /** @type {any} */ value) => {
    const list = Array.isArray(value) ? value : [value];
    if (list.every((one) => typeof one === 'string' || Buffer.isBuffer(one))) return list.join('\n');
    options.wrong(`tls.${name}`, 'PEM text or a Buffer of it', value);
    return '';
  };
  const verify = given.rejectUnauthorized ?? true;
  if (typeof verify !== 'boolean') options.wrong('tls.rejectUnauthorized', 'true or false', verify);
  if (!verify) logger.warn({}, 'tls.rejectUnauthorized is false: anybody on the way can read and change what is sent');
  return {
    trusted: needed && verify ? [nodeTrust(logger), pem('ca', given.ca ?? '')].join('\n') : '',
    verify: Boolean(verify),
    ...(given.cert === undefined ? {} : { cert: pem('cert', given.cert), key: pem('key', given.key ?? '') }),
  };
}

/**
 * What Node itself trusts, as PEM.
 * @param {import('./log.js').Logger} logger
 */
function nodeTrust(logger) {
  const tls = require('node:tls'); // here, because a cold start of AWS Lambda pays for every module
  // Newer Nodes tell what they trust, NODE_EXTRA_CA_CERTS and --use-system-ca included.
  const getCACertificates = /** @type {any} */ (tls).getCACertificates;
  if (getCACertificates) return getCACertificates('default').join('\n');
  const roots = tls.rootCertificates.join('\n');
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  if (!extra) return roots;
  try {
    return `${roots}\n${fs.readFileSync(extra, 'utf8')}`;
  } catch (error) {
    logger.warn({ file: extra }, `NODE_EXTRA_CA_CERTS cannot be read: ${/** @type {Error} */ (error).message}`);
    return roots;
  }
}

module.exports = { readTls, nodeTrust };
