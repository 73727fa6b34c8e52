// What POST /api/route takes, checked: every field that is wrong is named at once.
'use strict';

const { TrunklineError } = require('../errors.js');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Of an ACD contact. */
const DECIMAL = /^\d{1,20}$/;
const MAX_INTENT_LENGTH = 256;

/** @param {unknown} value */
const isAbsent = (value) => value === undefined || value === null;

/** @param {unknown} value */
const isBlank = (value) => isAbsent(value) || (typeof value === 'string' && value.trim() === '');

/** What is expected of a field, by its name, and whether it is that. @type {Record<string, { expected: string, fits: (value: any) => boolean }>} */
const FIELDS = {
  conversationId: { expected: 'a UUID or decimal digits', fits: (id) => typeof id === 'string' && (UUID.test(id) || DECIMAL.test(id)) },
  intent: { expected: `a text of at most ${MAX_INTENT_LENGTH} characters`, fits: (intent) => typeof intent === 'string' && intent.length <= MAX_INTENT_LENGTH },
  confidence: { expected: 'a number from 0 to 1', fits: (number) => typeof number === 'number' && number >= 0 && number <= 1 },
};

/**
 * @param {any} given
 * @returns {{ conversationId: string, intent: string, confidence: number | undefined }}
 * @throws {TrunklineError} MALFORMED_PAYLOAD
 */
function readRouteRequest(given) {
  const { conversationId, intent, confidence } = Object(given);
  const present = Object.entries({
    conversationId: isBlank(conversationId) ? undefined : conversationId,
    intent: isBlank(intent) ? undefined : intent,
    confidence,
  }).filter(([, value]) => !isAbsent(value));
  const wrong = present.filter(([name, value]) => !FIELDS[name].fits(value)).map(([name]) => `${name} (expected ${FIELDS[name].expected})`);
  const problems = [
    ...(isBlank(conversationId) || isBlank(intent) ? ['Missing required fields: conversationId, intent'] : []),
    ...(wrong.length > 0 ? [`Invalid fields: ${wrong.join(', ')}`] : []),
  ];
  if (problems.length > 0) throw new TrunklineError('MALFORMED_PAYLOAD', problems.join('; '));
  return { conversationId, intent, confidence: confidence ?? undefined };
}

module.exports = { readRouteRequest };
