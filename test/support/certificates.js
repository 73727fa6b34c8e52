// Certificates for tests, made with the openssl command: an authority, and leaves that it signs.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

/** @param {string[]} args @param {string} folder */
const openssl = (args, folder) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** For `openssl ca`, which alone takes a first day. */
const CA_CONFIG = ['[ca]', 'default_ca=d', '[d]', 'database=index.txt', 'new_certs_dir=.', 'rand_serial=yes', 'default_md=sha256', 'policy=p',
  '[p]', 'commonName=supplied', ''].join('\n');

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
    const name = this.#request(`subjectAltName=${altName}`);
    return this.#sign(name, 'ca', days);
  }

  /** Not valid before tomorrow. @param {string} altName */
  leafOfTomorrow(altName) {
    const name = this.#request(`subjectAltName=${altName}`);
    const day = (/** @type {number} */ days) => new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');
    fs.writeFileSync(path.join(this.#folder, 'index.txt'), '');
    fs.writeFileSync(path.join(this.#folder, 'ca.cnf'), CA_CONFIG);
    openssl(['ca', '-batch', '-notext', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', `${name}.csr`, '-out', `${name}.pem`,
      '-startdate', day(1), '-enddate', day(2), '-extfile', `${name}.ext`], this.#folder);
    return this.#pair(name);
  }

  /** Signed by an intermediate authority, whose certificate is `intermediate`. @param {string} altName */
  leafOfIntermediate(altName) {
    const between = this.#request('basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign');
    const { cert: intermediate } = this.#sign(between, 'ca', 1);
    return { ...this.#sign(this.#request(`subjectAltName=${altName}`), between, 1), intermediate };
  }

  /** A key and what is asked for it. @param {string} extensions @returns {string} the name of its files */
  #request(extensions) {
    const name = `leaf${(this.#count += 1)}`;
    fs.writeFileSync(path.join(this.#folder, `${name}.ext`), `${extensions}\n`);
    openssl(['req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`], this.#folder);
    return name;
  }

  /** @param {string} name @param {string} issuer @param {number} days */
  #sign(name, issuer, days) {
    openssl(['x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-out', `${name}.pem`,
      '-days', String(days), '-extfile', `${name}.ext`], this.#folder);
    return this.#pair(name);
  }

  /** @param {string} name */
  #pair(name) {
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  /** Signed by itself alone. */
  selfSigned() {
    const name = `leaf${(this.#count += 1)}`;
    openssl(['req', '-x509', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', '/CN=127.0.0.1',
      '-addext', 'subjectAltName=IP:127.0.0.1'], this.#folder);
    return this.#pair(name);
  }
}

module.exports = { Authority };
