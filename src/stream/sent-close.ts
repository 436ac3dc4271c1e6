/**
 * Which streams a close frame was sent to: whoever answers one, it is answered once (RFC 6455, 5.5.1).
 *
 * @module
 */

import { OpClose, type Opcode } from "../frame/opcode.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable, ByteWriter } from "../io/byte-stream.ts";
import { writeAll } from "../io/write-all.ts";

const sent = new WeakSet<ByteWriter>();

/** The stream behind all buffers: what is sent through one of them is sent to it. */
function innermost(dest: ByteWriter): ByteWriter {
  let stream = dest;
  while (stream instanceof BufferedStream) stream = stream.inner;
  return stream;
}

/** Whether a close frame was sent to a stream, by itself or through a buffer. */
export function wasCloseSent(dest: ByteWriter): boolean {
  return sent.has(innermost(dest));
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
  if (opcode !== OpClose || wasCloseSent(dest)) return writeAll(dest, bytes);
  setCloseSent(dest, true);
  try {
    const written = writeAll(dest, bytes);
    return written instanceof Promise ? written.catch((error) => forget(dest, error)) : undefined;
  } catch (error) {
    forget(dest, error);
  }
}

function forget(dest: ByteWriter, error: unknown): never {
  setCloseSent(dest, false);
  throw error;
}

/** Says whether one was. */
export function setCloseSent(dest: ByteWriter, isSent: boolean): void {
  if (isSent) sent.add(innermost(dest));
  else sent.delete(innermost(dest));
}
