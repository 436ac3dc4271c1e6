/**
 * Closes a stream that will not be used.
 *
 * @module
 */

import type { ByteStream } from "./byte-stream.ts";

/** Closes a stream without waiting; an error of `close` is ignored. */
export function closeQuietly(stream: ByteStream): void {
  void close(stream);
}

async function close(stream: ByteStream): Promise<void> {
  try {
    await stream.close();
  } catch {
    // The caller reports the failure that led to this call. It matters more than an error of `close`.
  }
}
