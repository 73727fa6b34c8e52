// The simulated platforms, one file and one row each, and the finding of the route that a request means.
'use strict';

const { Refusal } = require('./answer.js');
const { createLoginServer } = require('./login-server.js');
const { createCognigy } = require('./cognigy.js');
const { createGateway } = require('./gateway.js');
const { createCxone } = require('./cxone.js');
const { createCrm } = require('./crm.js');
const { createGenesys } = require('./genesys.js');

/**
 * @typedef {object} PlatformRequest
 * @property {string} method
 * @property {Record<string, string>} params the path's variable parts, percent-decoded
 * @property {URLSearchParams} query
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body
 *
 * @typedef {object} Route
 * @property {string} method
 * @property {string} path variable parts in braces
 * @property {boolean} [idempotent] honours Idempotency-Key
 * @property {(earlier: import('./answer.js').Answer) => import('./answer.js').Answer} [again] what it says to a key that it knows; else the earlier answer
 * @property {(request: PlatformRequest) => void} [authenticate] throws a Refusal; asked before a remembered answer is given
 * @property {(request: PlatformRequest) => import('./answer.js').Answer} handle
 *
 * @typedef {object} Platform
 * @property {string} name
 * @property {(url: string) => Record<string, string>} env the environment that makes trunkline speak to it
 * @property {Route[]} routes
 * @property {Record<string, any>} [settings] how it behaves, for tests to change; reset() puts them back
 * @property {() => void} reset forgets everything
 * @property {(message: string, status: number) => object} [errorBody] how it tells what is wrong; default: { error }
 */

/** @type {Array<(logins: import('./logins.js').Logins, deliveries: import('./deliveries.js').Deliveries) => Platform>} */
const PLATFORMS = [createLoginServer, createCognigy, createGateway, createCxone, createGenesys, createCrm];

/** @typedef {{ platform: Platform, route: Route, parts: Array<{ literal?: string, name?: string }> }} CompiledRoute */

/** @param {Platform} platform @param {Route} route @returns {CompiledRoute} */
function compile(platform, route) {
  const parts = route.path.slice(1).split('/').map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name === undefined ? { literal: part } : { name };
  });
  return { platform, route, parts };
}

/** @param {CompiledRoute} compiled @param {string[]} given @returns {boolean} */
function fits({ parts }, given) {
  return parts.length === given.length && parts.every(({ literal }, index) => (literal === undefined ? given[index] !== '' : literal === given[index]));
}

class Router {
  /** @type {CompiledRoute[]} */
  #routes;

  /** @param {Platform[]} platforms */
  constructor(platforms) {
    this.#routes = platforms.flatMap((platform) => platform.routes.map((route) => compile(platform, route)));
  }

  /**
   * @param {string} method @param {string} path as sent, without its query
   * @returns {{ platform: Platform | undefined, route: Route | undefined, params: () => Record<string, string> }}
   *   no platform: nobody has the path; a platform without a route: it does not have the method
   */
  find(method, path) {
    const given = path.slice(1).split('/');
    const candidates = this.#routes.filter((compiled) => fits(compiled, given));
    const compiled = candidates.find(({ route }) => route.method === method);
    return { platform: candidates[0]?.platform, route: compiled?.route, params: () => decodeParams(compiled, given) };
  }
}

/** @param {CompiledRoute | undefined} compiled @param {string[]} given */
function decodeParams(compiled, given) {
  /** @type {Record<string, string>} */
  const params = {};
  compiled?.parts.forEach(({ name }, index) => {
    if (name === undefined) return;
    try {
      params[name] = decodeURIComponent(given[index]);
    } catch {
      throw new Refusal(400, `${name}: expected valid percent-encoding, got ${given[index].slice(0, 80)}`);
    }
  });
  return params;
}

module.exports = { PLATFORMS, Router };
