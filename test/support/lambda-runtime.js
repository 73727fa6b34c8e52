// A runtime for AWS Lambda, as small as can be: asks the Runtime API for events, and gives them to the handler that _HANDLER names.
'use strict';

const http = require('node:http');
const path = require('node:path');

const { AWS_LAMBDA_RUNTIME_API: api = '', _HANDLER: named = '', LAMBDA_TASK_ROOT: root = '' } = process.env;
const [file, name] = named.split('.');
const handler = require(path.join(root, file))[name];
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/**
 * @param {string} method @param {string} what @param {unknown} [body]
 * @returns {Promise<{ headers: http.IncomingHttpHeaders, json: any }>}
 */
function call(method, what, body) {
  return new Promise((resolve, reject) => {
    const req = http.request(`http://${api}/2018-06-01/runtime/invocation/${what}`, { method, agent }, (res) => {
      let text = '';
      res.on('data', (chunk) => { text += chunk; });
      res.on('end', () => resolve({ headers: res.headers, json: JSON.parse(text) }));
    });
    req.on('error', reject);
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function main() {
  for (;;) {
    const { headers, json: event } = await call('GET', 'next');
    const id = headers['lambda-runtime-aws-request-id'];
    const context = { getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now() };
    const [kind, body] = await handler(event, context).then(
      (/** @type {unknown} */ result) => ['response', result],
      (/** @type {Error} */ error) => ['error', { errorType: error.name, errorMessage: error.message, stackTrace: [] }],
    );
    await call('POST', `${id}/${kind}`, body);
  }
}

main();
