// A CommonJS user: every entry point through require().
import trunkline = require('trunkline');
import sandbox = require('trunkline/sandbox');

const verifier: trunkline.SignatureVerifier = new trunkline.SignatureVerifier({ scheme: 'connector', secrets: ['new', Buffer.from('old')] });
const headers: Record<string, string> = verifier.sign('{}');
const verdict = verifier.verify(Buffer.from('{}'), headers);
if (verdict.valid) verdict.secretIndex.toFixed();
else verdict.reason satisfies 'missing' | 'malformed' | 'mismatch' | 'expired';

export async function main(): Promise<void> {
  const platforms = await sandbox.createSandbox({ port: 0, host: '127.0.0.1' });
  const events = trunkline.cognigyEvents({ secrets: 's3cret-of-the-bot', apiToken: 'token' });
  await events.ready();
  await events.close();
  await platforms.close();
}
