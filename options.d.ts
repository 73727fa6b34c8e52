/**
 * Options that several parts of the package take.
 */

import type { Logger } from './index';

/** Who may call a service's routes. */
export interface InboundOptions {
  /** Who knows it may call. `TRUNKLINE_INBOUND_TOKEN`. With neither this nor a secret only this machine may. */
  inboundToken?: string;
  /** Who signs with one of them may call (scheme `cognigy`). `TRUNKLINE_INBOUND_SECRET`, comma-separated. */
  inboundSecrets?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Anybody may call, from anywhere, without token and signature. Default false. */
  allowUnauthenticated?: boolean;
}

/** How a platform is reached. */
export interface ConnectionOptions {
  /** One try, from waiting for a connection to the last byte, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** DNS, TCP, the way through a proxy and TLS together, in milliseconds. Default 3000. */
  connectTimeoutMs?: number;
  /** Connections at a time; further requests wait for one. Default 64. */
  maxConnections?: number;
  /** At most so many requests per so many milliseconds; further ones wait, first come, first served. A 429 pauses all. Default: no limit. */
  rateLimit?: { requests: number; perMs: number };
  /**
   * After `failures` failed tries within `windowMs` nothing is sent for `openMs`; then one request is let through to see.
   * Failed are 408, 5xx, time-outs and lost connections. Default false: no breaker.
   */
  breaker?: { failures: number; windowMs: number; openMs: number } | false;
  /** Which certificates are trusted, and our own. Default: those that Node trusts, and none. */
  tls?: TlsOptions;
  /**
   * `http://host:port`, with `user:password@` before the host where the proxy asks for them, percent-encoded; everything goes through it.
   * `false`: straight there. Default: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case, for everything but loopback.
   */
  proxy?: string | false;
  /** Allow plain http to other hosts than loopback. Default false. */
  allowInsecure?: boolean;
}

/** What every service takes. `maxConnections` and `breaker` count for each platform that a service calls. */
export interface ServiceOptions extends ConnectionOptions {
  /** Where the environment variables that stand in for options are looked up. Default `process.env`. An option wins over its variable. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Allow plain http to other hosts than loopback. `TRUNKLINE_ALLOW_INSECURE_HTTP=1`. Default false. */
  allowInsecure?: boolean;
  /** Default: one JSON object a line on stderr. `false`: none. */
  logger?: Logger | false;
}

/** TLS with a platform or a broker. */
export interface TlsOptions {
  /** Trusted beside Node's own roots, as PEM (RFC 7468). */
  ca?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** A client certificate, as PEM, where the far side asks for one. */
  cert?: string | Buffer;
  /** The certificate's key, as PEM. */
  key?: string | Buffer;
  /** `false` switches off the check of certificates, and warns. Default true. */
  rejectUnauthorized?: boolean;
}
