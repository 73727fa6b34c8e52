// Header look-up, whatever case the caller's object uses.
'use strict';

/**
 * @param {import('node:http').IncomingHttpHeaders | null | undefined} headers as Node gives them, or with names in any case
 * @param {string} name in lower case
 * @returns {string | undefined} a header that came several times is joined by ', ', as Node does it
 */
function headerValue(headers, name) {
  if (headers === null || typeof headers !== 'object') return undefined;
  let value = headers[name];
  if (value === undefined) {
    const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
    if (found === undefined) return undefined;
    value = headers[found];
  }
  return Array.isArray(value) ? value.join(', ') : value;
}

module.exports = { headerValue };
