/**
 * What each runtime calls the ways in which listening and connecting fail, as the one error that the core knows.
 *
 * @module
 */

import type { TransportCode } from "../src/errors.ts";
import { TransportError } from "../src/errors.ts";

/** What is listened on or connected to: a path, or else a host and a port. */
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
  // A Unix socket that is not there.
  ENOENT: "NOT_FOUND",
  InvalidData: "TLS_FAILED",
};

/** OpenSSL's and BoringSSL's codes for certificates and keys that they cannot read. */
const tlsCode = /^ERR_(OSSL|BORINGSSL|SSL|TLS)(_|$)/;

/** Deno tells a failed lookup by its message alone: Rust's own, on Windows the system's, and Deno's where nothing came. */
const lookupMessage = /^failed to lookup address|^No such host is known|^No resolved address/;

/**
 * Workers have one message for a port that refuses and a host that is not found; some of their versions say who says so, too,
 * and advise `fetch`.
 */
const unreachableMessage =
  /^(jsg\.\w+: )?proxy request failed, cannot connect to the specified address/;

/** Workers say this of a connection that the peer has reset, or has ended in the middle of something. */
const lostMessage = /^(jsg\.\w+: )?Network connection lost\./;

/** The codes that are about an address, which their message names. */
const ofAddress = new Set<TransportCode>([
  "REFUSED",
  "ADDRESS_IN_USE",
  "ACCESS_DENIED",
  "NOT_FOUND",
  "RESET",
]);

/** Writes an address as people write it: "127.0.0.1:80", "[::1]:80", or the path of a Unix socket. */
function addressText({ hostname = "", port, path }: AddressParts): string {
  return path ?? `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Wraps what a runtime throws when it cannot listen or connect.
 *
 * @param place What was listened on or connected to. Default: the message does not say.
 * @param otherwise Code of what is not known by itself, such as `TLS_FAILED` for all that fails a handshake.
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

/** Finds the code of what a runtime throws. */
function codeOf(cause: unknown, otherwise: TransportCode): TransportCode {
  const { code, name, syscall, message } = cause as Record<string, unknown>;
  const known = codes[String(code)] ?? codes[String(name)];
  if (known !== undefined) return known;
  if (syscall === "getaddrinfo" || lookupMessage.test(String(message))) {
    return "NOT_FOUND";
  }
  if (tlsCode.test(String(code))) return "TLS_FAILED";
  // What fails a handshake says the same.
  if (otherwise === "FAILED" && unreachableMessage.test(String(message))) {
    return "REFUSED";
  }
  // A handshake that ends in a reset has failed as a handshake.
  const isReset =
    otherwise === "FAILED" &&
    (code === "ECONNRESET" || name === "ConnectionReset" || lostMessage.test(String(message)));
  return isReset ? "RESET" : otherwise;
}
