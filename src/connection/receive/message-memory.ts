/**
 * Memory for messages that handlers may keep.
 *
 * @module
 */

import { copy, copyOf, noBytes, viewOf } from "../../bytes.ts";

/** Size in bytes from which a message gets a buffer of its own. From there on the copy costs more than the buffer. */
const largeMessage = 8 * 1024;

/** Most bytes beside a message in its buffer. An application that keeps one small message keeps at most these alive, too. */
const mostBeside = 32 * 1024;

// Messages begin at multiples of 8, so that an application can read one as an array of numbers. Offset 0 is never used, so that
// code which wrongly reads `data.buffer` instead of `data` fails at its first message, and not only under load.
const alignment = 8;

/**
 * Gives the messages of one chunk memory that handlers may keep. If the chunk has memory of its own, its messages stay there.
 * Otherwise they are copied, and small ones share one buffer.
 *
 * Small messages share a buffer because a buffer is expensive: 0.5 to 2 us outside of the engine's heap, but 0.07 us for a view
 * (bench/micro/copies.mjs). Messages of different chunks, and so of different peers, never share a buffer. So an application that
 * keeps a message keeps at most its chunk alive, and one that passes on a message's buffer does not pass on bytes of another
 * peer.
 */
export class MessageMemory {
  readonly #ownBufferSize: number;
  #shared: Uint8Array<ArrayBuffer> = noBytes;
  // The buffer of `#shared`. On V8, reading `buffer` from an array costs as much as making a view.
  #sharedBuffer: ArrayBuffer = noBytes.buffer;
  #at = 0;
  // A chunk whose memory its messages may keep, and the number of its bytes that earlier messages have got.
  #ownChunk: Uint8Array | undefined;
  #given = 0;

  /**
   * @param ownBufferSize Size in bytes up to which a message gets a buffer of its own, because the engine has such buffers in its
   * heap.
   */
  constructor(ownBufferSize: number) {
    this.#ownBufferSize = ownBufferSize;
  }

  /** A chunk begins that has memory of its own. Its messages may stay there. */
  begin(ownChunk: Uint8Array): void {
    this.#ownChunk = ownChunk;
    this.#given = 0;
  }

  /**
   * Gives `bytes[start, end)`, a message of the chunk `bytes`, in memory that the caller may keep. Its buffer may be shared. In a
   * chunk with memory of its own, the message may be moved towards the start, over its header.
   */
  take(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size <= this.#ownBufferSize) return copyOf(bytes, start, end);
    const isLarge = size >= largeMessage;
    if (bytes === this.#ownChunk && bytes.buffer.byteLength - size <= mostBeside) {
      const isAlone = this.#given === 0 && end === bytes.length;
      const at = start - ((bytes.byteOffset + start) % alignment);
      if (at >= this.#given && (isAlone || !isLarge)) {
        if (at < start) bytes.copyWithin(at, start, end);
        this.#given = at + size;
        return viewOf(bytes, at, at + size);
      }
    }
    return isLarge ? copyOf(bytes, start, end) : this.#share(bytes, start, end);
  }

  /** The chunk is done. Later messages do not share memory with it, and this object keeps nothing of it. */
  end(): void {
    this.#shared = noBytes;
    this.#sharedBuffer = noBytes.buffer;
    this.#at = 0;
    this.#ownChunk = undefined;
  }

  #share(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (this.#at + size > this.#shared.length) {
      // Enough for the rest of the chunk. A single message fills it completely.
      this.#shared = new Uint8Array(alignment + Math.min(bytes.length - start, mostBeside));
      this.#sharedBuffer = this.#shared.buffer;
      this.#at = alignment;
    }
    const at = this.#at;
    copy(this.#shared, at, bytes, start, end);
    this.#at = (at + size + alignment - 1) & -alignment;
    return new Uint8Array(this.#sharedBuffer, at, size);
  }
}
