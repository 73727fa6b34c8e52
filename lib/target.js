// What a binary is made for, as the folders of prebuilds/ are named: linux-x64-glibc, linux-arm64-musl, darwin-arm64.
'use strict';

const fs = require('node:fs');

/** Where a loader's name stands in every Node that was not taken apart: right after the ELF header. */
const HEAD_BYTES = 4096;

/**
 * The C library of this process, by the loader that its executable names (PT_INTERP, ELF 1.2 book 3).
 * process.report tells it as well, but takes ten milliseconds of every cold start.
 * @returns {'glibc' | 'musl'}
 */
function libc() {
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const file = fs.openSync(process.execPath, 'r');
    try {
      fs.readSync(file, head, 0, HEAD_BYTES, 0);
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return 'glibc'; // an executable that may be run but not read
  }
  return head.includes('/ld-musl-') ? 'musl' : 'glibc';
}

/** @returns {string} */
function target() {
  const machine = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${machine}-${libc()}` : machine;
}

module.exports = { target };
