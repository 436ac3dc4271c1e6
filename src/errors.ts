/**
 * Every error that framewire throws or reports. Errors that a catcher treats alike share a class; each cause has a code of its
 * own. This file lists all codes.
 *
 * Codes are stable; messages are for people and may change.
 *
 * @module
 */

import {
  type StatusCode,
  StatusInvalidFramePayloadData,
  StatusMessageTooBig,
  StatusPolicyViolation,
  StatusProtocolError,
} from "./status.ts";

/** A rule of RFC 6455 or RFC 7692 that the peer broke. */
export type ViolationCode =
  | "OPCODE_RESERVED"
  | "CONTROL_TOO_LONG"
  | "CONTROL_NOT_FINAL"
  | "RSV_NOT_ZERO"
  | "MASK_REQUIRED"
  | "MASK_UNEXPECTED"
  | "CONTINUATION_EXPECTED"
  | "CONTINUATION_UNEXPECTED"
  | "LENGTH_NOT_MINIMAL"
  | "LENGTH_SIGN_BIT"
  | "LENGTH_TOO_LARGE"
  | "CLOSE_BODY_TOO_SHORT"
  | "STATUS_NOT_IN_USE"
  | "STATUS_APPLICATION_LEVEL"
  | "STATUS_NO_MEANING"
  | "STATUS_UNKNOWN"
  | "INVALID_UTF8"
  | "RSV1_UNEXPECTED"
  | "INVALID_DEFLATE";

/** The message of each violation, and the status code that answers it. */
const violations: Record<ViolationCode, readonly [message: string, status: StatusCode]> = {
  OPCODE_RESERVED: ["Reserved opcode", StatusProtocolError],
  CONTROL_TOO_LONG: ["Control frame has more than 125 bytes", StatusProtocolError],
  CONTROL_NOT_FINAL: ["Control frame is fragmented", StatusProtocolError],
  RSV_NOT_ZERO: ["RSV bit set, but no extension uses it", StatusProtocolError],
  MASK_REQUIRED: ["Frame from a client is not masked", StatusProtocolError],
  MASK_UNEXPECTED: ["Frame from a server is masked", StatusProtocolError],
  CONTINUATION_EXPECTED: ["New message before the last one has ended", StatusProtocolError],
  CONTINUATION_UNEXPECTED: [
    "Continuation frame without a message to continue",
    StatusProtocolError,
  ],
  LENGTH_NOT_MINIMAL: ["Length is not minimally encoded", StatusProtocolError],
  LENGTH_SIGN_BIT: ["Sign bit of a length is set", StatusProtocolError],
  LENGTH_TOO_LARGE: ["Length is too large", StatusMessageTooBig],
  CLOSE_BODY_TOO_SHORT: ["Close frame body of one byte", StatusProtocolError],
  STATUS_NOT_IN_USE: ["Status code is not in use", StatusProtocolError],
  STATUS_APPLICATION_LEVEL: ["Status code must not be sent", StatusProtocolError],
  STATUS_NO_MEANING: ["Status code 1004 has no meaning", StatusProtocolError],
  STATUS_UNKNOWN: ["Status code is not defined", StatusProtocolError],
  INVALID_UTF8: ["Text is not valid UTF-8", StatusInvalidFramePayloadData],
  RSV1_UNEXPECTED: ["RSV1 set on a frame that begins no message", StatusProtocolError],
  INVALID_DEFLATE: ["Message is not valid DEFLATE", StatusInvalidFramePayloadData],
};

/** What is known of a violation beside its code. */
export interface ProtocolErrorOptions extends ErrorOptions {
  /** The number that was wrong, as {@link ProtocolError.value} describes it. */
  readonly value?: number | undefined;
}

/** The peer broke the protocol. The connection fails with `status` (RFC 6455, 7.1.7). */
export class ProtocolError extends Error {
  /** The class's own name. */
  override readonly name = "ProtocolError";
  /** The rule that was broken. */
  readonly code: ViolationCode;
  /** The status code of the close frame that answers the violation. */
  readonly status: StatusCode;
  /**
   * The number that was wrong: the opcode for `OPCODE_RESERVED`, `CONTROL_NOT_FINAL`, `CONTINUATION_EXPECTED` and
   * `CONTINUATION_UNEXPECTED`; the length in bytes for `CONTROL_TOO_LONG` and `LENGTH_NOT_MINIMAL`; the reserved bits (4, 2, 1)
   * for `RSV_NOT_ZERO`; the status code for `STATUS_...`. Undefined for all other codes.
   */
  readonly value: number | undefined;

  /**
   * Makes the error for a code. The code decides about the message and `status`.
   *
   * @param options The `cause` and the `value` of the error.
   */
  constructor(code: ViolationCode, options?: ProtocolErrorOptions) {
    const [message, status] = violations[code];
    super(message, options);
    this.code = code;
    this.status = status;
    this.value = options?.value;
  }
}

/** A limit of this side that was exceeded. */
export type LimitCode =
  | "FRAME_TOO_BIG"
  | "MESSAGE_TOO_BIG"
  | "TOO_MANY_FRAGMENTS"
  | "HEAD_TOO_LARGE"
  | "TARGET_TOO_LONG"
  | "TOO_MANY_HEADERS"
  | "BODY_TOO_LARGE"
  | "TOO_MUCH_BUFFERED"
  | "TOO_MANY_CONNECTIONS"
  | "TOO_MANY_OF_ADDRESS"
  | "TOO_MANY_HANDSHAKES"
  | "TOO_MANY_MESSAGES"
  | "TOO_MANY_TOPICS";

/** The option that sets each limit, and the status that answers an excess: of a close frame, or of HTTP during the handshake. */
const limits: Record<LimitCode, readonly [option: string, status: number]> = {
  FRAME_TOO_BIG: ["maxFrameSize", StatusMessageTooBig],
  MESSAGE_TOO_BIG: ["maxMessageSize", StatusMessageTooBig],
  TOO_MANY_FRAGMENTS: ["maxFragments", StatusPolicyViolation],
  HEAD_TOO_LARGE: ["maxHeadSize", 431],
  TARGET_TOO_LONG: ["maxTargetSize", 414],
  TOO_MANY_HEADERS: ["maxHeaders", 431],
  BODY_TOO_LARGE: ["maxBodySize", 413],
  TOO_MUCH_BUFFERED: ["maxBufferedAmount", StatusPolicyViolation],
  TOO_MANY_TOPICS: ["maxTopics", StatusPolicyViolation],
  TOO_MANY_CONNECTIONS: ["maxConnections", 503],
  TOO_MANY_OF_ADDRESS: ["maxConnectionsPerAddress", 429],
  TOO_MANY_HANDSHAKES: ["handshakesPerAddress", 429],
  TOO_MANY_MESSAGES: ["messagesPerAddress", StatusPolicyViolation],
};

/** A limit was exceeded. `limit` and `actual` are in the limit's own unit, such as bytes or frames. */
export class LimitError extends Error {
  /** The class's own name. */
  override readonly name = "LimitError";
  /** The limit that was exceeded. */
  readonly code: LimitCode;
  /** The status that answers the excess: of a close frame, or of HTTP (4xx, 503) during the opening handshake. */
  readonly status: number;
  /** The value of the limit. */
  readonly limit: number;
  /** The first value that is known to be above `limit`. The real amount may be larger still. */
  readonly actual: number;

  /**
   * Makes the error for a code. The code decides about `status`.
   *
   * @param limit The value of the limit.
   * @param actual The first value known to be above the limit.
   * @param option Name of the option that has set the limit, for the message. Default: the option that belongs to the code.
   */
  constructor(code: LimitCode, limit: number, actual: number, option: string = limits[code][0]) {
    const [, status] = limits[code];
    super(`More than ${option}: ${actual} > ${limit}`);
    this.code = code;
    this.status = status;
    this.limit = limit;
    this.actual = actual;
  }
}

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

/** Why an opening handshake failed on the client's side. */
export type DialCode =
  | "MALFORMED_RESPONSE"
  | "BAD_PROTOCOL"
  | "BAD_STATUS"
  | "BAD_UPGRADE"
  | "BAD_CONNECTION"
  | "BAD_SEC_ACCEPT"
  | "BAD_SUBPROTOCOL"
  | "BAD_EXTENSIONS";

const dialFailures: Record<DialCode, string> = {
  MALFORMED_RESPONSE: "Malformed HTTP response",
  BAD_PROTOCOL: "Response is not HTTP/1.1",
  BAD_STATUS: "Server did not switch protocols",
  BAD_UPGRADE: "Upgrade header of the response is not websocket",
  BAD_CONNECTION: "Connection header of the response does not name Upgrade",
  BAD_SEC_ACCEPT: "Sec-WebSocket-Accept does not answer the key",
  BAD_SUBPROTOCOL: "Server chose a subprotocol that was not offered",
  BAD_EXTENSIONS: "Server chose an extension, or a parameter of one, that was not offered",
};

/** What a {@link DialError} says about the response. */
export interface DialErrorOptions {
  /** HTTP status; 0 if no status was read. Default: 0. */
  readonly status?: number;
  /** Headers of the response, in the order of the response. Default: none. */
  readonly headers?: HeaderPairs;
  /** The part of the body that was read. The error keeps this array, without a copy. Default: an empty array. */
  readonly body?: Uint8Array;
  /** The error that says what is wrong with the response, if there is one. */
  readonly cause?: unknown;
}

/**
 * The opening handshake failed on the client's side (RFC 6455, 4.1).
 *
 * The class is not a HandshakeError. So a server that dials another server inside a hook, and does not catch this error, does not
 * answer its own client with the other server's response.
 */
export class DialError extends Error {
  /** The class's own name. */
  override readonly name = "DialError";
  /** What is wrong with the response. */
  readonly code: DialCode;
  /** HTTP status; 0 if no status was read. */
  readonly status: number;
  /** Headers of the response, in the order of the response. */
  readonly headers: HeaderPairs;
  /** Body of the response, at most its first 1 MiB; empty if the response has none. */
  readonly body: Uint8Array;

  /**
   * Makes the error for a code.
   *
   * @param options The part of the response that was read.
   */
  constructor(code: DialCode, options: DialErrorOptions = {}) {
    const { status = 0, headers = [], body = new Uint8Array(0) } = options;
    super(
      status === 0 ? dialFailures[code] : `${dialFailures[code]}: HTTP status ${status}`,
      "cause" in options ? { cause: options.cause } : undefined,
    );
    this.code = code;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** Which side began to end a connection: this side, the peer, or the network. */
export type Initiator = "local" | "peer" | "transport";

/** How a connection ended. */
export interface Closure {
  /** Status code: of the peer's close frame; 1005 if that frame has none; 1006 if no close frame came. */
  readonly status: StatusCode;
  /** The reason in the peer's close frame; "" if there is none. */
  readonly reason: string;
  /** Whether each side has sent a close frame (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Which side began to end the connection. */
  readonly initiator: Initiator;
  /** The error that ended the connection, or that a handler threw; undefined if there was none. */
  readonly error?: unknown;
}

/** The connection is closed or is closing: nothing can be sent any more. */
export class ClosedError extends Error {
  /** The class's own name. */
  override readonly name = "ClosedError";
  /** The one code of this class. */
  readonly code = "CLOSED";
  /** The status code, as in {@link Closure}. */
  readonly status: StatusCode;
  /** The reason, as in {@link Closure}. */
  readonly reason: string;
  /** Whether each side has sent a close frame (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Which side began to end the connection. */
  readonly initiator: Initiator;

  /**
   * Makes the error for a connection that has ended.
   *
   * @param closure How the connection ended. Its `error` becomes the `cause`.
   */
  constructor(closure: Closure) {
    const reason = closure.reason === "" ? "" : ` ${closure.reason}`;
    super(
      `Connection is closed: ${closure.status}${reason}`,
      closure.error === undefined ? undefined : { cause: closure.error },
    );
    this.status = closure.status;
    this.reason = closure.reason;
    this.clean = closure.clean;
    this.initiator = closure.initiator;
  }
}

/** What took too long. */
export type TimeoutCode =
  | "HANDSHAKE_TIMEOUT"
  | "DIAL_TIMEOUT"
  | "RECEIVE_TIMEOUT"
  | "PONG_TIMEOUT"
  | "IDLE_TIMEOUT"
  | "MAX_LIFETIME"
  | "CLOSE_TIMEOUT"
  | "SHUTDOWN_TIMEOUT"
  | "HANDLER_TIMEOUT";

const timeouts: Record<TimeoutCode, string> = {
  HANDSHAKE_TIMEOUT: "Opening handshake took too long",
  DIAL_TIMEOUT: "Dialing took longer than timeout",
  RECEIVE_TIMEOUT: "No message came within timeout",
  PONG_TIMEOUT: "Ping was not answered within pongTimeout",
  IDLE_TIMEOUT: "No message went either way for idleTimeout",
  MAX_LIFETIME: "Connection was open for maxLifetime",
  CLOSE_TIMEOUT: "Closing handshake took longer than closeTimeout",
  SHUTDOWN_TIMEOUT: "Connection was still open at the deadline of shutdown",
  HANDLER_TIMEOUT:
    "Handler did not finish in time after its connection ended: the messages behind it were dropped",
};

/** Something took longer than a deadline allows. */
export class TimeoutError extends Error {
  /** The class's own name. */
  override readonly name = "TimeoutError";
  /** The deadline that passed. */
  readonly code: TimeoutCode;
  /** The deadline, in milliseconds. */
  readonly limit: number;

  /**
   * Makes the error for a code.
   *
   * @param limit The deadline, in milliseconds.
   */
  constructor(code: TimeoutCode, limit: number) {
    super(`${timeouts[code]}: ${limit} ms`);
    this.code = code;
    this.limit = limit;
  }
}

/** What went wrong below the protocol. */
export type TransportCode =
  | "RESET"
  | "UNEXPECTED_END"
  | "ADDRESS_IN_USE"
  | "ACCESS_DENIED"
  | "REFUSED"
  | "NOT_FOUND"
  | "TLS_FAILED"
  | "PROXY_FAILED"
  | "NO_EXTENDED_CONNECT"
  | "FAILED";

const failures: Record<TransportCode, string> = {
  RESET: "Connection was reset by the peer",
  UNEXPECTED_END: "Peer ended the connection without a close frame",
  ADDRESS_IN_USE: "Address is already in use",
  ACCESS_DENIED: "Permission denied for this address",
  REFUSED: "Connection refused",
  NOT_FOUND: "Host or Unix socket is not known",
  TLS_FAILED: "TLS handshake failed",
  PROXY_FAILED: "Proxy refused to connect",
  NO_EXTENDED_CONNECT:
    "Server takes no WebSockets over HTTP/2: it has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, 3)",
  FAILED: "Transport failed",
};

/** What a {@link TransportError} says beside its code. */
export interface TransportErrorOptions extends ErrorOptions {
  /** The address in question: "127.0.0.1:8080", or the path of a Unix socket. It is added to the message. Default: none. */
  readonly address?: string | undefined;
}

/** The network failed. `cause` is the runtime's own error, if there is one. */
export class TransportError extends Error {
  /** The class's own name. */
  override readonly name = "TransportError";
  /** What went wrong. All runtimes use the same codes. */
  readonly code: TransportCode;

  /**
   * Makes the error for a code.
   *
   * @param options The `cause`, which is the runtime's own error, and the address.
   */
  constructor(code: TransportCode, options?: TransportErrorOptions) {
    const address = options?.address;
    super(address === undefined ? failures[code] : `${failures[code]}: ${address}`, options);
    this.code = code;
  }
}

/** What went wrong between servers. */
export type BackplaneCode =
  | "DOWN"
  | "TIMEOUT"
  | "QUEUE_FULL"
  | "REFUSED"
  | "LEFT"
  | "ENVELOPE_VERSION";

const backplaneFailures: Record<BackplaneCode, string> = {
  DOWN: "Broker cannot be reached",
  TIMEOUT: "Broker did not answer within the timeout of carrying",
  QUEUE_FULL: "More bytes wait for the broker than carrying.maxWaiting allows",
  REFUSED: "Broker refused it",
  LEFT: "Server has left its backplane",
  ENVELOPE_VERSION:
    "Another server publishes envelopes of a version that this one cannot read: use one version of framewire for all",
};

/**
 * A publication or a subscription did not reach the broker, nor the other servers. `cause` is the error of the broker's client.
 */
export class BackplaneError extends Error {
  /** The class's own name. */
  override readonly name = "BackplaneError";
  /** What went wrong. */
  readonly code: BackplaneCode;

  /**
   * Makes the error for a code.
   *
   * @param options The `cause`: the error of the broker's client.
   */
  constructor(code: BackplaneCode, options?: ErrorOptions) {
    super(backplaneFailures[code], options);
    this.code = code;
  }
}

/**
 * Makes the error for a connection that the network has ended.
 *
 * The error has no stack. A stack would only lead to the event loop, and it costs more than the end of the connection itself. A
 * server may see thousands of such ends in a second.
 *
 * @param cause The runtime's own error, if there is one.
 */
export function connectionLost(cause: Error | undefined): TransportError {
  const code = cause === undefined ? "UNEXPECTED_END" : "RESET";
  const limit: unknown = Reflect.get(Error, "stackTraceLimit");
  // Reflect.set does not throw if the engine's own objects are frozen.
  Reflect.set(Error, "stackTraceLimit", 0);
  const error = new TransportError(code, { cause });
  Reflect.set(Error, "stackTraceLimit", limit);
  return error;
}
