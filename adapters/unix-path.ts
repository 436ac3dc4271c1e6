/**
 * Paths of Unix sockets: the system has a fixed room for them, and some runtimes cut what is longer.
 *
 * @module
 */

import { encodeUtf8 } from "../src/bytes.ts";

/** Taken from the global object: not every platform that this is loaded on has modules of Node. */
function platform(): string | undefined {
  return (globalThis as { readonly process?: { readonly platform?: string } }).process?.platform;
}

/** Bytes that `sun_path` holds in front of the zero at its end; elsewhere than on Linux and Android it is smaller. */
function longestPath(system: string | undefined): number {
  return system === "linux" || system === "android" ? 107 : 103;
}

/**
 * Refuses a path that would be cut: the socket of that other name may be somebody else's.
 *
 * @throws {RangeError} It is longer than the system can take; on Windows pipes have names, and their own limit.
 */
export function checkUnixPath(path: string | undefined): void {
  const system = platform();
  if (path === undefined || system === "win32") return;
  const size = encodeUtf8(path).length;
  const most = longestPath(system);
  if (size <= most) return;
  throw new RangeError(
    `path of a Unix socket has at most ${most} bytes on ${system}, and this one has ${size}: ${path}`,
  );
}
