// The enrichment as AWS Lambda runs it, over 500 events: environments that freeze, thaw and are killed, a CRM that hangs, bursts of 429, lost answers,
// revoked tokens and duplicates. Nothing is lost, nothing written twice, and nothing written for a customer who is not known.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { createSandbox } = require('../../lib/sandbox/index.js');
const { LambdaEnvironment } = require('../support/lambda-runtime-api.js');
const { seedEvent, partnerEvent } = require('../support/enrichment-stage.js');
const { send } = require('../support/send.js');
const { PATIENCE_MS } = require('../support/until.js');

const EVENTS = 500;
const KEEP_ALIVE_MS = 50;
const FREEZE_MS = 150;
const FREEZE_EVERY = 20;
const KILLED = [110, 310];
const DELIVERIES = 3; // of an asynchronous invocation: Lambda tries twice more
const SUPPORT = path.join(__dirname, '..', 'support');

/** What goes wrong with an event, by its number. A number falls under one of these at most, the first. */
const KINDS = /** @type {Array<{ name: string, is: (n: number) => boolean }>} */ ([
  { name: 'dead', is: (n) => n === 250 },
  { name: 'unknown', is: (n) => n % 10 === 3 },
  { name: 'nameless', is: (n) => n % 50 === 7 },
  { name: 'gone', is: (n) => n % 50 === 18 },
  { name: 'slow', is: (n) => n % 25 === 11 },
  { name: 'hanging', is: (n) => n % 100 === 21 },
  { name: 'limited', is: (n) => n % 20 === 5 },
  { name: 'unanswered', is: (n) => n % 25 === 16 },
  { name: 'broken', is: (n) => n % 50 === 34 },
  { name: 'down', is: (n) => n % 100 === 42 },
  { name: 'well', is: () => true },
]);

/** What the sandbox does to requests of an event of that kind. @type {Record<string, (customer: RegExp, interaction: RegExp) => import('../../sandbox').FaultOptions>} */
const FAULTS = {
  dead: (customer) => ({ path: customer, status: 503, times: -1 }),
  gone: (_, interaction) => ({ path: interaction, status: 404, times: -1 }),
  slow: (customer) => ({ path: customer, delayMs: 1000, times: 2 }),
  hanging: (customer) => ({ path: customer, delayMs: 1000, times: 4 }), // all tries of one delivery
  limited: (_, interaction) => ({ path: interaction, status: 429, times: 3 }),
  unanswered: (_, interaction) => ({ path: interaction, drop: 'after', times: 1 }),
  broken: (_, interaction) => ({ path: interaction, drop: 'before', times: 2 }),
  down: (_, interaction) => ({ path: interaction, status: 503, times: 4 }),
};

/** @param {number} n */
const kindOf = (n) => KINDS.find(({ is }) => is(n))?.name ?? '';

/** Whose end is that something is written. @param {number} n */
const isWritten = (n) => !['dead', 'unknown', 'nameless', 'gone'].includes(kindOf(n));

const customerOf = (/** @type {number} */ n) => `C-${n}`;
const interactionOf = (/** @type {number} */ n) => `interaction-${n}`;

/** @param {number} n */
function eventOf(n) {
  const customer = kindOf(n) === 'nameless' ? undefined : customerOf(n);
  if (n % 2) return seedEvent({ interactionId: interactionOf(n), externalCustomerId: customer });
  return partnerEvent({ conversationId: interactionOf(n), externalContactId: customer });
}

class Scene {
  sandbox;
  /** @type {LambdaEnvironment[]} */ environments = [];
  /** @type {Array<{ n: number, event: any, deliveries: number }>} */ queue = [];
  /** @type {number[]} */ deadLetters = [];
  /** Answers, by event. @type {Map<number, any[]>} */ answers = new Map();
  freezes = 0;

  /** @param {Awaited<ReturnType<typeof createSandbox>>} sandbox */
  constructor(sandbox) {
    this.sandbox = sandbox;
  }

  async prepare() {
    const authorization = `Bearer ${this.sandbox.env.CRM_API_KEY}`;
    for (let n = 0; n < EVENTS; n += 1) {
      const kind = kindOf(n);
      if (kind !== 'unknown') await send(`${this.sandbox.url}/customers/${customerOf(n)}`, { method: 'PUT', headers: { authorization }, body: JSON.stringify({ crmAccountId: `ACCT-${n}`, lifetimeValue: n }) });
      const fault = FAULTS[kind]?.(new RegExp(`^/customers/${customerOf(n)}$`), new RegExp(`^/api/v2/interactions/${interactionOf(n)}$`));
      if (fault) this.sandbox.faults.add(fault);
      const event = eventOf(n);
      this.queue.push({ n, event, deliveries: 0 });
      // EventBridge delivers at least once: soon after, or much later, and perhaps to the other environment.
      if (n % 7 === 0) this.queue.splice(Math.floor(this.queue.length * ((n % 5) / 5)), 0, { n, event, deliveries: 0 });
    }
    this.sandbox.requests.clear();
  }

  /** Hands events to one environment until there are none. @param {LambdaEnvironment} environment */
  async work(environment) {
    for (let count = 1; ; count += 1) {
      const item = this.queue.shift();
      if (!item) return;
      const outcome = await this.invoke(environment, item);
      item.deliveries += 1;
      if (outcome.error === undefined) this.answers.set(item.n, [...(this.answers.get(item.n) ?? []), outcome.result]);
      else if (item.deliveries < DELIVERIES) this.queue.push(item);
      else this.deadLetters.push(item.n);
      if (count % FREEZE_EVERY === 0) await this.freeze(environment);
      if (count % 100 === 0) this.sandbox.tokens.revoke();
    }
  }

  /** @param {LambdaEnvironment} environment @param {{ n: number, event: any, deliveries: number }} item */
  async invoke(environment, { n, event, deliveries }) {
    const outcome = environment.invoke(event, 10_000);
    if (KILLED.includes(n) && deliveries === 0) {
      await this.sandbox.requests.waitFor(({ path: where }) => where === `/customers/${customerOf(n)}`, { timeoutMs: PATIENCE_MS });
      await environment.kill();
    }
    return outcome;
  }

  /** @param {LambdaEnvironment} environment */
  async freeze(environment) {
    await environment.freeze();
    await sleep(FREEZE_MS); // its connections to the sandbox are closed meanwhile
    environment.thaw();
    this.freezes += 1;
  }

  /** How often something was written to an interaction. @returns {Map<string, number>} by path */
  writes() {
    const counts = new Map();
    for (const { method, path: where, status, replayed } of this.sandbox.requests.list()) {
      if (method !== 'PATCH' || status === null || status >= 300) continue;
      // Of a write whose answer was lost only its repetition is told.
      counts.set(where, replayed ? (counts.get(where) ?? 1) : (counts.get(where) ?? 0) + 1);
    }
    return counts;
  }

  async close() {
    await Promise.all(this.environments.map((environment) => environment.close()));
    await this.sandbox.close();
  }
}

/** @param {string} name @returns {string | undefined} the folder of an installed package */
function installed(name) {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** AWS's own is built from source when it is installed, which takes minutes and tools: it is used where somebody did. */
const ric = process.env.AWS_LAMBDA_RIC ?? installed('aws-lambda-ric');
const RUNTIMES = [
  { name: 'a small runtime', command: [path.join(SUPPORT, 'lambda-runtime.js')] },
  { name: 'aws-lambda-ric', command: ric && [path.join(ric, 'bin', 'index.mjs'), 'lambda-handler.handler'] },
];

for (const { name, command } of RUNTIMES) {
  describe(`enrichment in AWS Lambda, under ${name}`, () => {
    /** @type {Scene} */
    let scene;
    before(async function open() {
      if (!command) return this.skip();
      scene = new Scene(await createSandbox({ keepAliveMs: KEEP_ALIVE_MS }));
      await scene.prepare();
      for (let i = 0; i < 2; i += 1) {
        const env = { ...scene.sandbox.env, _HANDLER: 'lambda-handler.handler', LAMBDA_TASK_ROOT: SUPPORT, AWS_LAMBDA_FUNCTION_NAME: 'enrichment', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256' };
        scene.environments.push(await new LambdaEnvironment(command, env).open());
      }
      await Promise.all(scene.environments.map((environment) => scene.work(environment)));
    });
    after(() => scene?.close());

    it('every event ends as it should, and none is lost', () => {
      const numbers = Array.from({ length: EVENTS }, (_, n) => n);
      assert.deepEqual([...new Set(scene.deadLetters)], [250]);
      assert.deepEqual(numbers.filter((n) => !scene.answers.has(n)), [250]);
      for (const n of numbers.filter((one) => one !== 250)) {
        for (const { statusCode, body } of scene.answers.get(n) ?? []) {
          const told = JSON.parse(body);
          assert.equal(statusCode, ['unknown', 'nameless'].includes(kindOf(n)) ? 500 : 200, `${n}: ${body}`);
          if (kindOf(n) === 'gone') assert.ok(told.skipped || told.duplicate, body);
        }
      }
    });

    it('each is written once, and the others not at all', () => {
      const writes = scene.writes();
      const expected = Array.from({ length: EVENTS }, (_, n) => n).filter(isWritten);
      assert.ok(expected.length > 400);
      assert.deepEqual([...writes.keys()].sort(), expected.map((n) => `/api/v2/interactions/${interactionOf(n)}`).sort());
      assert.deepEqual([...writes].filter(([, count]) => count !== 1), []);
    });

    it('what was to go wrong did go wrong', () => {
      const requests = scene.sandbox.requests.list();
      const statuses = (/** @type {number | null} */ status) => requests.filter((request) => request.status === status).length;
      assert.ok(scene.freezes >= 20, `${scene.freezes} freezes`);
      assert.ok(statuses(429) >= 60 && statuses(503) >= 20 && statuses(null) >= 20 && statuses(401) >= 2, JSON.stringify([429, 503, null, 401].map(statuses)));
      assert.ok(requests.some(({ replayed }) => replayed), 'a repeated write found its first one');
    });

    it('the log has a line for each event, and nothing else', () => {
      // Of those that were killed only what they had written. Who works on how many is a matter of the machine.
      const lines = scene.environments.flatMap(({ stderr }) => stderr.trim().split('\n').map((line) => JSON.parse(line)));
      assert.ok(lines.length >= EVENTS, String(lines.length));
      assert.deepEqual([...new Set(lines.map(({ level }) => level))].sort(), [30, 40, 50]);
    });
  });
}
