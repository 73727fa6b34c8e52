// The documentation: every code block runs as it stands, prints what its comments say, and every link leads somewhere.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { spawnSync } = require('node:child_process');
const { ROOT, documents, textOf, blocksOf, blocksIn, proseOf } = require('../support/docs-blocks.js');
const { openDocsStage, lackedBy } = require('../support/docs-stage.js');
const { checkDockerfile, checkUnit } = require('../support/docs-formats.js');
const { sharedBroker, closeSharedBroker, lacking: lackingBroker, START_LIMIT_MS } = require('../support/rabbitmq.js');

/** @typedef {import('../support/docs-blocks.js').Block} Block */

const LIMIT_MS = 120_000;
const SCRIPTS = ['js', 'mjs'];
/** Languages that are read, not run. @type {Record<string, (code: string) => void>} */
const READ = { json: JSON.parse, ini: checkUnit, dockerfile: checkDockerfile, text: () => {} };
const { scripts } = JSON.parse(textOf('package.json'));

/** @param {Block} block */
const usesBroker = ({ code }) => code.includes('rabbitMQ(') || code.includes('RABBITMQ_URL');

/** The comment behind a console.log is what that prints. @param {string} code */
const promisedOutput = (code) => [...code.matchAll(/^ *console\.log\(.*\); {3}\/\/ (.+)$/gm)].map(([, text]) => text);

/** What is not run is at least read. @param {Block} block */
function check({ language, code }) {
  if (language === 'js') new vm.Script(`(async () => {${code}\n})`);
  if (language !== 'sh') return;
  const { status, stderr } = spawnSync('bash', ['-n', '-c', code], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  for (const [, name] of code.matchAll(/\bnpm run ([\w:-]+)/g)) assert.ok(Object.hasOwn(scripts, name), `package.json has no script ${name}`);
}

/** @param {string} heading as GitHub makes its anchor */
const anchorOf = (heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(' ', '-');

/** @param {string} file */
const anchorsOf = (file) => [...proseOf(textOf(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading));

describe('the documentation', () => {
  /** @type {Awaited<ReturnType<typeof openDocsStage>>} */
  let stage;
  /** @type {Record<string, string>} */
  const env = {};

  before(async function () {
    this.timeout(LIMIT_MS);
    stage = await openDocsStage();
  });
  after(() => stage.close());

  for (const file of documents()) {
    const blocks = blocksOf(file);
    describe(file, () => {
      const toRun = blocks.filter((block) => !block.notRun && SCRIPTS.includes(block.language) && !(lackingBroker && usesBroker(block)));
      /** @type {Awaited<ReturnType<typeof stage.runScripts>>} */
      let outcomes;
      before(async function () {
        this.timeout(LIMIT_MS + START_LIMIT_MS);
        if (toRun.some(usesBroker)) env.RABBITMQ_URL = (await sharedBroker()).url;
        await stage.bury();
        outcomes = toRun.length === 0 ? new Map() : await stage.runScripts(toRun, env);
      });

      for (const block of blocks) {
        const { place, language, notRun, code } = block;
        if (notRun !== undefined) {
          it(`${place} is read, not run: ${notRun}`, () => check(block));
        } else if (Object.hasOwn(READ, language)) {
          it(`${place} is ${language}`, () => READ[language](code));
        } else if (lackingBroker && usesBroker(block)) {
          it(`${place} runs (left out: ${lackingBroker})`);
        } else if (SCRIPTS.includes(language)) {
          it(`${place} runs, and prints what it says`, () => {
            const { output, errors } = /** @type {import('../support/docs-stage.js').Outcome} */ (outcomes.get(block));
            assert.equal(errors.join('\n'), '');
            const lines = output.split('\n');
            for (const text of promisedOutput(code)) assert.ok(lines.includes(text), `expected the line "${text}", got\n${output}`);
          });
        } else if (language === 'sh' && lackedBy(block)) {
          it(`${place} runs (left out: there is no ${lackedBy(block)} on this machine)`);
        } else if (language === 'sh') {
          it(`${place} runs`, async function () {
            this.timeout(LIMIT_MS);
            assert.equal((await stage.runShell(block, env)).errors.join('\n'), '');
          });
        } else {
          it(`${place} is of a language that is checked`, () => assert.fail(`expected ${[...SCRIPTS, 'sh', ...Object.keys(READ)].join(', ')}, got "${language}"`));
        }
      }

      it('has no link that leads nowhere', () => {
        for (const [, target] of proseOf(textOf(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
          if (/^[a-z]+:/.test(target)) continue;
          const [where, anchor] = target.split('#');
          const other = where === '' ? file : path.posix.normalize(path.posix.join(path.posix.dirname(file), where));
          assert.ok(fs.existsSync(path.join(ROOT, other)), `${target}: there is no ${other}`);
          if (anchor !== undefined) assert.ok(anchorsOf(other).includes(anchor), `${target}: ${other} has no such heading`);
        }
      });
    });
  }
});

describe('a block that does not do what it should', () => {
  /** @type {Record<string, [code: string, error: RegExp]>} */
  const BAD = {
    throws: ["throw new Error('on purpose');", /on purpose/],
    'rejects, later': ["setTimeout(() => Promise.reject(new Error('on purpose')), 1);", /on purpose/],
    'ends with an exit code': ['setImmediate(() => { process.exitCode = 3; });', /exit code would be 3/],
    'serves, and is not well': ["require('node:http').createServer((req, res) => res.writeHead(500).end()).listen(3000);", /\/health: expected 200, got 500/],
    'asks for a package that is not there': ["require('no-such-package');", /no-such-package/],
    'ends the process': ['process.exit(0);', /did not end/],
    'comes after that': ["console.log('never');", /was not reached/],
  };

  it('is told, each as what it does', async function () {
    this.timeout(LIMIT_MS);
    const stage = await openDocsStage();
    try {
      const blocks = Object.values(BAD).map(([code], index) => ({ place: `bad.md:${index}`, language: 'js', notRun: undefined, code }));
      const outcomes = [...(await stage.runScripts(blocks, {})).values()];
      Object.entries(BAD).forEach(([what, [, error]], index) => assert.match(outcomes[index].errors.join('\n'), error, what));
      const { errors } = await stage.runShell({ place: 'bad.md:9', language: 'sh', notRun: undefined, code: 'false\necho never' }, {});
      assert.equal(errors.length, 1);
    } finally {
      await stage.close();
    }
  });
});

after(closeSharedBroker); // outside of any suite: when the tests of all files are done

describe('blocks of a document', () => {
  it('are found with their place, language and reason', () => {
    const text = ['```js', 'a();', '```', '', '````sh no-run: it installs', '```', '````', '  ```', '  x', '  ```'].join('\n');
    assert.deepEqual(blocksIn(text, 'x.md').map(({ place, language, notRun, code }) => [place, language, notRun, code]), [
      ['x.md:1', 'js', undefined, 'a();\n'], ['x.md:5', 'sh', 'it installs', '```\n'], ['x.md:8', '', undefined, '  x\n'],
    ]);
  });

  it('are refused without an end, or with a mark that nobody knows', () => {
    assert.throws(() => blocksIn('```js\na();', 'x.md'), /x\.md:1: the block has no end/);
    for (const info of ['js no-run', 'js no-run:', 'sh skip', 'js title=a']) assert.throws(() => blocksIn(`\`\`\`${info}\n\`\`\``, 'x.md'), /x\.md:1: expected nothing after the language/);
  });
});
