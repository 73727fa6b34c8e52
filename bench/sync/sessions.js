// Sessions of many customers, one after the other.
'use strict';

const CUSTOMERS = 10_000;
let number = 0;

function nextSession() {
  number += 1;
  return { sessionId: `sess-${number}`, currentIntent: 'billing_inquiry', sentiment: 0.82, customerEmail: 'customer@example.com', externalCustomerId: `CUST-${number % CUSTOMERS}` };
}

module.exports = { nextSession };
