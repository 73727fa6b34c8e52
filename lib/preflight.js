// preflight: is an https target fit to be called? The work is done on the engine.
'use strict';

const native = require('./native.js');
const { settled, valueOf } = require('./settlements.js');
const { Options, refuse } = require('./options.js');
const { nodeTrust } = require('./trust.js');
const { SILENT } = require('./log.js');

const EXPECTED = 'an absolute https URL without credentials, such as https://hooks.example.com/in';

/**
 * The origin as the URL standard reads it, which takes a host in any writing; path and query as they were written.
 * @param {unknown} given
 */
function readUrl(given) {
  const text = typeof given === 'string' ? given : '';
  const [, target] = /^https:\/\/[^/?#\\]+([^#]*)/i.exec(text) ?? [];
  if (target === undefined || !URL.canParse(text)) throw refuse('url', EXPECTED, given);
  const url = new URL(text);
  if (url.username || url.password) throw refuse('url', EXPECTED, given);
  return { origin: url.origin, target: target.startsWith('/') ? target : `/${target}` };
}

/**
 * @param {string} url
 * @param {import('..').PreflightOptions} [given]
 * @returns {Promise<import('..').PreflightReport>} whenever there is a verdict, good or bad
 */
async function preflight(url, given = {}) {
  const { origin, target } = readUrl(url);
  const options = new Options(given, {});
  const settings = {
    origin,
    target,
    timeoutMs: options.integer('timeoutMs', { min: 1, max: 600_000, fallback: 5000 }),
    allowPrivate: options.flag('allowPrivate'),
    trusted: [nodeTrust(SILENT), options.text('ca', { fallback: '' })].join('\n'),
  };
  options.finish();
  return settled((slot) => native.preflight(slot, settings), valueOf);
}

module.exports = { preflight, readUrl };
