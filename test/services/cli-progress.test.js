// Progress lines: plain where there is no terminal; a turning last line, cut to the terminal's width and wiped before the next, where there is one.
'use strict';

const assert = require('node:assert/strict');
const { Progress } = require('../../lib/cli/progress.js');
const { until } = require('../support/until.js');

/** @param {{ isTTY?: boolean, columns?: number }} more */
function stream(more) {
  /** @type {string[]} */
  const written = [];
  return { written, of: /** @type {any} */ ({ ...more, write: (/** @type {string} */ text) => written.push(text) }) };
}

describe('progress of a command', () => {
  const { TERM } = process.env;
  before(() => { process.env.TERM = 'xterm'; });
  after(() => {
    if (TERM === undefined) delete process.env.TERM;
    else process.env.TERM = TERM;
  });

  it('is lines alone without a terminal', () => {
    const { written, of } = stream({});
    const progress = new Progress(of);
    progress.wait('waiting');
    progress.line('done');
    progress.stop();
    assert.deepEqual(written, ['done\n']);
  });

  it('turns on a terminal while it waits, and leaves no trace', async () => {
    const { written, of } = stream({ isTTY: true, columns: 12 });
    const progress = new Progress(of);
    progress.wait('waiting for long');
    await until(() => written.length >= 3, 'some turns');
    progress.line('done');
    const turns = written.slice(0, -2);
    assert.ok(new Set(turns).size > 1 && turns.every((text) => /^\r\x1b\[K[|/\\-] waiting f$/.test(text)), JSON.stringify(turns)); // eslint-disable-line no-control-regex
    assert.deepEqual(written.slice(-2), ['\r\x1b[K', 'done\n']);
  });

  it('knows no width where the terminal tells none', () => {
    const { written, of } = stream({ isTTY: true, columns: 0 });
    const progress = new Progress(of);
    progress.wait('waiting for long');
    progress.stop();
    assert.match(written[0], /waiting for long$/);
  });
});
