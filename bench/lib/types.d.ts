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
  /** As its contender wants it; as made, the HMAC in hex. */
  signature: any;
}

/** Judges one signed event: is it accepted? */
export type Judge = (body: Buffer, signature: any) => boolean | Promise<boolean>;

export interface JudgeContender extends Contender {
  create(): Judge;
  /** How its senders sign, where it is not the HMAC in hex. */
  sign?(body: Buffer): unknown;
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

export type Tool = 'curl' | 'nginx' | 'openssl' | 'wrk';

/** Without these a benchmark is left out. */
export interface Needs {
  addon?: boolean;
  tools?: Tool[];
}

/** What the `index.js` of each benchmark exports. */
export interface Benchmark {
  needs: Needs;
  /** What is built before; its time is not the benchmark's. */
  prepare?(): Promise<unknown>;
  run(options: RunOptions): Promise<Result>;
}

/** One figure of several contenders side by side, drawn into the report. */
export interface Chart {
  title: string;
  bars: Array<{ name: string; value: number }>;
}

/** What a benchmark returns. */
export interface Result {
  title: string;
  judgements: Judgement[];
  head: string[];
  rows: Array<Array<string | number>>;
  notes: string[];
  charts?: Chart[];
}

export interface TimedResult extends Result {
  seconds: number;
}

/** What a simulated platform is started with. */
export interface PlatformSettings {
  /** By method; others are answered with {}. */
  answers?: Record<string, object>;
  /** Which a call takes; a token takes none. */
  answerMs?: number;
  /** Of a token, in seconds. */
  expiresIn?: number;
  scope?: string;
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

/** What a contender of `oauth` is started with. */
export interface OAuthSettings {
  baseUrl: string;
  /** Of the token server. */
  tokenBaseUrl: string;
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
