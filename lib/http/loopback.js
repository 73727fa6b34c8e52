// Which addresses are this machine itself.
'use strict';

const { BlockList, isIPv6 } = require('node:net');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @param {string | undefined} address as a socket tells it; an IPv4 address mapped into IPv6 is that IPv4 address */
function isLoopback(address) {
  if (!address) return true; // a local socket or pipe
  return loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

module.exports = { isLoopback };
