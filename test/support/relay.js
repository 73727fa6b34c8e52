// A relay before a server on loopback, whose connections a test can cut, or leave without an answer.
'use strict';

const net = require('node:net');
const { once } = require('node:events');

class Relay {
  #target;
  /** @type {Set<net.Socket>} */ #sockets = new Set();
  #paused = false;
  /** Made so far. */ connections = 0;
  #server = net.createServer((near) => {
    this.connections += 1;
    const far = net.connect(this.#target, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      this.#sockets.add(from);
      if (!this.#paused) from.pipe(to);
      from.on('error', () => {}).on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  });
  port = 0;

  /** @param {number} target port of the server */
  constructor(target) {
    this.#target = target;
  }

  /** Begins to listen, again on the port that it had. */
  async open() {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = /** @type {net.AddressInfo} */ (this.#server.address()).port;
  }

  /** Ends every connection at once, as a lost network does. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing goes through any more, in either direction; connections stay. */
  pause() {
    this.#paused = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** What the server says goes through no more; what it is told still does. */
  pauseAnswers() {
    for (const socket of this.#sockets) if (socket.remotePort === this.#target) socket.unpipe().pause();
  }

  /** New connections go through again. */
  resume() {
    this.#paused = false;
  }

  /** Connections are refused until it is opened again. */
  async close() {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}

/** @param {number} target */
async function openRelay(target) {
  const relay = new Relay(target);
  await relay.open();
  return relay;
}

module.exports = { Relay, openRelay };
