// The Extension's icon, 64 × 64, as a PNG (ISO/IEC 15948): drawn here, so that no picture lies in the repository.
'use strict';

const zlib = require('node:zlib');

const SIZE = 64;
const GROUND = [0x2f, 0x6f, 0x9f, 0xff];
const LINE = [0xff, 0xff, 0xff, 0xff];
/** A trunk and its ends: x, y and radius. */
const ENDS = [[14, 32, 7], [50, 16, 6], [50, 32, 6], [50, 48, 6]];

/** How far a point is from the line between two others. @param {number} x @param {number} y @param {number[]} a @param {number[]} b */
function distance(x, y, [ax, ay], [bx, by]) {
  const along = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)));
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

/** @param {number} x @param {number} y */
function isLine(x, y) {
  return ENDS.some(([ex, ey, radius]) => Math.hypot(x - ex, y - ey) <= radius) || ENDS.slice(1).some((end) => distance(x, y, ENDS[0], end) <= 2);
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, crc] = [data.length, zlib.crc32(body)].map((number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(number);
    return bytes;
  });
  return Buffer.concat([length, body, crc]);
}

/** @returns {Buffer} */
function icon() {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIZE, 0);
  header.writeUInt32BE(SIZE, 4);
  header.set([8, 6, 0, 0, 0], 8); // 8 bits a channel, red green blue alpha
  const rows = Array.from({ length: SIZE }, (_, y) => {
    const pixels = Array.from({ length: SIZE }, (_unused, x) => (isLine(x + 0.5, y + 0.5) ? LINE : GROUND)).flat();
    return Buffer.from([0, ...pixels]); // 0: the row is not filtered
  });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', zlib.deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]);
}

module.exports = { icon };
