// A garbage collection on demand, without a flag on the command line.
'use strict';

const v8 = require('node:v8');
const vm = require('node:vm');

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

module.exports = { collect };
