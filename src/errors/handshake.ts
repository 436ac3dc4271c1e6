/**
 * Why a server refuses an opening handshake: such an error is the response (RFC 6455, 4.2.2).
 *
 * @module
 */

/** Why an opening handshake was refused. */
export type HandshakeCode =
  | "MALFORMED_REQUEST"
  | "MALFORMED_RESPONSE"
  | "BAD_PROTOCOL"
  | "BAD_METHOD"
  | "BAD_HOST"
  | "BAD_ORIGIN"
  | "BAD_FORWARDED"
  | "BAD_PROXY_HEADER"
  | "BAD_BODY"
  | "BAD_UPGRADE"
  | "BAD_CONNECTION"
  | "BAD_SEC_KEY"
  | "BAD_SEC_VERSION"
  | "BAD_SUBPROTOCOL"
  | "UPGRADE_REQUIRED"
  | "REJECTED"
  | "INTERNAL";

/** The message of each refusal, and the HTTP status that answers it. */
const refusals: Record<HandshakeCode, readonly [message: string, status: number]> = {
  MALFORMED_REQUEST: ["Malformed HTTP request", 400],
  MALFORMED_RESPONSE: ["Malformed HTTP response", 502],
  BAD_PROTOCOL: ["HTTP/1.1 is required", 505],
  BAD_METHOD: ["Method must be GET", 405],
  BAD_HOST: ["One valid Host header is required", 400],
  BAD_ORIGIN: ["Origin is not allowed", 403],
  BAD_FORWARDED: ["Malformed Forwarded header", 400],
  BAD_PROXY_HEADER: ["Malformed PROXY header", 400],
  BAD_BODY: ["Handshake has a body", 400],
  BAD_UPGRADE: ["Upgrade header does not name websocket", 400],
  BAD_CONNECTION: ["Connection header does not name Upgrade", 400],
  BAD_SEC_KEY: ["Sec-WebSocket-Key is not one value of 16 bytes", 400],
  BAD_SEC_VERSION: ["Sec-WebSocket-Version is not one value", 400],
  BAD_SUBPROTOCOL: ["Sec-WebSocket-Protocol must be a list of tokens, each once", 400],
  UPGRADE_REQUIRED: ["WebSocket version 13 is required", 426],
  REJECTED: ["Connection rejected", 403],
  INTERNAL: ["Internal error", 500],
};

/** Headers of a response, as names with values, in the order in which they are written. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** What a {@link HandshakeError} says beside its code. */
export interface HandshakeErrorOptions {
  /** The error's message. It is also the body of the response if `body` is absent. Default: the message of the code. */
  readonly message?: string;
  /** HTTP status, 300 to 599. Default: the status of the code. */
  readonly status?: number;
  /** Headers to send in addition to the headers that every refusal has. Default: none. */
  readonly headers?: HeaderPairs;
  /** Body of the response. Default: the message, as plain text. */
  readonly body?: string | Uint8Array;
  /** The error that led to the refusal, for your logs. The peer does not see it. */
  readonly cause?: unknown;
}

/** The opening handshake was refused; on a server, this error is the response (RFC 6455, 4.2.2). */
export class HandshakeError extends Error {
  /** The class's own name. */
  override readonly name = "HandshakeError";
  /** Why it was refused. */
  readonly code: HandshakeCode;
  /** HTTP status of the response. */
  readonly status: number;
  /** Headers of the response, in addition to the headers that every refusal has. */
  readonly headers: HeaderPairs;
  /** Body of the response; undefined if the body is the message. */
  readonly body: string | Uint8Array | undefined;

  /** Makes the error for a code. `options` override the message and the HTTP status of the code. */
  constructor(code: HandshakeCode, options: HandshakeErrorOptions = {}) {
    const [message, status] = refusals[code];
    super(options.message ?? message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = options.status ?? status;
    this.headers = options.headers ?? [];
    this.body = options.body;
  }
}
