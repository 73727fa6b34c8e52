// Events of the sender: the example of seed T2, and signatures for them.
'use strict';

const { createHmac } = require('node:crypto');

let number = 0;

/** @param {object} [more] @returns {{ webhookEventId: string, intent: string, dialogId: string, sessionId: string, [field: string]: unknown }} */
function makeEvent(more = {}) {
  number += 1;
  return {
    webhookEventId: `evt_${process.pid}_${number}`,
    intent: 'order_management',
    dialogId: 'dlg_abc123',
    sessionId: 'sess_xyz789',
    userContext: { customerTier: 'gold', locale: 'de-DE' },
    ...more,
  };
}

/** @param {string | Buffer} body @param {string | Buffer} secret */
const signatureOf = (body, secret) => createHmac('sha256', secret).update(body).digest('hex');

/** @param {{ dialogId: string, sessionId: string }} event */
const statePath = ({ dialogId, sessionId }) => `/api/v1/dialogs/${encodeURIComponent(dialogId)}/sessions/${encodeURIComponent(sessionId)}/state`;

module.exports = { makeEvent, signatureOf, statePath };
