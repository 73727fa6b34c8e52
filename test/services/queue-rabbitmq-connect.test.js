// rabbitMQ() and its way to the broker: TLS, credentials, virtual hosts, and whatever stands in the way.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { inspect } = require('node:util');
const { once } = require('node:events');
const { rabbitMQ } = require('../../lib/index.js');
const { failure } = require('../support/client-stage.js');
const { describeWithRabbitMQ, message } = require('../support/rabbitmq-stage.js');
const { USERS, VHOST } = require('../support/rabbitmq.js');

const encode = encodeURIComponent;

describeWithRabbitMQ('RabbitMQ, connecting', (stage) => {
  /** @param {import('../..').RabbitMQOptions} o @param {string} code */
  const fails = (o, code) => failure(stage.open(o).publish(message('q')), code);

  it('over TLS, with an authority of our own', async () => {
    await stage.open({ url: stage.broker.tlsUrl, tls: { ca: stage.broker.authority.ca } }).publish(message(stage.unique()));
  });

  it('a certificate that nobody vouches for is TLS_FAILED, and the hint says so', async () => {
    const error = await fails({ url: stage.broker.tlsUrl }, 'TLS_FAILED');
    assert.match(error.hint ?? '', /tls\.ca/);
    assert.equal(error.retryable, false);
  });

  it('a certificate for another name is TLS_FAILED', async () => {
    const error = await fails({ url: stage.broker.tlsUrl.replace('127.0.0.1', 'localhost'), tls: { ca: stage.broker.authority.ca } }, 'TLS_FAILED');
    assert.match(error.hint ?? '', /another host name/);
  });

  it('TLS where there is none is TLS_FAILED; none where there is TLS is CONNECTION_FAILED', async () => {
    await fails({ url: stage.broker.url.replace('amqp:', 'amqps:') }, 'TLS_FAILED');
    await fails({ url: stage.broker.tlsUrl.replace('amqps:', 'amqp:') }, 'CONNECTION_FAILED');
  });

  it('user, password and virtual host may hold any character, percent-encoded in the URL', async () => {
    const { name, password } = USERS.odd;
    const authority = `//${encode(name)}:${encode(password)}@127.0.0.1:${stage.broker.port}`;
    await stage.open({ url: `amqp:${authority}/${encode(VHOST)}` }).publish(message('q'));
    await stage.open({ url: `amqp:${authority}`, vhost: VHOST }).publish(message('q'));
    await stage.open({ url: `amqp:${authority}/other`, vhost: VHOST }).publish(message('q'));
  });

  it('a wrong password is AUTHENTICATION_FAILED, and stands nowhere', async () => {
    const error = await fails({ url: stage.broker.url.replace('//', '//guest:s3cr3t@') }, 'AUTHENTICATION_FAILED');
    assert.deepEqual([error.platform, error.retryable], ['RabbitMQ', false]);
    assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /s3cr3t/);
  });

  it('a virtual host that is none, or not for this user, is AUTHORIZATION_FAILED', async () => {
    for (const vhost of ['nowhere', VHOST]) {
      const error = await fails({ vhost }, 'AUTHORIZATION_FAILED');
      assert.match(error.hint ?? '', /virtual host|permissions/);
    }
  });

  it('one connection is made for all who ask at once, and another for consumers', async () => {
    const { relay, url } = await stage.relay();
    const name = stage.unique();
    const queue = stage.open({ url });
    await Promise.all(Array.from({ length: 20 }, (_, number) => queue.publish(message(name, `evt_${number}`))));
    assert.equal(relay.connections, 1);
    await Promise.all([queue.consume(name, () => {}), queue.consume(`${name} too`, () => {})]);
    assert.equal(relay.connections, 2);
  });
});

describe('RabbitMQ that is not there', () => {
  /** @param {import('../..').RabbitMQOptions} o @param {string} code */
  async function fails(o, code) {
    const queue = rabbitMQ({ logger: false, ...o });
    const error = await failure(queue.publish(message('q')), code);
    await queue.close();
    return error;
  }

  it('nobody listens: CONNECTION_FAILED', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (server.address());
    server.close();
    await once(server, 'close');
    const error = await fails({ url: `amqp://127.0.0.1:${port}` }, 'CONNECTION_FAILED');
    assert.deepEqual([error.platform, error.retryable], ['RabbitMQ', true]);
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
  });

  it('no such name: DNS_FAILED', async () => {
    await fails({ url: 'amqps://rabbit.invalid' }, 'DNS_FAILED');
  });

  /** @type {Array<[string, string, (socket: net.Socket) => void]>} */
  const servers = [
    ['somebody who says nothing: TIMEOUT', 'TIMEOUT', () => {}],
    ['somebody who hangs up: CONNECTION_FAILED', 'CONNECTION_FAILED', (socket) => socket.destroy()],
    ['somebody who speaks something else: CONNECTION_FAILED', 'CONNECTION_FAILED', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ];
  for (const [what, code, greet] of servers) {
    it(what, async () => {
      const sockets = new Set();
      const server = net.createServer((socket) => {
        sockets.add(socket.on('error', () => {}));
        greet(socket);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      const error = await fails({ url: `amqp://127.0.0.1:${port}`, connectTimeoutMs: 100 }, code);
      assert.equal(error.retryable, true);
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }
});
