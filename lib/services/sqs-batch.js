// Batches of Amazon SQS as AWS Lambda hands them over, and the answer that names the messages to deliver again
// (ReportBatchItemFailures).
'use strict';

/** @typedef {{ messageId: string, body: string, eventSource?: string, attributes?: Record<string, string> }} Message */
/** @typedef {{ batchItemFailures: Array<{ itemIdentifier: string }> }} BatchAnswer */

/** @param {any} event */
function isBatch(event) {
  return Array.isArray(event?.Records) && event.Records.every((/** @type {any} */ record) => record?.eventSource === 'aws:sqs');
}

/**
 * @param {Message[]} messages
 * @param {number} concurrency messages at a time
 * @param {(message: Message) => Promise<boolean>} settle done with it? Never rejects
 * @returns {Promise<BatchAnswer>}
 */
async function settleBatch(messages, concurrency, settle) {
  /** @type {Message[]} */
  const failed = [];
  const groups = groupsOf(messages).values();
  // They share one iterator: each takes the next group when it is done with its last.
  const lines = Array.from({ length: Math.min(concurrency, messages.length) }, async () => {
    for (const group of groups) failed.push(...(await settleGroup(group, settle)));
  });
  await Promise.all(lines);
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/**
 * The messages of a group of a FIFO queue keep their order: what follows on one that failed has to wait for it.
 * @param {Message[]} group
 * @param {(message: Message) => Promise<boolean>} settle
 * @returns {Promise<Message[]>} those to deliver again
 */
async function settleGroup(group, settle) {
  for (const [index, message] of group.entries()) {
    if (!(await settle(message))) return group.slice(index);
  }
  return [];
}

/** @param {Message[]} messages @returns {Message[][]} in a queue without order each message is a group */
function groupsOf(messages) {
  /** @type {Map<string, Message[]>} */
  const groups = new Map();
  for (const message of messages) {
    const key = message.attributes?.MessageGroupId === undefined ? `message ${message.messageId}` : `group ${message.attributes.MessageGroupId}`;
    const group = groups.get(key);
    if (group) group.push(message);
    else groups.set(key, [message]);
  }
  return [...groups.values()];
}

module.exports = { isBatch, settleBatch };
