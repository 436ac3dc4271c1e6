/**
 * What each runtime calls the ways in which listening fails, as the one error that the core knows.
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
  PermissionDenied: "ACCESS_DENIED",
  NotCapable: "ACCESS_DENIED",
};

/** Wraps what a runtime throws when it cannot listen. */
export function toListenError(cause: unknown): TransportError {
  const { code, name } = cause as { code?: unknown; name?: unknown };
  const known = codes[String(code)] ?? codes[String(name)];
  return new TransportError(known ?? "FAILED", { cause });
}
