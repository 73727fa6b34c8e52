// trunkline/lambda as an entry of its own: what it loads, from CommonJS and from ESM, and what it leaves behind.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { makeTempDir, removeTempDir } = require('../support/temp-dir.js');

const ROOT = path.join(__dirname, '..', '..');
const ENV = { GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 's', CRM_API_BASE_URL: 'https://crm.example.com', CRM_API_KEY: 'k' };
/** An event that fails before anything is asked, so that the handler has run as a whole, log line included. */
const RUN = 'handler({ source: "genesys.cloud", detail: { interactionId: "i" } }).then(({ statusCode }) => say(statusCode))';

describe('trunkline/lambda', () => {
  /** @type {string} */
  let folder;
  before(() => { folder = makeTempDir(); });
  after(() => removeTempDir(folder));

  /** @param {string} source @param {string[]} [flags] @returns {any[]} what it said */
  function run(source, flags = []) {
    // The package finds itself by its name from inside of its own folder only.
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', `const say = (value) => console.log(JSON.stringify(value)); ${source}`], {
      cwd: ROOT, env: { ...process.env, ...ENV }, encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n').map((line) => JSON.parse(line));
  }

  it('loads the parts that enrichment needs, and no others', () => {
    const [statusCode, loaded] = run(`
      const handler = require('trunkline/lambda').enrichmentHandler();
      ${RUN}.then(() => say(Object.keys(require.cache)));`);
    assert.equal(statusCode, 500);
    const foreign = loaded.filter((/** @type {string} */ file) => file.includes('node_modules'));
    assert.deepEqual(foreign, [], 'neither Express nor pino nor commander');
    const own = loaded.map((/** @type {string} */ file) => path.relative(ROOT, file)).filter((/** @type {string} */ file) => file.startsWith('lib'));
    assert.deepEqual(own.filter((/** @type {string} */ file) => /^lib\/(cli\/|http\/|queues|sandbox|index|preflight|services\/cognigy)/.test(file)), []);
    assert.ok(own.length < 30, own.join('\n'));
  });

  it('requiring it alone loads no TLS and reads no certificates', () => {
    const [loaded] = run("require('trunkline/lambda'); say(process.moduleLoadList.filter((name) => /NativeModule (tls|https|http|express)$/.test(name)));");
    assert.deepEqual(loaded, []);
  });

  it('works from ESM, with its names', () => {
    const [names, statusCode] = run(`
      import { enrichmentHandler, TrunklineError } from 'trunkline/lambda';
      import { enrichmentHandler as ofAll, TrunklineError as sameError } from 'trunkline';
      say([enrichmentHandler === ofAll, TrunklineError === sameError, typeof enrichmentHandler]);
      const handler = enrichmentHandler();
      await ${RUN};
      await handler.close();`, ['--input-type=module']);
    assert.deepEqual(names, [true, true, 'function']);
    assert.equal(statusCode, 500);
  });

  it('is a handler of two arguments that Lambda takes for an asynchronous one, and keeps no process', () => {
    const [length, promise] = run(`
      const handler = require('trunkline/lambda').enrichmentHandler({ logger: false });
      say(handler.length); say(handler({}) instanceof Promise);`);
    assert.deepEqual([length, promise], [2, true]);
  });

  it('writes nothing to the disk', () => {
    const entry = JSON.stringify(path.join(ROOT, 'lib', 'lambda.js'));
    const { status, stderr } = spawnSync(process.execPath, ['-e', `const say = () => {}; const handler = require(${entry}).enrichmentHandler(); ${RUN};`], {
      cwd: folder, env: { ...process.env, ...ENV }, encoding: 'utf8',
    });
    assert.deepEqual([status, fs.readdirSync(folder)], [0, []]);
    const line = JSON.parse(stderr);
    assert.deepEqual([line.level, line.code, line.msg], [50, 'MALFORMED_PAYLOAD', 'Enrichment failed: MALFORMED_PAYLOAD: The event names no customer']);
    assert.match(line.time, /^\d{4}-\d\d-\d\dT/);
  });
});
