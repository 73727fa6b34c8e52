// Send signed event: makes the event that trunkline's event service verifies. Cognigy.AI itself signs nothing.
import { SIGNING, type SigningConnection } from '../connections';
import { createNode, field } from '../create-node';
import { Failure } from '../failure';
import { post } from '../trunkline';

export const sendSignedEvent = createNode<SigningConnection>({
  type: 'sendSignedEvent',
  label: 'Send signed event',
  summary: 'Sends the conversation to trunkline as a signed event',
  connectionType: SIGNING,
  fields: [
    field('dialogId', 'Dialog', 'The dialog whose state trunkline updates.', '{{input.flowName}}', true),
    field('sessionId', 'Session', 'The session in it.', '{{input.sessionId}}', true),
    // The same for every try, and for another run of the same input: trunkline takes an id once.
    field('eventId', 'Event id', 'An event of the same id is taken once.', '{{input.inputId}}', true),
    { type: 'json', key: 'userContext', label: 'User context', description: 'Goes with the event as it is.', defaultValue: {} },
  ],
  async work({ connection, intent, input, text, raw, endsAtMs }) {
    const event = {
      webhookEventId: text('eventId') || input.inputId || '',
      intent,
      dialogId: text('dialogId') || input.flowName || '',
      sessionId: text('sessionId') || input.sessionId || '',
      userContext: raw('userContext') ?? {},
    };
    const answer = await post({ baseUrl: connection.baseUrl, path: '/webhook/cognigy', body: event, secret: connection.webhookSecret ?? '', endsAtMs });
    // It is kept there and can be replayed, but what it was to do has not been done.
    if (answer.status === 'failed_queued_for_dlq') throw new Failure('failed_queued_for_dlq', String(answer.error));
    return answer;
  },
});
