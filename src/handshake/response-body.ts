/**
 * The body of a response that is no handshake: read for whoever wants to know why (RFC 9112, 6 and 7).
 *
 * @module
 */

import { copy, noBytes } from "../bytes.ts";
import type { Head } from "../http/head.ts";
import type { BufferedStream } from "../io/buffered.ts";

/** Bytes of a body that are kept at the most. */
const maxBodySize = 1024 ** 2;

/** A chunk's size line is longer only by extensions, which nobody needs. */
const maxLineSize = 1024;

const LF = 0x0a;

/** Gathers the body that belongs to `head`, as far as it comes: up to 1 MiB, and never failing. */
export class ResponseBody {
  readonly #stream: BufferedStream;
  // One buffer that doubles: a body in pieces of a byte would cost a hundred times its size in arrays.
  #kept: Uint8Array = noBytes;
  #size = 0;

  constructor(stream: BufferedStream) {
    this.#stream = stream;
  }

  /** What has come so far: a new array, yours. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#kept.subarray(0, this.#size));
  }

  /** Reads until the body, the stream or the room for it ends. */
  async read(head: Head): Promise<void> {
    const { status } = head;
    if (status === 204 || status === 304) return;
    const length = head.get("content-length");
    const isChunked = head.get("transfer-encoding")?.toLowerCase() === "chunked";
    try {
      if (isChunked) await this.#readChunks();
      else await this.#take(length === undefined || !/^\d+$/.test(length) ? Infinity : +length);
    } catch {
      // What came before the failure is what there is to tell.
    }
  }

  /** Takes up to `length` bytes; tells whether that many came. */
  async #take(length: number): Promise<boolean> {
    const stream = this.#stream;
    let left = length;
    while (left > 0 && this.#size < maxBodySize) {
      if (stream.buffered === 0 && (await stream.fill()) === 0) return false;
      const count = Math.min(stream.buffered, left, maxBodySize - this.#size);
      this.#keep(stream.bytes, stream.start, stream.start + count);
      stream.consume(count);
      left -= count;
    }
    return left === 0;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const size = this.#size + end - start;
    if (size > this.#kept.length) {
      const grown = new Uint8Array(Math.max(size, Math.min(2 * this.#size, maxBodySize)));
      copy(grown, 0, this.#kept, 0, this.#size);
      this.#kept = grown;
    }
    copy(this.#kept, this.#size, bytes, start, end);
    this.#size = size;
  }

  async #readChunks(): Promise<void> {
    for (;;) {
      const size = await this.#readChunkSize();
      if (size === 0 || !(await this.#take(size))) return;
      await this.#readLine();
    }
  }

  /** Reads a chunk's size in hexadecimal; 0 also where it is none, or its line does not end. */
  async #readChunkSize(): Promise<number> {
    const size = /^[\da-f]{1,8}(?=[;\s]|$)/i.exec(await this.#readLine());
    return size === null ? 0 : Number.parseInt(size[0], 16);
  }

  /** Reads a line, without its LF; "" where none comes. */
  async #readLine(): Promise<string> {
    const stream = this.#stream;
    let line = "";
    while (line.length < maxLineSize) {
      if (stream.buffered === 0 && (await stream.fill()) === 0) return "";
      const byte = stream.bytes[stream.start];
      stream.consume(1);
      if (byte === LF) return line;
      line += String.fromCharCode(byte);
    }
    return "";
  }
}
