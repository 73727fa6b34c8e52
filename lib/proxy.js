// Which proxy a URL is reached through: the `proxy` option, or the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case.
'use strict';

/** Loaded only where there is a proxy: a cold start of AWS Lambda pays for every module. */
const net = () => require('node:net');

const EXPECTED = 'an http:// URL such as http://proxy.example.com:3128 (what is for an https platform is encrypted through it all the same)';
const DEFAULT_PORTS = { 'https:': 443, 'http:': 80 };

/**
 * An explicit `proxy` is for everything; `false` is for none. Else the environment says, but never for this machine itself.
 * @param {import('./options.js').Options} options whose `proxy` is read, and where what is wrong is reported
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {(url: string | undefined) => string | undefined} the proxy's URL; undefined: straight there
 */
function readProxy(options, env = options.env) {
  const given = options.raw('proxy');
  if (given === false) return () => undefined;
  if (given !== undefined) {
    const proxy = readUrl(options, 'proxy', given);
    return () => proxy;
  }
  const isExempt = readExemptions(env.no_proxy || env.NO_PROXY || '');
  /** By variable, so that what is wrong is reported once. @type {Map<string, string | undefined>} */
  const proxies = new Map();
  return (text) => {
    if (!text || !URL.canParse(text)) return undefined;
    const url = new URL(text);
    const name = variableFor(url.protocol, env);
    if (name === undefined) return undefined;
    const host = hostOf(url);
    if (isLoopback(host) || isExempt(host, portOf(url))) return undefined;
    if (!proxies.has(name)) proxies.set(name, readUrl(options, name, env[name]));
    return proxies.get(name);
  };
}

/**
 * Lower case goes first, as curl has it. Under CGI the upper-case HTTP_PROXY is a header that the request's sender wrote ("httpoxy").
 * @param {string} protocol
 * @param {NodeJS.ProcessEnv} env
 */
function variableFor(protocol, env) {
  if (protocol === 'https:') return ['https_proxy', 'HTTPS_PROXY'].find((name) => env[name]);
  return ['http_proxy', ...(env.REQUEST_METHOD ? [] : ['HTTP_PROXY'])].find((name) => env[name]);
}

/**
 * A bare host and port mean http.
 * @param {import('./options.js').Options} options
 * @param {string} label
 * @param {unknown} given
 */
function readUrl(options, label, given) {
  const text = typeof given === 'string' ? given.trim() : '';
  const full = text.includes('://') ? text : `http://${text}`;
  const url = text !== '' && URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol === 'http:' && url.pathname === '/' && !url.search && !url.hash) return url.href;
  options.wrong(label, EXPECTED, given);
  return undefined;
}

/**
 * NO_PROXY: `*`, or names (their subdomains included), addresses and address ranges (10.0.0.0/8), each with a port if need be.
 * @param {string} text
 * @returns {(host: string, port: number) => boolean}
 */
function readExemptions(text) {
  const entries = text.split(/[\s,]+/).filter(Boolean).map(readExemption);
  return (host, port) => entries.some((entry) => (entry.port === undefined || entry.port === port) && entry.holds(host));
}

/**
 * @param {string} text
 * @returns {{ port?: number, holds: (host: string) => boolean }}
 */
function readExemption(text) {
  if (text === '*') return { holds: () => true };
  const [, bracketed, name, digits] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [undefined, undefined, text];
  const port = digits === undefined ? undefined : Number(digits);
  const [address, prefix] = (bracketed ?? name).split('/');
  if (net().isIP(address)) return { port, holds: inRange(address, prefix) };
  const domain = (bracketed ?? name).toLowerCase().replace(/^\*?\./, '').replace(/\.$/, '');
  return { port, holds: (host) => domain !== '' && (host === domain || host.endsWith(`.${domain}`)) };
}

/**
 * @param {string} address
 * @param {string | undefined} prefix how many bits count; undefined: all
 * @returns {(host: string) => boolean}
 */
function inRange(address, prefix) {
  const range = new (net().BlockList)();
  const kind = (/** @type {string} */ one) => (net().isIPv6(one) ? 'ipv6' : 'ipv4');
  const bits = prefix === undefined ? (net().isIPv6(address) ? 128 : 32) : Number(prefix);
  try {
    range.addSubnet(address, bits, kind(address));
  } catch {
    return () => false; // 10.0.0.0/99 is no range
  }
  return (host) => net().isIP(host) !== 0 && range.check(host, kind(host));
}

/** @param {string} host */
function isLoopback(host) {
  return host === 'localhost' || host === '::1' || (net().isIPv4(host) && host.startsWith('127.'));
}

/** Without brackets and without the dot that ends a full name. @param {URL} url */
const hostOf = (url) => url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

/** @param {URL} url */
const portOf = (url) => Number(url.port) || DEFAULT_PORTS[/** @type {'https:' | 'http:'} */ (url.protocol)];

module.exports = { readProxy, isLoopback };
