// Events of Genesys Cloud as Amazon EventBridge hands them over.
'use strict';

const { TrunklineError } = require('../errors.js');

/**
 * Two shapes: that of seed T3 (source "genesys.cloud", the facts in `detail`), and that of Genesys Cloud's own event source
 * ("aws.partner/genesys.com/cloud/…", the facts in `detail.eventBody`).
 * @typedef {object} Facts
 * @property {string} interactionId
 * @property {string | undefined} eventId
 * @property {string | undefined} participantId
 * @property {Record<string, unknown> | undefined} attributes what an event "…attributes" tells of
 */

const PARTNER = 'aws.partner/genesys.com/';
const MAX_ID_LENGTH = 1024;

/** @param {any} event */
function bodyOf(event) {
  return event?.detail?.eventBody ?? event?.detail;
}

/**
 * @param {any} event
 * @returns {Facts}
 * @throws {TrunklineError} MALFORMED_PAYLOAD for an event of somebody else, or without an interaction
 */
function readEvent(event) {
  const source = event?.source;
  if (source !== 'genesys.cloud' && !(typeof source === 'string' && source.startsWith(PARTNER))) {
    throw new TrunklineError('MALFORMED_PAYLOAD', `Invalid event source. Expected genesys.cloud or ${PARTNER}…`);
  }
  const body = bodyOf(event);
  const interactionId = body?.interactionId ?? body?.conversationId;
  if (!isId(interactionId)) {
    throw new TrunklineError('MALFORMED_PAYLOAD', 'Missing interactionId in event.detail, or conversationId in event.detail.eventBody');
  }
  const { participantId, attributes } = body;
  return {
    interactionId,
    eventId: eventIdOf(event),
    participantId: isId(participantId) ? participantId : undefined,
    attributes: attributes !== null && typeof attributes === 'object' ? attributes : undefined,
  };
}

/**
 * @param {any} event
 * @returns {string | undefined} EventBridge's id, the same for every delivery of an event; undefined where it is none that a header could carry
 */
function eventIdOf(event) {
  const id = event?.id;
  return typeof id === 'string' && /^[\x21-\x7e]{1,255}$/.test(id) ? id : undefined;
}

/**
 * Where a customer's id stands, unless the user says otherwise.
 * @param {any} event
 * @returns {unknown} undefined: nowhere
 */
function customerIdFrom(event) {
  const body = bodyOf(event);
  return body?.externalCustomerId ?? body?.attributes?.externalCustomerId ?? body?.externalContactId;
}

/** @param {unknown} value @returns {value is string} */
const isId = (value) => typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH;

module.exports = { readEvent, eventIdOf, customerIdFrom };
