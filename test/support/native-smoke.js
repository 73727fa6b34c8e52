// All that is native, under whichever Node runs this, in the folder of an application that has trunkline: `node native-smoke.js MODE OPTIONS`.
'use strict';

const path = require('node:path');
const { once } = require('node:events');
const { createRequire } = require('node:module');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');

/** @type {typeof import('trunkline')} */
const trunkline = createRequire(path.join(process.cwd(), 'app.js'))('trunkline');

const { SignatureVerifier, IdempotencyRing, HttpClient, retry, parseRetryAfter, preflight, cognigyEvents, functionQueue } = trunkline;

/** @typedef {{ url: string, tlsUrl: string, ca: string, dataDir: string }} Options */
/** @type {[string, Options]} */
const [mode, options] = isMainThread ? [process.argv[2], JSON.parse(process.argv[3])] : workerData;
const { url, tlsUrl, ca, dataDir } = options;

const SECRET = 'secret';
const FAST = { attempts: 3, baseMs: 1, factor: 1, maxMs: 1, jitter: /** @type {const} */ ('none') };
const ENDINGS = ['exit', 'terminate', 'throw'];

/** What came of it: the code of an error. @param {Promise<unknown>} promise */
const codeOf = (promise) => promise.then(() => 'none', (error) => error.code);

/** @param {string} name @param {string} apiBaseUrl @param {import('trunkline').CognigyEventsOptions} [more] */
const openService = (name, apiBaseUrl, more) => cognigyEvents({
  secrets: SECRET, apiToken: 'token', apiBaseUrl, dataDir: path.join(dataDir, name), idempotency: { capacity: 256 }, retry: FAST, logger: false, ...more,
});

/** @param {ReturnType<typeof openService>} service @param {string} id */
function post(service, id) {
  const body = JSON.stringify({ webhookEventId: id, intent: 'x', dialogId: id, sessionId: 's' });
  return service.handle(body, new SignatureVerifier({ secrets: SECRET }).sign(body)['X-Cognigy-Signature']);
}

/** @param {string} name of the data directory @returns {Promise<Record<string, unknown>>} what the addon did */
async function everything(name) {
  const verifier = new SignatureVerifier({ scheme: 'standard-webhooks', secrets: 'whsec_dHJ1bmtsaW5l' });
  const headers = verifier.sign('body');
  const ring = new IdempotencyRing({ capacity: 8 });

  const plain = new HttpClient({ baseUrl: url, retry: FAST, auth: { type: 'oauth2', tokenUrl: `${url}/token`, clientId: 'id', clientSecret: 's' } });
  const trusting = new HttpClient({ baseUrl: tlsUrl, tls: { ca } });
  const doubting = new HttpClient({ baseUrl: tlsUrl });
  const flaky = await plain.request({ path: `/flaky/${name}` });
  const secure = await trusting.request({ path: '/', method: 'POST', json: { text: 'x'.repeat(100_000) } });
  const untrusted = await codeOf(doubting.request({ path: '/', retry: false }));
  await Promise.all([plain, trusting, doubting].map((client) => client.close()));

  /** @type {string[]} */
  const published = [];
  const service = openService(name, url, { queue: functionQueue((message) => { published.push(message.eventId); }) });
  /** @type {any[]} */
  const answers = [];
  for (const id of ['good', 'good', 'refused']) answers.push((await post(service, id)).body);
  const neighbour = openService(name, url);
  answers.push((await post(neighbour, 'good')).body);
  const letters = await service.deadLetters.list();
  await Promise.all([service, neighbour].map((one) => one.close()));

  let tries = 0;
  return {
    verified: [verifier.verify('body', headers).valid, verifier.verify('other', headers).valid],
    claimed: [ring.claim('a'), ring.claim('a'), ring.complete('a'), ring.claim('a')],
    flaky: [flaky.attempts, flaky.json()],
    secure: [secure.status, secure.body.length],
    untrusted,
    retried: await retry(async () => { tries += 1; if (tries < 3) throw Object.assign(new Error('again'), { retryable: true }); return tries; }, FAST),
    retryAfterMs: parseRetryAfter('2'),
    forbidden: await codeOf(preflight(tlsUrl)),
    preflights: await Promise.all([undefined, ca].map(async (authority) => (await preflight(tlsUrl, { allowPrivate: true, ca: authority })).ok)),
    answers: answers.map(({ status }) => status),
    published,
    letters: letters.map(({ eventId, status }) => [eventId, status]),
  };
}

/** Requests that are never answered, once the server has them: of a client, of a service, of a preflight. @param {string} name */
async function beBusy(name) {
  const hanging = `${url}/hang/${name}`;
  const client = new HttpClient({ baseUrl: hanging, timeoutMs: 60_000 });
  for (const path_ of ['/a', '/b']) client.request({ path: path_ }).catch(() => {});
  const service = openService(name, hanging, { timeoutMs: 60_000 });
  for (const id of ['c', 'd']) post(service, id).catch(() => {});
  preflight(`${tlsUrl}/hang/${name}`, { allowPrivate: true, ca, timeoutMs: 60_000 }).catch(() => {});
  await new HttpClient({ baseUrl: url, timeoutMs: 60_000 }).request({ path: `/arrived/${name}/5` });
}

/** A worker that is busy, and then ends as it is told. @param {string} ending @param {number} number */
async function endWorker(ending, number) {
  const worker = new Worker(__filename, { workerData: [`busy-${ending}-${number}`, options] });
  const failed = new Promise((resolve) => { worker.once('error', ({ message }) => resolve(message)); });
  const exited = new Promise((resolve) => { worker.once('exit', resolve); });
  await Promise.race([once(worker, 'message'), failed]);
  if (ending === 'terminate') await worker.terminate();
  else worker.postMessage(ending);
  return ending === 'throw' ? failed : exited;
}

/** What the main thread does, by mode. @type {Record<string, () => Promise<unknown>>} */
const MODES = {
  everything: async () => {
    const worker = new Worker(__filename, { workerData: ['everything', options] });
    const [main, [there]] = await Promise.all([everything('main'), once(worker, 'message')]);
    return { main, worker: there };
  },
  'workers-end': async () => {
    const ended = await Promise.all(ENDINGS.flatMap((ending) => [1, 2].map(async (number) => [ending, await endWorker(ending, number)])));
    return { ended, usable: (await everything('afterwards')).answers };
  },
  exit: async () => {
    const worker = new Worker(__filename, { workerData: ['busy-never', options] });
    await Promise.all([beBusy('main'), once(worker, 'message')]);
    process.exit(3);
  },
};

/** What a worker does. */
async function work() {
  if (mode === 'everything') return parentPort?.postMessage(await everything('worker'));
  await beBusy(mode);
  parentPort?.on('message', (ending) => {
    if (ending === 'exit') process.exit(5);
    throw new Error('from the worker');
  });
  return parentPort?.postMessage('busy');
}

if (isMainThread) MODES[mode]().then((said) => console.log(JSON.stringify(said)));
else work();
