/**
 * Converts the errors that runtimes throw for listening and connecting into the core's `TransportError`.
 *
 * @module
 */

import type { TransportCode } from "../src/errors.ts";
import { TransportError } from "../src/errors.ts";

/** Where a program listens or connects to: a path, or a host and a port. */
export interface AddressParts {
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
}

/** Node's and Bun's codes, and the names of Deno's error classes. */
const codes: Readonly<Record<string, TransportCode>> = {
  EADDRINUSE: "ADDRESS_IN_USE",
  AddrInUse: "ADDRESS_IN_USE",
  EACCES: "ACCESS_DENIED",
  EPERM: "ACCESS_DENIED",
  ERR_ACCESS_DENIED: "ACCESS_DENIED",
  PermissionDenied: "ACCESS_DENIED",
  NotCapable: "ACCESS_DENIED",
  ECONNREFUSED: "REFUSED",
  ConnectionRefused: "REFUSED",
  // The Unix socket does not exist.
  ENOENT: "NOT_FOUND",
  InvalidData: "TLS_FAILED",
};

/** OpenSSL's and BoringSSL's codes for certificates and keys that they cannot read. */
const tlsCode = /^ERR_(OSSL|BORINGSSL|SSL|TLS)(_|$)/;

/** Deno tells a failed lookup only by its message: Rust's own, the system's on Windows, or Deno's if there was no address. */
const lookupMessage = /^failed to lookup address|^No such host is known|^No resolved address/;

/**
 * Workers have one message for a refused port and for a host that is not found. Some versions put a prefix before it, and add
 * advice to use `fetch`.
 */
const unreachableMessage =
  /^(jsg\.\w+: )?proxy request failed, cannot connect to the specified address/;

/** Workers' message for a connection that the peer has reset, or has ended unexpectedly. */
const lostMessage = /^(jsg\.\w+: )?Network connection lost\./;

/** The codes that concern an address: their message names it. */
const ofAddress = new Set<TransportCode>([
  "REFUSED",
  "ADDRESS_IN_USE",
  "ACCESS_DENIED",
  "NOT_FOUND",
  "RESET",
]);

/** Writes an address in the usual form: "127.0.0.1:80", "[::1]:80", or the path of a Unix socket. */
function addressText({ hostname = "", port, path }: AddressParts): string {
  return path ?? `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Wraps the error that a runtime throws when it cannot listen or connect.
 *
 * @param place Where the program listens or connects to. Default: the message does not say.
 * @param otherwise Code for an error that is not recognized, such as `TLS_FAILED` for errors of a handshake.
 */
export function toTransportError(
  cause: unknown,
  otherwise: TransportCode = "FAILED",
  place?: AddressParts,
): TransportError {
  if (cause instanceof TransportError) return cause;
  const code = codeOf(cause, otherwise);
  const address = place !== undefined && ofAddress.has(code) ? addressText(place) : undefined;
  return new TransportError(code, { cause, address });
}

/** Finds the code for a runtime's error. */
function codeOf(cause: unknown, otherwise: TransportCode): TransportCode {
  const { code, name, syscall, message } = cause as Record<string, unknown>;
  const known = codes[String(code)] ?? codes[String(name)];
  if (known !== undefined) return known;
  if (syscall === "getaddrinfo" || lookupMessage.test(String(message))) {
    return "NOT_FOUND";
  }
  if (tlsCode.test(String(code))) return "TLS_FAILED";
  // A failed handshake gives the same message.
  if (otherwise === "FAILED" && unreachableMessage.test(String(message))) {
    return "REFUSED";
  }
  // A reset during the handshake counts as a failed handshake.
  const isReset =
    otherwise === "FAILED" &&
    (code === "ECONNRESET" || name === "ConnectionReset" || lostMessage.test(String(message)));
  return isReset ? "RESET" : otherwise;
}
