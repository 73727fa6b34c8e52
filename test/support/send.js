// HTTP from the sender's side: one request, with every header and chunk in the test's hand.
'use strict';

const http = require('node:http');

/**
 * @typedef {{ status: number, headers: http.IncomingHttpHeaders, text: string, json: any }} Received
 * @param {string} url
 * @param {{ method?: string, headers?: http.OutgoingHttpHeaders, body?: string | Buffer, chunks?: Array<string | Buffer>, agent?: http.Agent }} [o]
 *   `chunks` are sent chunked, without a Content-Length
 * @returns {Promise<Received>}
 */
function send(url, { method = 'POST', headers = {}, body, chunks, agent } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent: agent ?? false }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk) => { text += chunk; });
      res.on('error', reject);
      res.on('end', () => {
        const isJson = text !== '' && /json/.test(res.headers['content-type'] ?? '');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: isJson ? JSON.parse(text) : undefined });
      });
    });
    req.on('error', reject);
    for (const chunk of chunks ?? []) req.write(chunk);
    req.end(body);
  });
}

module.exports = { send };
