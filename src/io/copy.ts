/**
 * Copies a whole stream, or a whole message, to another stream.
 *
 * @module
 */

import type { Awaitable, ByteReader, ByteWriter } from "./byte-stream.ts";
import { readCount, readOnce } from "./once.ts";
import { writeAll } from "./write-all.ts";

/** The target of {@link copy}. */
export interface CopyDest extends ByteWriter {
  /**
   * Takes everything that a reader gives, as a Writer and a FlateWriter do. `copy` calls it if it exists.
   *
   * @returns Bytes taken.
   * @see Go io.ReaderFrom
   */
  readFrom?(reader: ByteReader): Awaitable<number>;
}

/** Bytes that are read at once, unless the caller says otherwise. */
export const pieceSize: number = 32 * 1024;

/**
 * Reads to the end, and writes everything: a stream, or a message if `source` is a Reader or a FlateReader. It closes and flushes
 * neither: call `flush` to end a message that goes to a Writer.
 *
 * Nothing is gathered: 32 KiB are held at a time. If `dest` is a Writer or a FlateWriter, an empty message begins one there too.
 *
 * @example
 * while ((await reader.nextFrame()) !== undefined) {
 *   await copy(reader, writer);
 *   await writer.flush();
 * }
 *
 * @param source Read to its end, or until it throws.
 * @returns Bytes copied.
 * @throws The error of `source` or of `dest`. The bytes before the error have been written, or are on their way.
 * @see Go io.Copy
 */
export async function copy(source: ByteReader, dest: CopyDest): Promise<number> {
  if (dest.readFrom !== undefined) return dest.readFrom(source);
  return copyPieces(source, dest, pieceSize);
}

/**
 * As {@link copy}, but always by `write`, in pieces. A `readFrom` method can use it.
 *
 * @param size Bytes that are read at once, 1 or more.
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
    // Awaited only if it is a promise, so that bytes in memory are copied in one turn.
    const count = read instanceof Promise ? readCount(await read, size) : read;
    if (count === 0) return total;
    const written = writeAll(dest, piece.subarray(0, count));
    if (written instanceof Promise) await written;
    total += count;
  }
}
