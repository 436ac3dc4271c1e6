/**
 * Remembers which streams a close frame was sent to, so that several parts together answer the peer's only once (RFC 6455,
 * 5.5.1).
 *
 * @module
 */

import { quiet } from "../deferred.ts";
import { OpClose, type Opcode } from "../frame/opcode.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable, ByteWriter } from "../io/byte-stream.ts";
import { writeAll } from "../io/write-all.ts";

/** The number of close frames that were sent to a stream or are on their way; a failed one is taken off again. */
const sent = new WeakMap<ByteWriter, number>();

/** Gives the stream behind all buffers. What is sent through a buffer counts for that stream. */
function innermost(dest: ByteWriter): ByteWriter {
  let stream = dest;
  while (stream instanceof BufferedStream) stream = stream.inner;
  return stream;
}

/** Tells whether a close frame was sent to a stream, directly or through a buffer. */
export function wasCloseSent(dest: ByteWriter): boolean {
  return (sent.get(innermost(dest)) ?? 0) > 0;
}

/**
 * Writes the beginning of a frame. A close frame counts as sent from this call on, since everything written later goes behind it;
 * it does not count if the stream fails.
 *
 * @param bytes The frame, or its header. Lent until the call, or its promise, is done.
 * @throws The error of the stream.
 */
export function writeFrameBytes(
  dest: ByteWriter,
  opcode: Opcode,
  bytes: Uint8Array,
): Awaitable<void> {
  if (opcode !== OpClose) return writeAll(dest, bytes);
  count(dest, 1);
  try {
    const written = writeAll(dest, bytes);
    if (!(written instanceof Promise)) return undefined;
    return quiet(written.catch((error) => forget(dest, error)));
  } catch (error) {
    forget(dest, error);
  }
}

function forget(dest: ByteWriter, error: unknown): never {
  count(dest, -1);
  throw error;
}

function count(dest: ByteWriter, step: number): void {
  const stream = innermost(dest);
  sent.set(stream, Math.max((sent.get(stream) ?? 0) + step, 0));
}

/** Says whether a close frame was sent to a stream by other means. */
export function setCloseSent(dest: ByteWriter, isSent: boolean): void {
  sent.set(innermost(dest), isSent ? 1 : 0);
}
