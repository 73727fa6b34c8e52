// The Cognigy Extension as Cognigy.AI has it: built, packed, unpacked, its dependencies installed, loaded, and its nodes run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

const ROOT = path.join(__dirname, '..', '..');
const EXAMPLE = path.join(ROOT, 'examples', 'cognigy-extension');

/** @typedef {import('@cognigy/extension-tools').INodeDescriptor} Descriptor */
/** @typedef {import('@cognigy/extension-tools').INodeFunctionBaseParams} NodeParams */

/** @returns {string} the archive */
function packExtension() {
  return execFileSync(process.execPath, ['pack.js'], { cwd: EXAMPLE, encoding: 'utf8' }).trim();
}

/** @param {string} archive @param {string} folder */
function unpack(archive, folder) {
  execFileSync('tar', ['-xzf', archive, '-C', folder]);
  // What `npm install` puts there for the archive's package.json; both are here already.
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(path.join(modules, '@cognigy'), { recursive: true });
  fs.symlinkSync(ROOT, path.join(modules, 'trunkline'), 'dir');
  fs.symlinkSync(path.join(ROOT, 'node_modules', '@cognigy', 'extension-tools'), path.join(modules, '@cognigy', 'extension-tools'), 'dir');
}

/** @param {string} folder of the unpacked archive @returns {{ nodes: Descriptor[], connections: any[], options: any }} */
function loadExtension(folder) {
  const { main } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return require(path.join(folder, main)).default;
}

/** A session of a Flow: what nodes see of it, and what they do to it. */
class Session {
  /** @type {Record<string, any>} */ context = {};
  /** The node that comes next. @type {string | undefined} */ next;
  /** @type {string[]} */ logs = [];
  /** Calls of the api, of which Cognigy.AI allows ten. */ calls = 0;
  /** @type {NodeParams['cognigy']} */ cognigy;

  /** @param {Partial<NodeParams['cognigy']['input']>} [input] what differs */
  constructor(input = {}) {
    const count = () => { this.calls += 1; };
    this.cognigy = {
      input: { text: 'my invoice', intent: 'billing_inquiry', intentScore: 0.93, inputId: 'input-1', sessionId: 'session-1', userId: 'user-1', flowName: 'Service', ...input },
      context: this.context,
      profile: { email: 'ann@example.com' },
      api: {
        addToContext: (key, value, mode) => { count(); if (mode === 'simple') this.context[key] = value; },
        setNextNode: (id) => { count(); this.next = id; },
        log: (level, text) => { this.logs.push(`${level}: ${text}`); },
      },
    };
  }

  /** A field's value as CognigyScript makes it. @param {unknown} value */
  #resolve(value) {
    const found = typeof value === 'string' ? /^\{\{(\w+)\.(\w+)\}\}$/.exec(value) : null;
    return found ? /** @type {any} */ (this.cognigy)[found[1]][found[2]] : value;
  }

  /**
   * Runs a node as a Flow does: its fields with their defaults, its children attached.
   * @param {Descriptor} node
   * @param {Record<string, unknown>} config what the Flow's author has entered
   */
  async run(node, config) {
    const defaults = Object.fromEntries((node.fields ?? []).map(({ key, defaultValue }) => [key, this.#resolve(defaultValue)]));
    const childConfigs = (node.dependencies?.children ?? []).map((type) => ({ id: `the ${type}`, type, config: {} }));
    this.next = undefined;
    this.calls = 0;
    await node.function?.({ cognigy: this.cognigy, config: { ...defaults, ...config }, childConfigs, nodeId: 'node-1' });
  }

  /** The seed's variables. */
  get variables() {
    const { routingSuccess, detectedIntent, routingError, routingErrorMessage } = this.context;
    return { routingSuccess, detectedIntent, routingError, routingErrorMessage };
  }
}

module.exports = { packExtension, unpack, loadExtension, Session, EXAMPLE, ROOT };
