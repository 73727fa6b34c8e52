// Calls to a sandbox's Genesys Cloud with a token of its client, whose scopes may be fewer than it has.
'use strict';

const { send } = require('./send.js');

/**
 * @param {{ url: string, env: Record<string, string> }} sandbox
 * @param {string} [scope] default: all that the client has
 * @returns {Promise<(method: string, path: string, json?: unknown, headers?: Record<string, string>) => Promise<import('./send.js').Received>>}
 */
async function genesysCaller({ url, env }, scope) {
  const client = Buffer.from(`${env.GENESYS_CLIENT_ID}:${env.GENESYS_CLIENT_SECRET}`).toString('base64');
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }).toString();
  const { json: { access_token: token } } = await send(`${url}/oauth/token`, { headers: { authorization: `Basic ${client}` }, body });
  return (method, path, json, headers) => send(url + path, {
    method, headers: { authorization: `Bearer ${token}`, ...headers }, body: json === undefined ? undefined : JSON.stringify(json),
  });
}

module.exports = { genesysCaller };
