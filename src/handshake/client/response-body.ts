/**
 * The body of a response that refuses the handshake, for a caller that wants to know the reason (RFC 9112, 6 and 7).
 *
 * @module
 */

import { copy, latin1, noBytes } from "../../bytes.ts";
import type { Head } from "../../http/head.ts";
import type { BufferedStream } from "../../io/buffered.ts";

/** Most bytes of a body that are kept. */
const maxBodySize = 1024 ** 2;

/** Most bytes in the line of a chunk's size. Only chunk extensions, which have no use here, would make it longer. */
const maxLineSize = 1024;

const LF = 0x0a;

/** Tells where the body of a response ends: its length, "chunked", or Infinity if it ends with the stream. */
function framingOf(head: Head): number | "chunked" {
  if (head.status === 204 || head.status === 304) return 0;
  if (head.get("transfer-encoding")?.toLowerCase() === "chunked") return "chunked";
  const length = head.get("content-length");
  return length === undefined || !/^\d+$/.test(length) ? Infinity : Number(length);
}

/** Gives the size in a chunk's line; undefined if the line is malformed. */
function chunkSize(line: string): number | undefined {
  const size = /^[\da-f]{1,8}(?=[;\s]|$)/i.exec(line);
  return size === null ? undefined : Number.parseInt(size[0], 16);
}

/** Tells whether a line is empty, apart from its LF. */
function isBlankLine(line: string): boolean {
  return line === "" || line === "\r";
}

/**
 * Gives the index at which the body ends that begins at `bytes[start]`. It is the end of `bytes` if the body is longer, or
 * malformed.
 *
 * @param head The head of the body.
 */
export function bodyEnd(head: Head, bytes: Uint8Array, start: number): number {
  const framing = framingOf(head);
  if (framing !== "chunked") return Math.min(start + framing, bytes.length);
  let at = start;
  let isInTrailers = false;
  for (;;) {
    const lf = bytes.indexOf(LF, at);
    if (lf < 0) return bytes.length;
    const line = latin1(bytes, at, lf);
    at = lf + 1;
    const size: number | undefined = isInTrailers ? 0 : chunkSize(line);
    if (size === undefined) return bytes.length;
    if (isInTrailers && isBlankLine(line)) return at;
    isInTrailers = size === 0;
    // A line break follows the bytes of a chunk.
    if (size > 0) at = bytes.indexOf(LF, at + size) + 1 || bytes.length;
  }
}

/** Gathers the body of `head`, as far as it comes: at most 1 MiB. It never fails. */
export class ResponseBody {
  readonly #stream: BufferedStream;
  // One buffer that doubles its size. For a body in pieces of one byte, a list of arrays would cost a hundred times its size.
  #kept: Uint8Array = noBytes;
  #size = 0;

  constructor(stream: BufferedStream) {
    this.#stream = stream;
  }

  /** The bytes that have come: a new array, yours. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#kept.subarray(0, this.#size));
  }

  /** Reads until the end of the body, of the stream, or of the room for it. */
  async read(head: Head): Promise<void> {
    const framing = framingOf(head);
    try {
      if (framing === "chunked") await this.#readChunks();
      else await this.#take(framing);
    } catch {
      // The bytes that came before the failure are the result.
    }
  }

  /** Takes up to `length` bytes, and tells whether that many came. */
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
      const size = chunkSize(await this.#readLine()) ?? 0;
      if (size === 0 || !(await this.#take(size))) return;
      await this.#readLine();
    }
  }

  /** Reads a line, without its LF; gives "" if none comes. */
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
