// One contender's client in a process of its own: node client-child.js MODULE, its settings as JSON in BENCH_SETTINGS.
// Sends 'ready'; then answers each { concurrency, calls } or { concurrency, ms } with what that many calls, or that long, have cost. { cold }: no call before.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { monitorEventLoopDelay } = require('node:perf_hooks');

/** How long the JavaScript thread, which is the main one, has run, and has waited for a core to run on; NaN where the system does not tell. */
function jsThread() {
  try {
    const [ranNs, waitedNs] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ').map(Number);
    return { ranUs: ranNs / 1000, waitedMs: waitedNs / 1e6 };
  } catch {
    return { ranUs: NaN, waitedMs: NaN };
  }
}

/** How late the ticks of a timer come, less what the JavaScript thread waited for a core in that time. */
class OwnDelay {
  static #PERIOD_MS = 1;
  /** @type {number[]} */ #latenessMs = [];
  #atMs = performance.now();
  #waitedMs = jsThread().waitedMs;
  #timer = setInterval(() => {
    const atMs = performance.now();
    const { waitedMs } = jsThread();
    this.#latenessMs.push(Math.max(0, atMs - this.#atMs - OwnDelay.#PERIOD_MS - (waitedMs - this.#waitedMs)));
    this.#atMs = atMs;
    this.#waitedMs = waitedMs;
  }, OwnDelay.#PERIOD_MS);

  /** @param {number} percent */
  percentile(percent) {
    clearInterval(this.#timer);
    const sorted = Float64Array.from(this.#latenessMs).sort();
    return sorted[Math.floor((sorted.length * percent) / 100)];
  }
}

/**
 * Keeps `concurrency` calls under way until `goOn(started)` says no. Resolves with the latency of each in ms.
 *
 * @param {() => Promise<string>} post
 * @param {number} concurrency
 * @param {(started: number) => boolean} goOn
 */
async function drive(post, concurrency, goOn) {
  /** @type {number[]} */
  const latencies = [];
  let started = 0;
  const line = async () => {
    while (goOn(started)) {
      started += 1;
      const from = performance.now();
      const answer = await post();
      latencies.push(performance.now() - from);
      if (!answer.includes('"success":true')) throw new Error(`another answer: ${answer.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, line));
  return latencies;
}

/**
 * @param {() => Promise<string>} post
 * @param {{ concurrency: number, calls?: number, ms?: number, cold?: boolean }} wanted
 */
async function measure(post, { concurrency, calls = Infinity, ms = Infinity, cold = false }) {
  // Connections that were idle for too long since the last time are made again, unmeasured.
  if (!cold) await drive(post, concurrency, (started) => started < concurrency * 2);
  const delay = concurrency > 64 ? monitorEventLoopDelay({ resolution: 1 }) : undefined;
  delay?.enable();
  const ownDelay = delay && new OwnDelay();
  const js = jsThread();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const from = performance.now();
  const latencies = await drive(post, concurrency, (started) => started < calls && performance.now() - from < ms);
  const seconds = (performance.now() - from) / 1000;
  const { active } = performance.eventLoopUtilization(loop);
  const { user, system } = process.cpuUsage(cpu);
  const { ranUs, waitedMs } = jsThread();
  delay?.disable();
  const count = latencies.length;
  const sorted = Float64Array.from(latencies).sort();
  return {
    cpuUs: (user + system) / count,
    jsUs: (active * 1000) / count,
    jsCpuUs: (ranUs - js.ranUs) / count,
    jsWaitedPercent: (waitedMs - js.waitedMs) / seconds / 10,
    perSecond: count / seconds,
    p50Ms: sorted[Math.floor(count * 0.5)],
    p99Ms: sorted[Math.floor(count * 0.99)],
    loopDelayMs: delay ? delay.percentile(99) / 1e6 : NaN,
    ownLoopDelayMs: ownDelay ? ownDelay.percentile(99) : NaN,
  };
}

const { create } = require(path.resolve(__dirname, 'clients', process.argv[2]));
const post = create(JSON.parse(process.env.BENCH_SETTINGS ?? '{}'));
process.on('message', (/** @type {any} */ wanted) => {
  measure(post, wanted).then(
    (measured) => process.send?.(measured),
    (error) => process.send?.({ error: error.stack }),
  );
});
process.once('SIGTERM', () => process.exit(0));
process.send?.('ready');
