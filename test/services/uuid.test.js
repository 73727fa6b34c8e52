// Name-based UUIDs against the vectors of RFC 9562 and of another implementation.
'use strict';

const assert = require('node:assert/strict');
const { uuidV5 } = require('../../lib/uuid.js');

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const URLS = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';

describe('uuidV5', () => {
  it('gives the example of RFC 9562, A.4', () => {
    assert.equal(uuidV5(DNS, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('gives what Python\'s uuid5 gives', () => {
    assert.equal(uuidV5(URLS, 'https://example.com/\u00fc'), 'a17f7a1d-6bb5-51a9-9d32-f9d2fdeec8b6');
    assert.equal(uuidV5(DNS, ''), '4ebd0208-8328-5d69-8c44-ec50939c0967');
  });
});
