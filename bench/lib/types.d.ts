// Shapes that the benchmark's files hand to one another.

/** Who takes part; each benchmark adds what it needs to run it. */
export interface Contender {
  name: string;
}

/** Figures of one round, by name. */
export type Measurement = Record<string, number>;

/** The medians of all rounds, and the rounds. */
export interface Medians {
  [figure: string]: number;
}
export interface Alternated {
  medians: Medians;
  rounds: Measurement[];
}

export interface SignedEvent {
  body: Buffer;
  signature: string;
}

/** A figure beside its target; one of `min` and `max` is set. */
export interface Judgement {
  what: string;
  value: number;
  unit: string;
  target: { min?: number; max?: number };
}

export interface RunOptions {
  quick: boolean;
  progress(text: string): void;
}

/** What a benchmark returns. */
export interface Result {
  title: string;
  judgements: Judgement[];
  head: string[];
  rows: Array<Array<string | number>>;
  notes: string[];
}

/** What a contender of `service` is started with. */
export interface ServerSettings {
  secret: string;
  apiToken: string;
  apiBaseUrl: string;
  dataDir: string;
  variant?: string;
}

/** What a contender of `http` is started with. */
export interface ClientSettings {
  baseUrl: string;
  token: string;
  ca: string;
}

/** What a contender of `route` is started with. */
export interface RouteSettings {
  /** Of the simulated CXone, tokens included. */
  cxoneUrl: string;
  variant?: string;
}

export interface StateApi {
  baseUrl: string;
  requests(): Promise<number>;
  close(): Promise<void>;
}
