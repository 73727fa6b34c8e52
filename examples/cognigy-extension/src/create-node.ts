// What all nodes have in common: fields, a time-out over everything, the variables in the context, and a child for each end.
import { createNodeDescriptor, type INodeDescriptor, type INodeFunctionBaseParams } from '@cognigy/extension-tools';
import { Failure, failureOf } from './failure';

/** Cognigy.AI ends an execution after 20 s, and then neither child would run. */
const MAX_TIMEOUT_MS = 18_000;
const DEFAULT_TIMEOUT_MS = 5000;

type INodeField = NonNullable<INodeDescriptor['fields']>[number];
type Input = INodeFunctionBaseParams['cognigy']['input'];

/** What a node's work is given. */
export interface Task<Connection> {
  connection: Connection;
  /** Of the input where the field is empty; never empty itself. */
  intent: string;
  input: Input;
  /** A field as text, without white space at its ends; '' where there is none. */
  text(key: string): string;
  raw(key: string): unknown;
  /** When the time is out, as `performance.now()` tells it. */
  endsAtMs: number;
}

export interface Kind<Connection> {
  type: string;
  label: string;
  summary: string;
  connectionType: string;
  fields: INodeField[];
  /** Its result is kept in the context. What it throws ends in the error child. */
  work(task: Task<Connection>): Promise<unknown>;
}

/** For a field of a node. */
export const field = (key: string, label: string, description: string, defaultValue = '', required = false): INodeField => ({
  type: 'cognigyText', key, label, description, defaultValue, params: { required },
});

const textOf = (value: unknown) => (value === undefined || value === null ? '' : String(value).trim());

function readTimeout(given: unknown): number {
  const timeoutMs = textOf(given) === '' ? DEFAULT_TIMEOUT_MS : Number(given);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    throw new Failure('CONFIG_INVALID', `Time-out: expected a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
  }
  return timeoutMs;
}

/** The node and its children, `{type}OnSuccess` and `{type}OnError`. */
export function createNode<Connection>(kind: Kind<Connection>): INodeDescriptor[] {
  const { type, label, summary, connectionType, fields, work } = kind;
  const onSuccess = `${type}OnSuccess`;
  const onError = `${type}OnError`;

  const run = async ({ cognigy, config, childConfigs }: INodeFunctionBaseParams): Promise<void> => {
    const startedMs = performance.now();
    const { api, input } = cognigy;
    const given = (config ?? {}) as Record<string, unknown>;
    const intent = textOf(given.intent) || textOf(input?.intent);
    const end = (child: string, variables: Record<string, unknown>) => {
      for (const [key, value] of Object.entries(variables)) api.addToContext?.(key, value, 'simple');
      const next = childConfigs?.find((one) => one.type === child);
      if (next) api.setNextNode?.(next.id);
    };
    try {
      const timeoutMs = readTimeout(given.timeoutMs);
      if (intent === '') throw new Failure('No intent detected', 'No intent detected');
      if (!given.connection) throw new Failure('CONFIG_INVALID', `${label}: no connection is chosen`);
      const result = await work({
        connection: given.connection as Connection,
        intent,
        input,
        text: (key) => textOf(given[key]),
        raw: (key) => given[key],
        endsAtMs: startedMs + timeoutMs,
      });
      end(onSuccess, { routingSuccess: true, detectedIntent: intent, routingError: null, routingErrorMessage: null, [textOf(given.contextKey) || type]: result });
    } catch (error) {
      const { routingError, message } = failureOf(error);
      api.log?.('error', `${label}: ${routingError}: ${message}`);
      end(onError, { routingSuccess: false, detectedIntent: intent || null, routingError, routingErrorMessage: message });
    }
  };

  const node = createNodeDescriptor({
    type,
    defaultLabel: label,
    summary,
    fields: [
      { type: 'connection', key: 'connection', label: 'trunkline', params: { connectionType, required: true } },
      ...fields,
      field('intent', 'Intent', 'What the caller wants.', '{{input.intent}}', true),
      { type: 'number', key: 'timeoutMs', label: 'Time-out in milliseconds', description: `For everything, tries included; at most ${MAX_TIMEOUT_MS}.`, defaultValue: DEFAULT_TIMEOUT_MS },
      field('contextKey', 'Context key', 'Where the answer of trunkline is kept.', type),
    ],
    sections: [{ key: 'more', label: 'More', defaultCollapsed: true, fields: ['intent', 'timeoutMs', 'contextKey'] }],
    form: [{ type: 'field', key: 'connection' }, ...fields.map(({ key }) => ({ type: 'field' as const, key })), { type: 'section', key: 'more' }],
    dependencies: { children: [onSuccess, onError] },
    tags: ['service'],
    function: run,
  });
  return [node, child(onSuccess, type, 'On Success', '#61d188'), child(onError, type, 'On Error', '#cf142b')];
}

function child(type: string, parentType: string, defaultLabel: string, color: string): INodeDescriptor {
  return createNodeDescriptor({
    type,
    parentType,
    defaultLabel,
    appearance: { color, textColor: 'white', variant: 'mini' },
    constraints: { editable: false, deletable: false, creatable: false, movable: false, collapsable: true, placement: { predecessor: { whitelist: [] } } },
  });
}
