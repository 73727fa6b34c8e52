// The simulated token endpoints, at every path where a platform's tokens are fetched. Which platform's they are is the client's to say.
'use strict';

/** Genesys Cloud and CXone as the seeds have them; Cognigy as seed T4 has it, and as it is; CXone as it is. */
const PATHS = ['/oauth/token', '/api/v1/auth/token', '/auth/oauth2/token', '/auth/token'];

/** @param {import('./logins.js').Logins} logins @returns {import('./platforms.js').Platform} */
function createLoginServer(logins) {
  return {
    name: 'login',
    env: () => ({}),
    reset: () => logins.reset(),
    routes: PATHS.map((path) => ({ method: 'POST', path, handle: (request) => logins.issue(request) })),
  };
}

module.exports = { createLoginServer };
