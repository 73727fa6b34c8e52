// Why a node could not do its work, as a Flow reads it: a short word to branch on, and a sentence for people.

export class Failure extends Error {
  constructor(readonly routingError: string, message: string) {
    super(message);
  }
}

/** What the service said, where it said something; else what trunkline says. Neither holds a secret. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message, response } = error as { code?: string; message?: string; response?: { json(): any } };
  return new Failure(code ?? 'INTERNAL', saidIn(response) ?? message ?? String(error));
}

function saidIn(response: { json(): any } | undefined): string | undefined {
  try {
    const said = response?.json()?.error;
    return typeof said === 'string' && said !== '' ? said : undefined;
  } catch {
    return undefined;
  }
}
