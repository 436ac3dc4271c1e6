/**
 * The body of a response that is no handshake: read for a caller that wants to know why (RFC 9112, 6 and 7).
 *
 * @module
 */

import { copy, latin1, noBytes } from "../../bytes.ts";
import type { Head } from "../../http/head.ts";
import type { BufferedStream } from "../../io/buffered.ts";

/** Bytes of a body that are kept at the most. */
const maxBodySize = 1024 ** 2;

/** A chunk's size line is longer only by extensions, which nobody needs. */
const maxLineSize = 1024;

const LF = 0x0a;

/** How a response says where its body ends: its length, "chunked", or Infinity where the stream's end is it. */
function framingOf(head: Head): number | "chunked" {
  if (head.status === 204 || head.status === 304) return 0;
  if (head.get("transfer-encoding")?.toLowerCase() === "chunked") return "chunked";
  const length = head.get("content-length");
  return length === undefined || !/^\d+$/.test(length) ? Infinity : Number(length);
}

/** Gives a chunk's size by its line, undefined where that is none. */
function chunkSize(line: string): number | undefined {
  const size = /^[\da-f]{1,8}(?=[;\s]|$)/i.exec(line);
  return size === null ? undefined : Number.parseInt(size[0], 16);
}

/** Tells whether a line, without its LF, is empty. */
function isBlankLine(line: string): boolean {
  return line === "" || line === "\r";
}

/**
 * Gives where the body ends that begins at `bytes[start]`: the end of `bytes` where it goes on beyond, or is malformed.
 *
 * @param head The head in front of it.
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
    const framing = framingOf(head);
    try {
      if (framing === "chunked") await this.#readChunks();
      else await this.#take(framing);
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
      const size = chunkSize(await this.#readLine()) ?? 0;
      if (size === 0 || !(await this.#take(size))) return;
      await this.#readLine();
    }
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
