// Connections: where trunkline is, and the secrets that it asks for. Cognigy.AI keeps them encrypted, and hands them to a node as `config.connection`.
import type { IConnectionSchema } from '@cognigy/extension-tools';

/** For events: the secret that they are signed with, COGNIGY_WEBHOOK_SECRET of the service. */
export interface SigningConnection {
  baseUrl: string;
  webhookSecret: string;
}

/** For requests: the bearer token that opens the routes, TRUNKLINE_INBOUND_TOKEN of the service. */
export interface TokenConnection {
  baseUrl: string;
  inboundToken: string;
}

export const SIGNING = 'trunklineSigning';
export const TOKEN = 'trunklineToken';

export const connections: IConnectionSchema[] = [
  { type: SIGNING, label: 'trunkline: signed events', fields: [{ fieldName: 'baseUrl' }, { fieldName: 'webhookSecret' }] },
  { type: TOKEN, label: 'trunkline: bearer token', fields: [{ fieldName: 'baseUrl' }, { fieldName: 'inboundToken' }] },
];
