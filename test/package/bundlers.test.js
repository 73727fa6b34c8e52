// A server that was bundled: trunkline stays outside, as the documentation says, and works; inside, it says that it must not be there.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { startCommand } = require('../../scripts/support/child.js');
const { installedPackage, expressExample, runIn } = require('../support/installed-package.js');
const { npmPeer } = require('../support/npm-peers.js');
const { makeEvent, signatureOf } = require('../support/events.js');
const { send } = require('../support/send.js');

/** @typedef {{ entry: string, out: string, external: boolean, esm?: boolean }} Bundle */

/** With what each is told in its own words. @type {Record<string, (folder: string, bundle: Bundle) => Promise<unknown>>} */
const BUNDLERS = {
  esbuild: async (folder, { entry, out, external, esm }) => require(folder).build({
    entryPoints: [entry], outfile: out, bundle: true, platform: 'node', format: esm ? 'esm' : 'cjs', logLevel: 'silent', external: external ? ['trunkline'] : [],
  }),
  webpack: (folder, { entry, out, external, esm }) => new Promise((resolve, reject) => {
    require(folder)({
      entry, target: 'node', mode: 'none', output: { path: path.dirname(out), filename: path.basename(out), module: esm }, experiments: { outputModule: esm },
      externals: external ? { trunkline: esm ? 'module trunkline' : 'commonjs trunkline' } : {},
    }, (/** @type {Error | null} */ error, /** @type {any} */ stats) => {
      /** @type {Error[]} */
      const errors = error === null ? stats.toJson({ all: false, errors: true }).errors : [error];
      if (errors.length > 0) reject(new Error(errors.map(({ message }) => message).join('\n')));
      else resolve(undefined);
    });
  }),
};

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  describe(`a bundle of ${name}`, function bundled() {
    this.timeout(120_000);
    /** @type {string} */
    let bundler;
    /** @type {import('../support/installed-package.js').Installed} */
    let app;
    before(async function provide() {
      const found = npmPeer(name);
      if (found === undefined) this.skip();
      else bundler = found;
      app = await installedPackage();
    });

    /** @param {string} file in the application's folder @param {Partial<Bundle>} o */
    async function make(file, o) {
      const out = path.join(app.folder, 'dist', `${name}-${path.basename(file)}`);
      await bundle(bundler, { entry: path.join(app.folder, file), out, external: true, ...o });
      return out;
    }

    it('with trunkline outside runs the README\'s Express example', async () => {
      const [, anyPort, source] = expressExample(app);
      const out = await make(source, {});
      const text = fs.readFileSync(out, 'utf8');
      assert.match(text, /require\("trunkline"\)/);
      assert.doesNotMatch(text, /trunkline\.node/);
      assert.doesNotMatch(text, /require\("express"\)/, 'Express is inside');
      const sandbox = await createSandbox();
      const server = await startCommand(['--require', anyPort, out], { ...sandbox.env, TRUNKLINE_DATA_DIR: path.join(app.folder, `data-${name}`) }, /^listening on (\d+)$/m, app.folder);
      const event = makeEvent();
      const body = JSON.stringify(event);
      const answer = await send(`http://127.0.0.1:${server.match}/webhook/cognigy`, {
        body, headers: { 'content-type': 'application/json', 'x-cognigy-signature': signatureOf(body, sandbox.env.COGNIGY_WEBHOOK_SECRET) },
      });
      const status = await server.stop();
      await sandbox.close();
      assert.deepEqual([answer.status, answer.json, status], [200, { status: 'processed', eventId: event.webhookEventId }, 0]);
    });

    it('as an ES module with trunkline outside has its names', async () => {
      fs.writeFileSync(path.join(app.folder, 'verify.mjs'), "import { SignatureVerifier } from 'trunkline';\nconsole.log(new SignatureVerifier({ secrets: 'x' }).verify('', 'no').reason);\n");
      const out = await make('verify.mjs', { esm: true });
      assert.match(fs.readFileSync(out, 'utf8'), /^import .*"trunkline"/m);
      assert.equal((await runIn(app, [out])).stdout, 'malformed\n');
    });

    it('with trunkline inside says that it is to be left out', async () => {
      fs.writeFileSync(path.join(app.folder, 'inside.js'), "const { SignatureVerifier } = require('trunkline');\nconsole.log(SignatureVerifier.name);\n");
      const out = await make('inside.js', { external: false });
      await assert.rejects(runIn(app, [out]), /Error: trunkline has no native addon for .* name trunkline as external to the bundler, and install it beside the bundle/);
    });
  });
}
