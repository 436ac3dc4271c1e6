/**
 * Which streams a close frame was sent to: the peer's is answered once, by the first part that sees it (RFC 6455, 5.5.1).
 *
 * @module
 */

import { quiet } from "../deferred.ts";
import { OpClose, type Opcode } from "../frame/opcode.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable, ByteWriter } from "../io/byte-stream.ts";
import { writeAll } from "../io/write-all.ts";

/** How many close frames were sent to a stream, or are on their way; those that have failed are taken back. */
const sent = new WeakMap<ByteWriter, number>();

/** The stream behind all buffers: what is sent through one of them is sent to it. */
function innermost(dest: ByteWriter): ByteWriter {
  let stream = dest;
  while (stream instanceof BufferedStream) stream = stream.inner;
  return stream;
}

/** Whether a close frame was sent to a stream, by itself or through a buffer. */
export function wasCloseSent(dest: ByteWriter): boolean {
  return (sent.get(innermost(dest)) ?? 0) > 0;
}

/**
 * Writes what begins a frame. A close frame counts as sent from the call on, since what is written next goes behind it; where
 * the stream fails it was not sent.
 *
 * @param bytes The frame, or its header. Lent until the call, or its promise, is done.
 * @throws What the stream throws.
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

/** Says whether one was. */
export function setCloseSent(dest: ByteWriter, isSent: boolean): void {
  sent.set(innermost(dest), isSent ? 1 : 0);
}
