// Auth: how requests to a platform are authorised, checked and put into the form that the core takes.
'use strict';

/** @typedef {import('./options.js').Options} Options */
/** @typedef {Record<string, any> & { tokenUrl: string, issuer: string }} Credential one of the two is empty */

/** The credential goes into a header line: nothing that would end it. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * @param {Options} options whose `auth` is read, and where what is wrong is reported
 * @returns {{ headers: Array<[string, string]>, credential: Credential | null }}
 */
function readAuth(options) {
  if (options.raw('auth') === undefined) return { headers: [], credential: null };
  const fields = options.nested('auth');
  const type = fields.raw('type');
  if (!Object.hasOwn(READERS, type)) {
    fields.wrong('auth.type', Object.keys(READERS).join(', '), type);
    return { headers: [], credential: null };
  }
  return { headers: [], credential: null, ...READERS[type](fields) };
}

/** @param {Options} fields @returns {{ headers: Array<[string, string]> }} */
function readBearer(fields) {
  return { headers: [['Authorization', `Bearer ${fields.token('token', { required: true })}`]] };
}

/** @param {Options} fields @returns {{ headers: Array<[string, string]> }} */
function readBasic(fields) {
  const username = fields.text('username', { required: true });
  // The colon ends the name (RFC 7617, 2).
  if (typeof username === 'string' && username.includes(':')) fields.wrong('auth.username', 'a name without a colon', username);
  const password = fields.raw('password', '') === '' ? '' : fields.secret('password');
  return { headers: [['Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`]] };
}

/** @param {Options} fields @returns {{ headers: Array<[string, string]> }} */
function readHeader(fields) {
  const name = fields.text('name', { required: true });
  if (typeof name === 'string' && !HEADER_NAME.test(name)) fields.wrong('auth.name', 'the name of a header', name);
  const value = fields.secret('value', { required: true });
  if (typeof value === 'string' && value !== '' && !HEADER_VALUE.test(value)) fields.wrong('auth.value', 'visible ASCII characters, with spaces at most in between', value);
  return { headers: [[name, value]] };
}

/** @param {Options} fields */
function readOAuth2(fields) {
  const oneOf = (/** @type {string} */ name, /** @type {string[]} */ values) => {
    const value = fields.raw(name, values[0]);
    if (!values.includes(value)) fields.wrong(`auth.${name}`, values.join(', '), value);
    return value;
  };
  const issuer = fields.host('issuer');
  const tokenUrl = fields.host('tokenUrl', { required: issuer === undefined });
  if (issuer !== undefined && tokenUrl !== undefined) fields.wrong('auth.issuer', 'either this or tokenUrl', issuer);
  const grant = oneOf('grant', ['client_credentials', 'password']);
  const requiredScopes = fields.raw('requiredScopes', []);
  if (!Array.isArray(requiredScopes) || !requiredScopes.every((scope) => typeof scope === 'string' && scope !== '')) {
    fields.wrong('auth.requiredScopes', 'an array of scopes', requiredScopes);
  }
  const scope = fields.raw('scope', '');
  if (typeof scope !== 'string') fields.wrong('auth.scope', 'scopes with spaces between them', scope);
  return {
    credential: {
      tokenUrl: tokenUrl ?? '',
      issuer: issuer ?? '',
      clientId: fields.text('clientId', { required: true }),
      clientSecret: fields.secret('clientSecret', { required: true }),
      scope,
      clientAuth: oneOf('clientAuth', ['basic', 'body', 'query']),
      grant,
      username: fields.text('username', { required: grant === 'password', fallback: '' }),
      password: fields.secret('password', { required: grant === 'password', fallback: '' }),
      refreshBeforeMs: fields.integer('refreshBeforeMs', { fallback: -1 }),
      requiredScopes,
    },
  };
}

/** @type {Record<string, (fields: Options) => { headers?: Array<[string, string]>, credential?: Credential }>} */
const READERS = { bearer: readBearer, basic: readBasic, header: readHeader, oauth2: readOAuth2 };

module.exports = { readAuth };
