// Where webhook targets are registered at Cognigy: one resource of its administration, asked through one HTTP client.
'use strict';

const cognigy = require('../platforms/cognigy-admin.js');
const { TrunklineError } = require('../errors.js');
const { HttpClient } = require('../http-client.js');
const { readClientOptions } = require('../client-options.js');
const { redact } = require('../redact.js');

/** @typedef {import('../options.js').Options} Options */
/** @typedef {import('../platforms/cognigy-admin.js').TargetResource} TargetResource */
/** @typedef {import('./registration.js').Registration} Registration */
/** @typedef {{ id: string, status: string | undefined, url: string | undefined, data: any }} Target as the platform has it; `data` is what it says itself, without secrets */

/** An option for each of what the platform may want to know besides, and the variable that stands in for it. */
const SETTINGS = { projectId: 'COGNIGY_PROJECT_ID', flowId: 'COGNIGY_FLOW_ID', localeId: 'COGNIGY_LOCALE_ID' };
const CREDENTIALS = { clientId: 'COGNIGY_CLIENT_ID', clientSecret: 'COGNIGY_CLIENT_SECRET', apiKey: 'COGNIGY_API_KEY' };
const MAX_SAID = 300; // characters of what a platform says of a refusal

/**
 * A table's entry, by its name.
 * @template T
 * @param {Options} options
 * @param {string} name of the option
 * @param {{ env: string, fallback: string, table: Record<string, T> }} source
 * @returns {T | undefined} undefined: what is wrong has been reported
 */
function readChoice(options, name, { env, fallback, table }) {
  const chosen = options.text(name, { env, fallback });
  if (Object.hasOwn(table, chosen)) return table[chosen];
  options.wrong(options.raw(name) === undefined ? env : name, Object.keys(table).join(', '), chosen);
  return undefined;
}

/** @param {Options} options @returns {TargetResource | undefined} one of Cognigy's, or the caller's own */
function readResource(options) {
  const given = options.raw('resource');
  if (isTargetResource(given)) return given;
  return readChoice(options, 'resource', { env: 'COGNIGY_REGISTRAR_RESOURCE', fallback: 'connectors', table: cognigy.resources });
}

/** @param {any} given */
function isTargetResource(given) {
  return typeof given?.path === 'string' && given.path.startsWith('/') && [given.body, given.query, given.read].every((one) => typeof one === 'function');
}

/**
 * @param {Options} options
 * @param {import('../log.js').Logger} logger
 */
function readRegistry(options, logger) {
  const baseUrl = options.host('domain', { env: 'COGNIGY_DOMAIN', required: true });
  const resource = readResource(options);
  const login = readChoice(options, 'login', { env: 'COGNIGY_REGISTRAR_LOGIN', fallback: resource?.login ?? 'oauth2-token', table: cognigy.logins });
  /** @type {any} */
  const credentials = {};
  for (const [name, env] of Object.entries(CREDENTIALS)) {
    const required = login?.needs.includes(name);
    credentials[name] = name === 'clientId' ? options.text(name, { env, required }) : options.secret(name, { env, required });
  }
  /** @type {Record<string, string>} */
  const settings = {};
  for (const [name, env] of Object.entries(SETTINGS)) {
    const required = resource?.settings?.includes(name);
    const value = options.text(name, { env, required });
    if (required) settings[name] = value;
  }
  const clientOptions = readClientOptions(options, logger);
  const retry = options.raw('retry');
  return {
    baseUrl,
    resource: /** @type {TargetResource} */ (resource),
    settings,
    logger,
    /** @returns {import('../..').HttpClientOptions} once options.finish() has found nothing wrong */
    client: () => ({
      rateLimit: resource?.rateLimit,
      ...clientOptions,
      baseUrl,
      platform: cognigy.name,
      auth: login?.auth({ baseUrl, scopes: resource?.scopes ?? [], ...credentials }),
      retry,
    }),
  };
}

class TargetRegistry {
  #clientOptions;
  #client;
  #resource;
  #settings;
  #logger;

  /** @param {ReturnType<typeof readRegistry>} read */
  constructor({ client, resource, settings, logger }) {
    this.#clientOptions = client();
    this.#client = new HttpClient(this.#clientOptions);
    this.#resource = resource;
    this.#settings = settings;
    this.#logger = logger;
  }

  /**
   * Creates a target, or finds that it is there.
   * @param {Registration} registration
   * @returns {Promise<{ target: Target, idempotent: boolean }>} idempotent: it was there
   */
  async put(registration) {
    const { keepsKeys } = this.#resource;
    if (!keepsKeys) {
      const there = await this.find(registration);
      if (there) return { target: there, idempotent: true };
    }
    let answer;
    try {
      answer = await this.#create(registration);
    } catch (thrown) {
      const error = explained(thrown, this.#resource.scopes?.[0], registration.secrets);
      if (error.code === 'CONFLICT') return { target: await this.#targetOf(error.response, registration, error), idempotent: true };
      // Without a key it is not sent again, but it may have been carried out.
      const there = !keepsKeys && error.retryable ? await this.find(registration).catch(() => undefined) : undefined;
      if (there) return { target: there, idempotent: false };
      throw error;
    }
    const lost = new TrunklineError('MALFORMED_RESPONSE', `Cognigy answered ${answer.status} without an id`, { status: answer.status, platform: cognigy.name });
    return { target: await this.#targetOf(answer, registration, lost), idempotent: false };
  }

  /** @param {Registration} registration */
  async #create(registration) {
    const { path, keepsKeys, body } = this.#resource;
    const post = { method: 'POST', path, json: body(registration) };
    if (keepsKeys) return this.#client.request({ ...post, idempotencyKey: registration.idempotencyKey });
    // On a connection of its own: what met a dead kept-alive one would be sent again, and without a key that may create a second.
    const client = new HttpClient(this.#clientOptions);
    try {
      return await client.request(post);
    } finally {
      await client.close();
    }
  }

  /**
   * The target that an answer tells of; where it tells of none, the one of that name. Nobody is ever asked for one without an id.
   * @param {import('../..').HttpResponse | undefined} answer
   * @param {Registration} registration
   * @param {TrunklineError} failure where there is neither
   * @returns {Promise<Target>}
   */
  async #targetOf(answer, registration, failure) {
    const target = this.#read(parse(answer), registration.secrets) ?? (await this.find(registration));
    if (!target) {
      failure.hint = `There is none of the name ${registration.name} either. Look at Cognigy, or register with another deploymentId.`;
      throw failure;
    }
    if (target.url !== undefined && target.url !== registration.url) {
      this.#logger.warn({ id: target.id, name: registration.name }, 'the target is registered, but points elsewhere by now: somebody has changed it at Cognigy');
    }
    return target;
  }

  /** @param {Registration} registration @returns {Promise<Target | undefined>} the one of its name */
  async find({ name, secrets }) {
    const named = (await this.#items(name)).find((item) => item?.name === name);
    return named && this.#read(named, secrets);
  }

  /** @returns {Promise<Target[]>} all that it tells of at once */
  async list() {
    const items = await this.#items(undefined);
    return items.flatMap((item) => this.#read(item, []) ?? []);
  }

  /** @param {string | undefined} name @returns {Promise<any[]>} */
  async #items(name) {
    const { path, query } = this.#resource;
    try {
      const listed = parse(await this.#client.request({ path, query: query(name, { settings: this.#settings }) }));
      const items = Array.isArray(listed) ? listed : listed?.items;
      return Array.isArray(items) ? items : [];
    } catch (thrown) {
      if (/** @type {TrunklineError} */ (thrown).code === 'NOT_FOUND') return [];
      throw explained(thrown, this.#resource.scopes?.[1], []);
    }
  }

  /**
   * One look at a target: no further try, that is for the caller.
   * @param {string} id
   * @param {{ timeoutMs: number, secrets: string[] }} o
   * @returns {Promise<Target>}
   */
  async get(id, { timeoutMs, secrets }) {
    const answer = await this.#client.request({ path: `${this.#resource.path}/${encodeURIComponent(id)}`, timeoutMs, retry: false });
    return this.#toTarget(parse(answer), secrets, id);
  }

  /** @param {any} item @param {string[]} secrets @returns {Target | undefined} undefined without an id */
  #read(item, secrets) {
    const { id } = this.#resource.read(Object(item));
    const isId = (typeof id === 'string' && id !== '') || typeof id === 'number';
    return isId ? this.#toTarget(item, secrets, String(id)) : undefined;
  }

  /** @param {any} item @param {string[]} secrets @param {string} id @returns {Target} */
  #toTarget(item, secrets, id) {
    const { status, url } = this.#resource.read(Object(item));
    const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined);
    return { id, status: text(status), url: text(url), data: redact(item, secrets) };
  }

  close() {
    return this.#client.close();
  }
}

/** @param {import('../..').HttpResponse | undefined} answer @returns {any} its JSON; undefined where it is none */
function parse(answer) {
  try {
    return answer?.json();
  } catch {
    return undefined;
  }
}

/**
 * The same error, with what the platform said of it.
 * @param {any} error
 * @param {string | undefined} scope that the call needs
 * @param {string[]} secrets
 */
function explained(error, scope, secrets) {
  if (!(error instanceof TrunklineError)) throw error;
  if (error.code === 'AUTHORIZATION_FAILED' && scope !== undefined) {
    error.hint = `Give the client the scope ${scope}. If it has it, look whether a network policy of Cognigy forbids the target.`;
  }
  const said = parse(/** @type {any} */ (error).response);
  const text = [said?.error_description, said?.detail, said?.message, said?.error].find((one) => typeof one === 'string' && one !== '');
  if (text !== undefined) error.message += `: ${redact(text, secrets).slice(0, MAX_SAID)}`;
  return /** @type {TrunklineError & { response?: import('../..').HttpResponse }} */ (error);
}

module.exports = { readRegistry, TargetRegistry };
