/**
 * What went wrong below the protocol. All runtimes use the same codes.
 *
 * @module
 */

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
