// What a benchmark needs of the machine, and how to get what is missing.
'use strict';

const { spawnSync } = require('node:child_process');
const { hasPeer } = require('../../test/support/peers');

/** @param {import('./types').Tool} tool */
const isThere = (tool) => (tool === 'nginx' ? hasPeer(tool) : spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0);

/**
 * @param {import('./types').Needs} needs
 * @returns {string | undefined} why the benchmark is left out
 */
function missing({ addon = false, tools = [] }) {
  const absent = tools.filter((tool) => !isThere(tool));
  if (absent.length > 0) return `${absent.join(' and ')} missing. Debian, Ubuntu: sudo apt-get install -y ${absent.join(' ')}`;
  if (!addon) return undefined;
  try {
    require('../../lib/native.js');
    return undefined;
  } catch (error) {
    return /** @type {Error} */ (error).message.split('\n')[0];
  }
}

module.exports = { missing };
