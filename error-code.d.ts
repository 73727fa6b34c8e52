// The codes that a TrunklineError can carry. Written by scripts/error-codes.js from src/base/errors.def; do not edit.

/** What happened. A string that does not change, and that is matched instead of the text. */
export type ErrorCode =
  /** The platform refused the credential (401). Check that it is complete, has no stray white space, has not expired, and belongs to this host. */
  | 'AUTHENTICATION_FAILED'
  /** The credential is valid but lacks a permission (403). Grant the scope or role that this call needs. */
  | 'AUTHORIZATION_FAILED'
  /** The object does not exist there (404). Check the id, and that host and tenant are the right ones. */
  | 'NOT_FOUND'
  /** An object of that name or state already exists (409). */
  | 'CONFLICT'
  /** The platform limits the rate of calls (429). Lower the rate or raise the quota; waits follow Retry-After. */
  | 'RATE_LIMITED'
  /** The platform refused the request as sent (4xx). The same request will be refused again; check the mapping. */
  | 'BAD_REQUEST'
  /** The platform failed (5xx). Nothing is wrong with the request; it is tried again where that is safe. */
  | 'UPSTREAM_ERROR'
  /** The answer is neither a success nor an error (1xx or 3xx). Redirects are not followed; use the final address as base URL. */
  | 'UNEXPECTED_STATUS'
  /** No complete answer came in time. Check that the platform is reachable, or raise the time-out. */
  | 'TIMEOUT'
  /** The connection could not be made or broke off. Check host, port, firewall and proxy. */
  | 'CONNECTION_FAILED'
  /** The host name could not be resolved. Check its spelling and the resolver of this machine. */
  | 'DNS_FAILED'
  /** The TLS connection was refused. Check the certificate's dates, names and chain, and the CA that you trust. */
  | 'TLS_FAILED'
  /** The answer is larger than the limit. Ask for less, or raise maxResponseBytes. */
  | 'RESPONSE_TOO_LARGE'
  /** The answer is not valid HTTP, or broke off. Something between here and the platform may have altered it. */
  | 'MALFORMED_RESPONSE'
  /** The body is not what the sender promised. Compare it with the documented fields. */
  | 'MALFORMED_PAYLOAD'
  /** The signature does not belong to these bytes and this secret. Sign the raw body, exactly as sent. */
  | 'SIGNATURE_INVALID'
  /** A body parser ran before this handler, so the signed bytes are gone. Mount the router before express.json(). */
  | 'BODY_CONSUMED'
  /** Too many calls failed within a short time, so calls to this platform pause. They resume by themselves. */
  | 'CIRCUIT_OPEN'
  /** The caller's AbortSignal ended the call. */
  | 'ABORTED'
  /** The object was closed before or during the call. Create a new one. */
  | 'CLOSED'
  /** The data directory cannot be used. Check that it exists, is writable, has free space, and that no other server uses it. */
  | 'STORE_UNAVAILABLE'
  /** More work is pending than the limit allows. Wait, or raise the limit. */
  | 'QUEUE_FULL'
  /** The host resolves to a private, loopback or link-local address. Set allowPrivate if that is meant. */
  | 'ADDRESS_FORBIDDEN'
  /** The token was granted without a scope that this service needs. Add it to the OAuth client. */
  | 'SCOPE_MISSING'
  /** An option or environment variable is missing or wrong. The message names it. */
  | 'CONFIG_INVALID';
