/**
 * What each runtime calls the ways in which listening and connecting fail, as the one error that the core knows.
 *
 * @module
 */

import type { TransportCode } from "../src/errors.ts";
import { TransportError } from "../src/errors.ts";

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

/**
 * Wraps what a runtime throws when it cannot listen or connect.
 *
 * @param otherwise Code of what is not known by itself, such as `TLS_FAILED` for all that fails a handshake.
 */
export function toTransportError(
  cause: unknown,
  otherwise: TransportCode = "FAILED",
): TransportError {
  if (cause instanceof TransportError) return cause;
  const { code, name, syscall, message } = cause as Record<string, unknown>;
  const known = codes[String(code)] ?? codes[String(name)];
  if (known !== undefined) return new TransportError(known, { cause });
  if (syscall === "getaddrinfo" || lookupMessage.test(String(message))) {
    return new TransportError("NOT_FOUND", { cause });
  }
  if (tlsCode.test(String(code))) return new TransportError("TLS_FAILED", { cause });
  // What fails a handshake says the same.
  if (otherwise === "FAILED" && unreachableMessage.test(String(message))) {
    return new TransportError("REFUSED", { cause });
  }
  // A handshake that ends in a reset has failed as a handshake.
  const isReset =
    otherwise === "FAILED" &&
    (code === "ECONNRESET" || name === "ConnectionReset" || lostMessage.test(String(message)));
  return new TransportError(isReset ? "RESET" : otherwise, { cause });
}
