// rabbitMQ() as a queue like any other.
'use strict';

const { rabbitMQ } = require('../../lib/index.js');
const { conforms } = require('../queues/conformance.js');
const { collector } = require('../queues/handlers.js');
const { describeWithRabbitMQ } = require('../support/rabbitmq-stage.js');
const { sharedBroker } = require('../support/rabbitmq.js');

describeWithRabbitMQ('RabbitMQ', () => conforms(async () => {
  const { url } = await sharedBroker();
  return {
    queue: (o) => rabbitMQ({ url, logger: false, ...o }),
    source: `trunkline.rabbitMQ({ url: ${JSON.stringify(url)}, logger: false })`,
    deadLetters: async (queue, count) => {
      const reader = rabbitMQ({ url, logger: false });
      const seen = collector();
      try {
        await reader.consume(`${queue}.dead`, seen.handler);
        return (await seen.messages(count)).map(({ eventId }) => eventId);
      } finally {
        await reader.close();
      }
    },
    close: async () => {},
  };
}));
