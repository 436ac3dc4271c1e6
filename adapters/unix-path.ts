/**
 * Paths of Unix sockets: systems limit their length, and some runtimes cut longer ones.
 *
 * @module
 */

import { encodeUtf8 } from "../src/bytes.ts";

/** Reads the platform from the global object: not every platform that loads this file has modules of Node. */
function platform(): string | undefined {
  return (globalThis as { readonly process?: { readonly platform?: string } }).process?.platform;
}

/** Gives the bytes that `sun_path` holds before its final zero; on other systems than Linux and Android it is smaller. */
function longestPath(system: string | undefined): number {
  return system === "linux" || system === "android" ? 107 : 103;
}

/**
 * Refuses a path that would be cut: the cut name may belong to another program's socket.
 *
 * @throws {RangeError} The path is longer than the system's limit. On Windows there is no check: pipes have names with another
 * limit.
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
