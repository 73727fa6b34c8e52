// trunkline/sandbox as a CommonJS user of TypeScript sees it.
import sandboxModule = require('trunkline/sandbox');

async function use(): Promise<void> {
  const sandbox: sandboxModule.Sandbox = await sandboxModule.createSandbox({ port: 0, host: '127.0.0.1' });
  const fault: sandboxModule.Fault = sandbox.faults.add({ platform: 'cognigy', path: /state$/, status: 429, times: -1, drop: 'mid-body' });
  const removed: boolean = sandbox.faults.remove(fault.id);
  const statuses: Array<number | null> = (await sandbox.requests.waitFor(({ replayed }) => !replayed, { count: 2 })).map(({ status }) => status);
  const url: string | undefined = sandbox.env.COGNIGY_API_BASE_URL;
  sandbox.settings.genesys.retryIntervalMs = 5;
  await sandbox.deliveries.idle();
  const codes: Array<string | null> = (await sandbox.deliveries.waitFor(({ status }) => status === 200, { timeoutMs: 100 })).map(({ code }) => code);
  void [removed, statuses, url, codes, sandbox.deliveries.pending];
  // @ts-expect-error how many are pending is the sandbox's to say
  sandbox.deliveries.pending = 0;
  // @ts-expect-error no such way to drop
  sandbox.faults.add({ drop: 'sometimes' });
  // @ts-expect-error the URL is the sandbox's own
  sandbox.url = '';
  await sandbox.close();
}
void use;
