// What bodies of requests hold: its fields checked, and merged into what is kept.
'use strict';

const { Refusal } = require('./answer.js');

const MAX_KEYS = 1000;

/** @param {boolean} good @param {string} problem throws a 400 Refusal with it */
function check(good, problem) {
  if (!good) throw new Refusal(400, problem);
}

/** @param {Record<string, any>} body @param {string} name @returns {Record<string, any>} throws a 400 Refusal unless it is an object */
function objectIn(body, name) {
  const value = body[name];
  check(value !== null && typeof value === 'object' && !Array.isArray(value), `${name}: expected an object`);
  return value;
}

/** @param {Record<string, any>} body @param {string} name @returns {string} throws a 400 Refusal unless it is a text, and not an empty one */
function textIn(body, name) {
  const value = body[name];
  check(typeof value === 'string' && value !== '', `${name}: expected a text`);
  return value;
}

/**
 * Keys overwrite, others stay.
 * @template V
 * @param {Map<string, V>} map a Map, because a key may be called __proto__
 * @param {Record<string, V>} given
 * @returns {Map<string, V>} a new one; throws a 400 Refusal where it would have too many keys
 */
function merged(map, given) {
  const all = new Map([...map, ...Object.entries(given)]);
  check(all.size <= MAX_KEYS, `expected at most ${MAX_KEYS} keys, got ${all.size}`);
  return all;
}

module.exports = { check, objectIn, textIn, merged };
