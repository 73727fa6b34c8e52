// A small file system of its own for a test, which can be full, read-only, or die under its users. Only root may mount one.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const { makeTempDir, removeTempDir } = require('./temp-dir.js');

const MIB = 1 << 20;

/** @param {string[]} command */
function run([command, ...args]) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

class SmallDisk {
  #folder = makeTempDir();
  /** Where it is mounted. */ path = path.join(this.#folder, 'disk');
  #filler = path.join(this.path, 'filler');
  /** @type {string[] | undefined} */ #make;
  /** @type {string[]} */ #mount;
  /** @type {import('node:child_process').ChildProcess | undefined} */ #guard;

  /** @param {{ kind?: 'tmpfs' | 'ext4', megabytes?: number }} [o] ext4 lies in a file, on a loop device */
  constructor({ kind = 'tmpfs', megabytes = 8 } = {}) {
    fs.mkdirSync(this.path);
    const image = path.join(this.#folder, 'image');
    if (kind === 'ext4') {
      fs.writeFileSync(image, '');
      fs.truncateSync(image, megabytes * MIB);
      this.#make = ['mkfs.ext4', '-q', '-m', '0', image];
      this.#mount = ['mount', '-o', 'loop', image, this.path];
    } else {
      this.#mount = ['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', this.path];
    }
  }

  open() {
    if (this.#make) run(this.#make);
    run(this.#mount);
    // It is gone with this process, in whatever way that ends: the guard's input closes then.
    this.#guard = spawn('sh', ['-c', 'cat > /dev/null; umount -l "$1"', 'sh', this.path], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    return this;
  }

  /** Takes every byte that is left. */
  fill() {
    const file = fs.openSync(this.#filler, 'a');
    for (const bytes of [64 * 1024, 1024, 1]) {
      try {
        for (const chunk = Buffer.alloc(bytes); ;) fs.writeSync(file, chunk);
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOSPC') throw error;
      }
    }
    fs.closeSync(file);
  }

  /** Gives back what `fill` took. */
  free() {
    fs.rmSync(this.#filler);
  }

  /** Mounts it again, with nobody at work on it. @param {'ro' | 'rw'} how */
  remount(how) {
    run(['mount', '-o', `remount,${how}`, this.path]);
  }

  /** What a file system does that meets an error on its device: it takes no more writes from anybody. ext4 alone can be told to. */
  abort() {
    run(['mount', '-o', 'remount,abort', this.path]);
  }

  /** A new start of the machine, for one that was aborted. */
  repair() {
    run(['umount', this.path]);
    run(this.#mount);
  }

  close() {
    this.#guard?.kill('SIGKILL');
    spawnSync('umount', ['-l', this.path]);
    removeTempDir(this.#folder);
  }
}

/** Why there is none on this machine, if so. @param {'tmpfs' | 'ext4'} kind */
function lacking(kind) {
  if (process.getuid?.() !== 0) return 'only root may mount a file system';
  const disk = new SmallDisk({ kind });
  try {
    disk.open();
    return undefined;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  } finally {
    disk.close();
  }
}

module.exports = { SmallDisk, lacking };
