// ESLint over all the JavaScript of the repository.
'use strict';

const js = require('@eslint/js');
const globals = require('globals');

module.exports = [
  { ignores: ['**/build/', 'node_modules/', 'prebuilds/', 'trunkline-data/', '**/*.d.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.js', 'scripts/setup'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'commonjs', globals: globals.node },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-throw-literal': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-object-has-own': 'error',
      strict: ['error', 'global'],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: globals.node },
  },
  {
    files: ['test/services/**/*.js', 'test/process/**/*.js', 'test/package/**/*.js', 'test/queues/**/*.js', 'test/support/rabbitmq-stage.js', 'examples/express-app/test/**/*.js'],
    languageOptions: { globals: { ...globals.node, ...globals.mocha } },
  },
];
