// Servers on ports that no test of this process has had before. Tokens are kept for a process, by URL: on a port that comes again, a client would
// still have the token of an earlier test.
'use strict';

/** @type {Set<string>} */
const used = new Set();

/**
 * @template {{ url: string, close(): Promise<unknown> }} T
 * @param {() => Promise<T>} open
 * @returns {Promise<T>}
 */
async function onFreshPort(open) {
  for (;;) {
    const server = await open();
    const { port } = new URL(server.url);
    if (!used.has(port)) {
      used.add(port);
      return server;
    }
    await server.close();
  }
}

module.exports = { onFreshPort };
