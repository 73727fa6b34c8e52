// Events as Cognigy.AI posts them, of a wanted size, with ids of their own, signed.
'use strict';

const { createHmac, randomUUID } = require('node:crypto');

const SECRET = 'bench-webhook-secret-0123456789abcdef';
const INTENTS = ['order_management', 'account_support', 'billing_inquiry', 'smalltalk'];
const LINES = [
  'Where is my parcel? It was to come on Tuesday, and nobody called.',
  'Guten Tag, ich möchte die Lieferadresse für meine Bestellung ändern.',
  'The invoice says 129.90, but the order confirmation said 119.90. Which one is right?',
  'Merci ! C\'est très gentil, je vais vérifier ça tout de suite.',
  'Please connect me with a person, the "quick reply" buttons do not help.',
];

/**
 * The JSON text of one event, `bytes` long in UTF-8, and minified as JSON.stringify writes it (the seed can verify nothing else).
 *
 * @param {number} bytes
 * @param {number} index
 */
function eventText(bytes, index) {
  /** @type {Record<string, any>} */
  const event = {
    webhookEventId: randomUUID(),
    intent: INTENTS[index % INTENTS.length],
    dialogId: `dlg_${(index * 7919).toString(16).padStart(12, '0')}`,
    sessionId: `sess_${(index * 104729).toString(16).padStart(12, '0')}`,
    userContext: { customerId: `CUST-${1000 + (index % 9000)}`, orderId: `ORD-${10000 + (index % 90000)}`, channel: 'webchat3', locale: 'de-DE' },
  };
  if (bytes > 1024) {
    /** @type {object[]} */
    const transcript = [];
    event.userContext.transcript = transcript;
    let length = Buffer.byteLength(JSON.stringify(event));
    for (let turn = 0; ; turn += 1) {
      const line = { at: 1_764_000_000_000 + turn * 4211, source: turn % 2 ? 'bot' : 'user', text: LINES[turn % LINES.length], score: (turn % 97) / 100 };
      const more = Buffer.byteLength(JSON.stringify(line)) + 1;
      if (length + more > bytes - 32) break;
      transcript.push(line);
      length += more;
    }
  }
  event.userContext.note = '';
  const missing = bytes - Buffer.byteLength(JSON.stringify(event));
  event.userContext.note = 'parcel shop, second floor '.repeat(Math.ceil(Math.max(missing, 0) / 26)).slice(0, Math.max(missing, 0));
  return JSON.stringify(event);
}

/**
 * @param {number} count
 * @param {number} bytes Size of each body.
 * @returns {import('./types').SignedEvent[]}
 */
function signedEvents(count, bytes, secret = SECRET) {
  return Array.from({ length: count }, (_, index) => {
    const body = Buffer.from(eventText(bytes, index));
    return { body, signature: createHmac('sha256', secret).update(body).digest('hex') };
  });
}

module.exports = { SECRET, eventText, signedEvents };
