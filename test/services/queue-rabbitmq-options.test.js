// rabbitMQ() and its options: where they come from, what is refused, and what is said without amqplib.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { rabbitMQ, TrunklineError } = require('../../lib/index.js');

const ROOT = path.join(__dirname, '..', '..');

/** @param {any} o @returns {any} */
function refusal(o) {
  try {
    rabbitMQ({ env: {}, logger: false, ...o });
  } catch (error) {
    assert.ok(error instanceof TrunklineError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error;
  }
  return assert.fail('expected a refusal');
}

describe('rabbitMQ, its options', () => {
  it('the URL is required, and may stand in RABBITMQ_URL', async () => {
    assert.match(refusal({}).message, /missing: RABBITMQ_URL/);
    await rabbitMQ({ env: { RABBITMQ_URL: 'amqps://rabbit.example.com' } }).close();
  });

  for (const url of ['amqps://rabbit.example.com', 'amqps://user:p%40ss@rabbit.example.com:5671/vhost', 'amqps://[2001:db8::1]/', 'amqp://LocalHost', 'amqp://127.0.0.2:5673', 'amqp://[::1]']) {
    it(`taken: ${url}`, () => rabbitMQ({ url }).close());
  }

  for (const url of ['rabbit.example.com', 'https://u:s3cr3t@rabbit.example.com', 'amqps://', 'amqps://u:s3cr3t@h/?heartbeat=5', 'amqps://u:s3cr3t@h/#f', 'amqps://u:%s3cr3t@h/', 's3cr3t', '', 7]) {
    it(`refused, and not shown: ${url}`, () => {
      const { message } = refusal({ url });
      assert.match(message, /^url: expected/);
      assert.doesNotMatch(message, /s3cr3t/);
      if (typeof url === 'string' && url !== '') assert.match(refusal({ env: { RABBITMQ_URL: url } }).message, /^RABBITMQ_URL: expected/);
    });
  }

  it('amqp:// to another host needs allowInsecure, or its variable', async () => {
    const url = 'amqp://u:s3cr3t@rabbit.example.com';
    const { message } = refusal({ url });
    assert.match(message, /amqps:\/\/.*allowInsecure/);
    assert.doesNotMatch(message, /s3cr3t/);
    await rabbitMQ({ url, allowInsecure: true }).close();
    await rabbitMQ({ url, env: { TRUNKLINE_ALLOW_INSECURE_HTTP: '1' } }).close();
  });

  it('everything that is wrong is told at once', () => {
    const { message } = refusal({
      url: 'amqp://LocalHost', maxUnconfirmed: 0, timeoutMs: '5s', connectTimeoutMs: -1, closeTimeoutMs: 1.5, heartbeatSeconds: 0,
      exchange: 7, prefix: {}, declare: 'yes', vhost: '', tls: 'on', queue: 'q',
    });
    for (const name of ['maxUnconfirmed', 'timeoutMs', 'connectTimeoutMs', 'closeTimeoutMs', 'heartbeatSeconds', 'exchange', 'prefix', 'declare', 'vhost', 'tls', 'queue']) {
      assert.match(message, new RegExp(`(^|; )${name}: `), name);
    }
  });

  it('nothing is connected before the first call, and close() is enough', async () => {
    const queue = rabbitMQ({ url: 'amqps://rabbit.invalid' });
    await queue.close();
    await assert.rejects(queue.publish({ queue: 'q', eventId: 'e', intent: 'i', idempotencyKey: 'k', payload: Buffer.alloc(0) }), { code: 'CLOSED' });
  });

  it('without amqplib the package loads, and rabbitMQ() says how to install it', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', `
      const Module = require('node:module');
      const load = Module._load;
      Module._load = (request, ...more) => {
        if (request !== 'amqplib') return load(request, ...more);
        throw Object.assign(new Error("Cannot find module 'amqplib'"), { code: 'MODULE_NOT_FOUND' });
      };
      const { rabbitMQ } = require(${JSON.stringify(ROOT)});
      try { rabbitMQ({ url: 'amqp://localhost' }); } catch ({ code, message, hint }) { console.log(JSON.stringify({ code, message, hint })); }
    `], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { code: 'CONFIG_INVALID', message: 'rabbitMQ needs the package amqplib, which is not installed', hint: 'npm install amqplib' });
  });
});
