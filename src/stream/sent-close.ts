/**
 * Which streams a close frame was sent to: whoever answers one, it is answered once (RFC 6455, 5.5.1).
 *
 * @module
 */

import { BufferedStream } from "../io/buffered.ts";
import type { ByteWriter } from "../io/byte-stream.ts";

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

/** Says whether one was. */
export function setCloseSent(dest: ByteWriter, isSent: boolean): void {
  if (isSent) sent.add(innermost(dest));
  else sent.delete(innermost(dest));
}
