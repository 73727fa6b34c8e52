// Certificates for tests, made with the openssl command: an authority, and leaves that it signs.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

/** @param {string[]} args @param {string} folder */
const openssl = (args, folder) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

class Authority {
  #folder;
  #count = 0;

  /** @param {string} folder where its files go */
  constructor(folder) {
    this.#folder = folder;
    openssl(['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test authority'], folder);
    this.ca = this.#read('ca.pem');
  }

  /** @param {string} name */
  #read(name) {
    return fs.readFileSync(path.join(this.#folder, name), 'utf8');
  }

  /**
   * @param {string} altName e.g. 'IP:127.0.0.1', 'DNS:localhost'
   * @param {number} [days] negative: it has expired
   */
  leaf(altName, days = 1) {
    const name = `leaf${(this.#count += 1)}`;
    fs.writeFileSync(path.join(this.#folder, `${name}.ext`), `subjectAltName=${altName}\n`);
    openssl(['req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`], this.#folder);
    openssl(['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`,
      '-days', String(days), '-extfile', `${name}.ext`], this.#folder);
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  /** Signed by itself alone. */
  selfSigned() {
    const name = `leaf${(this.#count += 1)}`;
    openssl(['req', '-x509', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', '/CN=127.0.0.1',
      '-addext', 'subjectAltName=IP:127.0.0.1'], this.#folder);
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }
}

module.exports = { Authority };
