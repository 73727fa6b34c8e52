// What the figures were taken on.
'use strict';

const os = require('node:os');

function machine() {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    openssl: process.versions.openssl,
    v8: process.versions.v8,
    date: new Date().toISOString(),
    loadAverage: os.loadavg()[0],
  };
}

module.exports = { machine };
