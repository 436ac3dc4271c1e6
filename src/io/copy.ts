/**
 * All of a stream, or of a message, to where it is written to.
 *
 * @module
 */

import type { Awaitable, ByteReader, ByteWriter } from "./byte-stream.ts";
import { readCount, readOnce } from "./once.ts";
import { writeAll } from "./write-all.ts";

/** What {@link copy} writes to. */
export interface CopyDest extends ByteWriter {
  /**
   * Takes all that a reader has, in its own way, as a Writer and a FlateWriter do; `copy` calls it where it is there.
   *
   * @returns Bytes taken.
   * @see Go io.ReaderFrom
   */
  readFrom?(reader: ByteReader): Awaitable<number>;
}

/** Bytes that are read at a time where nothing else is said. */
export const pieceSize: number = 32 * 1024;

/**
 * Reads to the end, and writes all of it: of a stream, or of a message where `source` is a Reader or a FlateReader. Neither is
 * closed or flushed: a message that goes to a Writer ends by its `flush`.
 *
 * Nothing is gathered: 32 KiB are held at a time. A message that is empty begins one where `dest` is a Writer or a FlateWriter.
 *
 * @example
 * while ((await reader.nextFrame()) !== undefined) {
 *   await copy(reader, writer);
 *   await writer.flush();
 * }
 *
 * @param source Read to its end, or to its error.
 * @returns Bytes copied.
 * @throws What `source` throws, and what `dest` throws; what came before it has been written, or is on its way.
 * @see Go io.Copy
 */
export async function copy(source: ByteReader, dest: CopyDest): Promise<number> {
  if (dest.readFrom !== undefined) return dest.readFrom(source);
  return copyPieces(source, dest, pieceSize);
}

/**
 * As {@link copy}, a piece at a time, by `write`. For what has a `readFrom` of its own.
 *
 * @param size Bytes that are read at a time, 1 or more.
 */
export async function copyPieces(
  source: ByteReader,
  dest: ByteWriter,
  size: number,
): Promise<number> {
  const piece = new Uint8Array(size);
  let total = 0;
  for (;;) {
    const read = readOnce(source, piece);
    // A promise is waited for where there is one: what lies in memory is copied in one turn.
    const count = read instanceof Promise ? readCount(await read, size) : read;
    if (count === 0) return total;
    const written = writeAll(dest, piece.subarray(0, count));
    if (written instanceof Promise) await written;
    total += count;
  }
}
