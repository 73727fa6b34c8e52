// A folder for one test, and its removal.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** @returns {string} */
const makeTempDir = () => fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-test-'));

/** @param {string} folder */
const removeTempDir = (folder) => fs.rmSync(folder, { recursive: true, force: true });

module.exports = { makeTempDir, removeTempDir };
