// Route to CXone: writes the detected intent to the CXone conversation, by trunkline's POST /api/route.
import { TOKEN, type TokenConnection } from '../connections';
import { createNode, field } from '../create-node';
import { Failure } from '../failure';
import { post } from '../trunkline';

function readConfidence(text: string, score: number | undefined): number | undefined {
  if (text === '') return score;
  const confidence = Number(text);
  if (!Number.isFinite(confidence)) throw new Failure('MALFORMED_PAYLOAD', 'Confidence: expected a number from 0 to 1');
  return confidence;
}

export const routeToCxone = createNode<TokenConnection>({
  type: 'routeToCxone',
  label: 'Route to CXone',
  summary: 'Tells NICE CXone the intent, so that it finds the queue',
  connectionType: TOKEN,
  fields: [
    field('conversationId', 'CXone conversation', 'A UUID, or the number of a contact. The channel hands it over when the conversation begins.', '{{context.cxoneConversationId}}', true),
    field('confidence', 'Confidence', 'From 0 to 1.', '{{input.intentScore}}'),
  ],
  async work({ connection, intent, input, text, endsAtMs }) {
    const conversationId = text('conversationId');
    if (conversationId === '') throw new Failure('MALFORMED_PAYLOAD', 'Missing CXone Conversation ID in session variables');
    const body = { conversationId, intent, confidence: readConfidence(text('confidence'), input.intentScore), timestamp: new Date().toISOString() };
    return post({ baseUrl: connection.baseUrl, path: '/api/route', body, token: connection.inboundToken, endsAtMs });
  },
});
