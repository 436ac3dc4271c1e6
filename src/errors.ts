/**
 * Every error that framewire throws or reports: one class for each thing that the catcher does next, one code for each
 * cause, one table for all.
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
  RSV_NOT_ZERO: ["RSV bit set that no extension defines", StatusProtocolError],
  MASK_REQUIRED: ["Frame from a client is not masked", StatusProtocolError],
  MASK_UNEXPECTED: ["Frame from a server is masked", StatusProtocolError],
  CONTINUATION_EXPECTED: ["New message inside another message", StatusProtocolError],
  CONTINUATION_UNEXPECTED: ["Continuation of no message", StatusProtocolError],
  LENGTH_NOT_MINIMAL: ["Length is not minimally encoded", StatusProtocolError],
  LENGTH_SIGN_BIT: ["Sign bit of a length is set", StatusProtocolError],
  LENGTH_TOO_LARGE: ["Length is too large", StatusMessageTooBig],
  CLOSE_BODY_TOO_SHORT: ["Close frame body of one byte", StatusProtocolError],
  STATUS_NOT_IN_USE: ["Status code is not in use", StatusProtocolError],
  STATUS_APPLICATION_LEVEL: ["Status code is never sent", StatusProtocolError],
  STATUS_NO_MEANING: ["Status code 1004 has no meaning", StatusProtocolError],
  STATUS_UNKNOWN: ["Status code is not defined", StatusProtocolError],
  INVALID_UTF8: ["Text is not valid UTF-8", StatusInvalidFramePayloadData],
  RSV1_UNEXPECTED: ["RSV1 set where no message begins", StatusProtocolError],
  INVALID_DEFLATE: ["Message is not valid DEFLATE", StatusInvalidFramePayloadData],
};

/** What is known of a violation beside its code. */
export interface ProtocolErrorOptions extends ErrorOptions {
  /** As `ProtocolError.value`. */
  readonly value?: number | undefined;
}

/** The peer broke the protocol; the connection is failed with `status` (RFC 6455, 7.1.7). */
export class ProtocolError extends Error {
  /** The class's own name. */
  override readonly name = "ProtocolError";
  /** The rule that was broken. */
  readonly code: ViolationCode;
  /** The status code of the close frame that answers it. */
  readonly status: StatusCode;
  /**
   * What was found, where a number says it: the opcode for `OPCODE_RESERVED`, `CONTROL_NOT_FINAL`, `CONTINUATION_EXPECTED` and
   * `CONTINUATION_UNEXPECTED`; bytes for `CONTROL_TOO_LONG` and `LENGTH_NOT_MINIMAL`; the reserved bits (4, 2, 1) for `RSV_NOT_ZERO`;
   * the status for `STATUS_...`. Otherwise undefined.
   */
  readonly value: number | undefined;

  /**
   * Makes the error of a code, whose message and `status` the code has.
   *
   * @param options Its `cause` and `value`.
   */
  constructor(code: ViolationCode, options?: ProtocolErrorOptions) {
    const [message, status] = violations[code];
    super(message, options);
    this.code = code;
    this.status = status;
    this.value = options?.value;
  }
}

/** A limit of ours that was passed. */
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

/** The option that sets each limit, and what answers it: a close frame's status code, or an HTTP status while opening. */
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

/** Something went past a limit; `limit` and `actual` tell how far, in the limit's own unit. */
export class LimitError extends Error {
  /** The class's own name. */
  override readonly name = "LimitError";
  /** The limit that was passed. */
  readonly code: LimitCode;
  /** What answers it: a close frame's status code, or an HTTP status (4xx) while the connection opens. */
  readonly status: number;
  /** The limit in force. */
  readonly limit: number;
  /** What was met: the first value known to be above `limit`. */
  readonly actual: number;

  /**
   * Makes the error of a code, whose `status` the code has.
   *
   * @param limit The limit in force.
   * @param actual The first value known to be above it.
   * @param option The option that has set the limit, for the message. Default: the one that the code stands for.
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
  BAD_SUBPROTOCOL: ["Sec-WebSocket-Protocol is no list of distinct tokens", 400],
  UPGRADE_REQUIRED: ["WebSocket version 13 is required", 426],
  REJECTED: ["Connection rejected", 403],
  INTERNAL: ["Internal error", 500],
};

/** Headers of a response, as names with values, in the order in which they are written. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** What a {@link HandshakeError} says beyond its code. */
export interface HandshakeErrorOptions {
  /** For people, and the body of the response where `body` is absent. */
  readonly message?: string;
  /** HTTP status, 300 to 599. Default: the code's own. */
  readonly status?: number;
  /** Headers to send beside those that every refusal carries. */
  readonly headers?: HeaderPairs;
  /** Body of the response. Default: the message, as plain text. */
  readonly body?: string | Uint8Array;
  /** What led to the refusal, for those who log it; the peer does not see it. */
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
  /** Headers of the response beside those that every refusal carries. */
  readonly headers: HeaderPairs;
  /** Body of the response, where it is not the message. */
  readonly body: string | Uint8Array | undefined;

  /** Makes the error of a code, whose message and HTTP status hold where `options` say nothing else. */
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

/** What a {@link DialError} tells of the response. */
export interface DialErrorOptions {
  /** HTTP status, 0 where none was read. */
  readonly status?: number;
  /** Headers of the response, in the order of the wire. Default: none. */
  readonly headers?: HeaderPairs;
  /** What was read of the body; kept, not copied. Default: none of it. */
  readonly body?: Uint8Array;
  /** What was found to be wrong, where another error tells. */
  readonly cause?: unknown;
}

/**
 * The opening handshake failed on the client's side (RFC 6455, 4.1).
 *
 * It is a class of its own, so that a server that dials another one inside a hook does not answer its own client with
 * what that one said.
 */
export class DialError extends Error {
  /** The class's own name. */
  override readonly name = "DialError";
  /** What is wrong with the response. */
  readonly code: DialCode;
  /** HTTP status of the response, 0 where none was read. */
  readonly status: number;
  /** Headers of the response, in the order of the wire. */
  readonly headers: HeaderPairs;
  /** Body of the response, up to 1 MiB of it; empty where it has none. */
  readonly body: Uint8Array;

  /**
   * Makes the error of a code.
   *
   * @param options What was read of the response.
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

/** Who began to end a connection: this side, the peer, or the network. */
export type Initiator = "local" | "peer" | "transport";

/** How a connection ended. */
export interface Closure {
  /** Status code: the peer's, 1005 when its close frame held none, 1006 when no close frame came. */
  readonly status: StatusCode;
  /** The reason beside it, "" when there is none. */
  readonly reason: string;
  /** Whether close frames went both ways (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Who began to end it. */
  readonly initiator: Initiator;
  /** What went wrong, where something did. */
  readonly error?: unknown;
}

/** The connection is over, or about to be: nothing can be sent any more. */
export class ClosedError extends Error {
  /** The class's own name. */
  override readonly name = "ClosedError";
  /** The one code of this class. */
  readonly code = "CLOSED";
  /** The status code, as {@link Closure} has it. */
  readonly status: StatusCode;
  /** The reason beside it, "" when there is none. */
  readonly reason: string;
  /** Whether close frames went both ways (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Who began to end it. */
  readonly initiator: Initiator;

  /**
   * Makes the error of a connection's end.
   *
   * @param closure How it ended; its `error` becomes the `cause`.
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
    "Handler was not done in time after its connection had ended; what waited behind it was dropped",
};

/** Something took longer than a deadline allows. */
export class TimeoutError extends Error {
  /** The class's own name. */
  override readonly name = "TimeoutError";
  /** Which deadline it was. */
  readonly code: TimeoutCode;
  /** The deadline, in milliseconds. */
  readonly limit: number;

  /**
   * Makes the error of a code.
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
  PROXY_FAILED: "Proxy did not open the way",
  NO_EXTENDED_CONNECT:
    "Server takes no WebSockets over HTTP/2: it has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, 3)",
  FAILED: "Transport failed",
};

/** What a {@link TransportError} tells beyond its code. */
export interface TransportErrorOptions extends ErrorOptions {
  /** Where it was: "127.0.0.1:8080", or the path of a Unix socket. It ends the message. Default: the message has none. */
  readonly address?: string | undefined;
}

/** The network failed; `cause` holds the runtime's own error where there was one. */
export class TransportError extends Error {
  /** The class's own name. */
  override readonly name = "TransportError";
  /** What went wrong, by one name on all runtimes. */
  readonly code: TransportCode;

  /**
   * Makes the error of a code.
   *
   * @param options Its `cause`: the runtime's own error; and the address.
   */
  constructor(code: TransportCode, options?: TransportErrorOptions) {
    const address = options?.address;
    super(address === undefined ? failures[code] : `${failures[code]}: ${address}`, options);
    this.code = code;
  }
}

/** What went wrong between servers. */
export type BackplaneCode =
  "DOWN" | "TIMEOUT" | "QUEUE_FULL" | "REFUSED" | "LEFT" | "ENVELOPE_VERSION";

const backplaneFailures: Record<BackplaneCode, string> = {
  DOWN: "Broker cannot be reached",
  TIMEOUT: "Broker did not answer within the timeout of carrying",
  QUEUE_FULL: "More waits for the broker than maxWaiting of carrying",
  REFUSED: "Broker refused it",
  LEFT: "Server has left its backplane",
  ENVELOPE_VERSION:
    "Another server publishes envelopes of a version that this one cannot read: use one version of framewire for all",
};

/** A publication or a subscription did not get to the broker, and so not to other servers; `cause` holds the client's own error. */
export class BackplaneError extends Error {
  /** The class's own name. */
  override readonly name = "BackplaneError";
  /** What went wrong. */
  readonly code: BackplaneCode;

  /**
   * Makes the error of a code.
   *
   * @param options Its `cause`: the client's own error.
   */
  constructor(code: BackplaneCode, options?: ErrorOptions) {
    super(backplaneFailures[code], options);
    this.code = code;
  }
}

/**
 * Makes the error of a connection that the network has ended, with the runtime's own error where there was one.
 *
 * It has no stack: that would lead to the event loop and no further, and costs more than the end itself, of which a server
 * may see thousands in a second.
 */
export function connectionLost(cause: Error | undefined): TransportError {
  const code = cause === undefined ? "UNEXPECTED_END" : "RESET";
  const limit: unknown = Reflect.get(Error, "stackTraceLimit");
  // `set` of Reflect: where the engine's own objects are frozen, nothing happens.
  Reflect.set(Error, "stackTraceLimit", 0);
  const error = new TransportError(code, { cause });
  Reflect.set(Error, "stackTraceLimit", limit);
  return error;
}
