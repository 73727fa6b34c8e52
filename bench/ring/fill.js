// One filling, in a process of its own: node fill.js none|set|map|ring COUNT. Sends its measurement over IPC.
'use strict';

const { randomUUID } = require('node:crypto');
const { collect } = require('../lib/gc');
const { median } = require('../lib/rounds');

const BATCH = 1024;
const ID_BYTES = 36;

/** @typedef {{ add(id: string): boolean, size(): number, ownBytes?(): number }} Memory */

/** @type {Record<string, (count: number) => Memory>} */
const MEMORIES = {
  none: (count) => ({ add: () => true, size: () => count }),
  set: () => {
    const seen = new Set();
    return { add: (id) => !seen.has(id) && Boolean(seen.add(id)), size: () => seen.size };
  },
  map: () => {
    /** @type {Map<string, number>} */
    const expiresAt = new Map();
    const add = (/** @type {string} */ id) => {
      const now = Date.now();
      if ((expiresAt.get(id) ?? 0) > now) return false;
      expiresAt.set(id, now + 86_400_000);
      return true;
    };
    return { add, size: () => expiresAt.size };
  },
  ring: (count) => {
    const { IdempotencyRing } = require('../../lib/index.js');
    const ring = new IdempotencyRing({ capacity: count });
    return { add: (id) => ring.claim(id) === 'claimed', size: () => ring.size, ownBytes: () => ring.memoryBytes };
  },
};

// The ids lie in one buffer outside the heap; strings are made of them batch by batch, outside the clock, and only the memory under test keeps them.
/** @param {number} count */
function idText(count) {
  const text = Buffer.allocUnsafeSlow(count * ID_BYTES);
  for (let i = 0; i < count; i += 1) text.write(randomUUID(), i * ID_BYTES, 'latin1');
  return text;
}

/**
 * @param {Buffer} text
 * @param {number} from
 * @param {number} count
 */
function batchOf(text, from, count) {
  const ids = [];
  for (let i = from; i < from + count; i += 1) ids.push(text.toString('latin1', i * ID_BYTES, (i + 1) * ID_BYTES));
  return ids;
}

/**
 * Adds every id; returns the nanoseconds of each batch.
 *
 * @param {Memory} memory
 * @param {Buffer} text
 * @param {number} count
 */
function fill(memory, text, count) {
  const batches = [];
  for (let from = 0; from < count; from += BATCH) {
    const ids = batchOf(text, from, Math.min(BATCH, count - from));
    let added = 0;
    const startedAt = process.hrtime.bigint();
    for (const id of ids) added += memory.add(id) ? 1 : 0;
    batches.push(Number(process.hrtime.bigint() - startedAt));
    if (added !== ids.length) throw new Error(`${ids.length - added} new ids were taken for known ones`);
  }
  return batches;
}

function residentBytes() {
  collect();
  collect();
  return process.memoryUsage.rss();
}

/**
 * @param {string} kind
 * @param {number} count
 */
function main(kind, count) {
  const create = MEMORIES[kind];
  const text = idText(count);
  // Warm-up, thrown away. The strings alone are made once too, so that the heap has grown to what that takes.
  fill(create(count >> 5), text, count >> 5);
  for (let from = 0; from < count; from += BATCH) batchOf(text, from, Math.min(BATCH, count - from));
  const before = residentBytes();
  const memory = create(count);
  const batches = fill(memory, text, count);
  const bytesPerId = (residentBytes() - before) / count;
  if (memory.size() !== count) throw new Error(`${memory.size()} of ${count} ids are remembered`);
  return {
    bytesPerId,
    ownBytesPerId: memory.ownBytes ? memory.ownBytes() / count : NaN,
    nsPerId: batches.reduce((sum, ns) => sum + ns, 0) / count,
    medianMs: median(batches) / 1e6,
    worstMs: Math.max(...batches) / 1e6,
  };
}

try {
  process.send?.(main(process.argv[2], Number(process.argv[3])));
} catch (error) {
  process.send?.({ error: /** @type {Error} */ (error).stack });
}
