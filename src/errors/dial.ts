/**
 * Why an opening handshake fails on the client's side (RFC 6455, 4.1).
 *
 * @module
 */

import type { HeaderPairs } from "./handshake.ts";

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
