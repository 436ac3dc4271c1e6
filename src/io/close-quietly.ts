/**
 * The end of a stream that leads nowhere.
 *
 * @module
 */

import type { ByteStream } from "./byte-stream.ts";

/** Closes a stream; how that ends is nobody's business any more, and nobody waits for it. */
export function closeQuietly(stream: ByteStream): void {
  void close(stream);
}

async function close(stream: ByteStream): Promise<void> {
  try {
    await stream.close();
  } catch {
    // The failure that made it close is the one to tell.
  }
}
