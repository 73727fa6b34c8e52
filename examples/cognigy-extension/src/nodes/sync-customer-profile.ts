// Sync customer profile: writes the session's findings to the customer's profile, by trunkline's POST /webhook/sync.
import { TOKEN, type TokenConnection } from '../connections';
import { createNode, field } from '../create-node';
import { Failure } from '../failure';
import { post } from '../trunkline';

export const syncCustomerProfile = createNode<TokenConnection>({
  type: 'syncCustomerProfile',
  label: 'Sync customer profile',
  summary: 'Writes intent and sentiment to the customer profile in Genesys Cloud',
  connectionType: TOKEN,
  fields: [
    field('externalCustomerId', 'Customer', 'How your systems call the customer. Without it nothing is written.', '{{context.externalCustomerId}}', true),
    field('sessionId', 'Session', 'The session that the findings are from.', '{{input.sessionId}}'),
    field('sentiment', 'Sentiment', 'As your Flow has found it.'),
    field('customerEmail', 'E-mail', 'Of the customer.', '{{profile.email}}'),
  ],
  async work({ connection, intent, input, text, endsAtMs }) {
    const externalCustomerId = text('externalCustomerId');
    if (externalCustomerId === '') throw new Failure('MALFORMED_PAYLOAD', 'externalCustomerId is required');
    const body = {
      sessionId: text('sessionId') || input.sessionId,
      currentIntent: intent,
      sentiment: text('sentiment') || undefined,
      customerEmail: text('customerEmail') || undefined,
      externalCustomerId,
    };
    return post({ baseUrl: connection.baseUrl, path: '/webhook/sync', body, token: connection.inboundToken, endsAtMs });
  },
});
