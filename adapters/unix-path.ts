/**
 * Paths of Unix sockets: the system has a fixed room for them, and some runtimes cut what is longer.
 *
 * @module
 */

import process from "node:process";
import { TextEncoder } from "node:util";

/** Bytes that `sun_path` holds in front of the zero at its end; elsewhere than on Linux and Android it is smaller. */
function longestPath(): number {
  return process.platform === "linux" || process.platform === "android" ? 107 : 103;
}

/**
 * Refuses a path that would be cut: the socket of that other name may be somebody else's.
 *
 * @throws {RangeError} It is longer than the system can take; on Windows pipes have names, and their own limit.
 */
export function checkUnixPath(path: string | undefined): void {
  if (path === undefined || process.platform === "win32") return;
  const size = new TextEncoder().encode(path).length;
  const most = longestPath();
  if (size <= most) return;
  throw new RangeError(
    `path of a Unix socket has at most ${most} bytes on ${process.platform}, and this one has ${size}: ${path}`,
  );
}
