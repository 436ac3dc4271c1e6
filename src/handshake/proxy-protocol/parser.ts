/**
 * Parses the header that a TCP balancer sends before the bytes of a connection: the PROXY protocol, versions 1 and 2
 * (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt).
 *
 * @module
 */

import { copy, latin1, noBytes, readUint16 } from "../../bytes.ts";
import { HandshakeError } from "../../errors.ts";
import { FixedSize, parseBinaryHeader, signature } from "./binary-header.ts";
import type { Proxied } from "./proxied.ts";
import { MaxTextSize, parseTextHeader } from "./text-header.ts";

/** Most bytes after the fixed part of a header of version 2: the addresses of Unix sockets, and 3880 bytes of fields. */
export const MaxBinarySize = 4096;

/** The first bytes of version 1. */
const textStart = [..."PROXY "].map((char) => char.charCodeAt(0));

const CR = 0x0d;
const LF = 0x0a;

/*
 * State of the parser. start: nothing has come. text: in the line of version 1. fixed: in the first 16 bytes of version 2. rest:
 * in the bytes after those, whose number they contain. done: the header is complete.
 */
type State = "start" | "text" | "fixed" | "rest" | "done";

/**
 * Parses one header from chunks, however the stream is cut. It refuses the first byte that no header can have.
 *
 * @example
 * const parser = new ProxyHeaderParser();
 * const end = parser.feed(chunk);
 * if (parser.isComplete) console.log(parser.proxied.source?.address, chunk.subarray(end));
 */
export class ProxyHeaderParser {
  #state: State = "start";
  #bytes: Uint8Array = noBytes;
  /** Number of bytes that are kept. */
  #size = 0;
  #proxied: Proxied | undefined;

  /** Whether the header is complete. */
  get isComplete(): boolean {
    return this.#state === "done";
  }

  /** Whether no byte has come. */
  get isEmpty(): boolean {
    return this.#state === "start";
  }

  /** The content of the header. Read it when {@link isComplete}. */
  get proxied(): Proxied {
    return this.#proxied!;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns Index after the last byte taken: the first byte after the header, or the end of the chunk.
   * @throws {HandshakeError} `BAD_PROXY_HEADER`
   */
  feed(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#state !== "done") at = this.#step(chunk, at);
    return at;
  }

  /** Takes the bytes of the current state, and gives the index at which they end. */
  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case "start":
        this.#state = chunk[at] === CR ? "fixed" : "text";
        this.#bytes = new Uint8Array(this.#state === "fixed" ? FixedSize : MaxTextSize);
        return at;
      case "text":
        return this.#takeText(chunk, at);
      case "fixed":
        return this.#takeFixed(chunk, at);
      default:
        return this.#takeRest(chunk, at);
    }
  }

  /** Takes one byte of the line. */
  #takeText(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    const index = this.#size;
    if (index < textStart.length && byte !== textStart[index]) throw malformed("it is missing");
    // "if the CRLF sequence is not found in the first 107 characters, the receiver should declare the line invalid"
    if (index === MaxTextSize) throw malformed("its line is too long");
    this.#bytes[this.#size++] = byte;
    const hasEnded = byte === LF;
    if (hasEnded !== (index > 0 && this.#bytes[index - 1] === CR)) {
      throw malformed("its line does not end with CRLF");
    }
    if (hasEnded) this.#end(parseTextHeader(latin1(this.#bytes, 0, index - 1)));
    return at + 1;
  }

  /** Takes one byte of the fixed part. */
  #takeFixed(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    const index = this.#size;
    if (index < signature.length && byte !== signature[index]) throw malformed("it is missing");
    this.#bytes[this.#size++] = byte;
    if (this.#size < FixedSize) return at + 1;
    const size = readUint16(this.#bytes, FixedSize - 2);
    if (size > MaxBinarySize) throw malformed(`it has more than ${MaxBinarySize} bytes`);
    const whole = new Uint8Array(FixedSize + size);
    copy(whole, 0, this.#bytes, 0, FixedSize);
    this.#bytes = whole;
    if (size === 0) this.#end(parseBinaryHeader(whole));
    else this.#state = "rest";
    return at + 1;
  }

  /** Takes bytes of the rest, as many as have come. */
  #takeRest(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#bytes.length - this.#size);
    copy(this.#bytes, this.#size, chunk, at, end);
    this.#size += end - at;
    if (this.#size === this.#bytes.length) this.#end(parseBinaryHeader(this.#bytes));
    return end;
  }

  #end(proxied: Proxied | undefined): void {
    if (proxied === undefined) throw malformed("it cannot be read");
    this.#proxied = proxied;
    this.#state = "done";
    this.#bytes = noBytes;
  }
}

function malformed(what: string): HandshakeError {
  return new HandshakeError("BAD_PROXY_HEADER", {
    message: `A balancer's PROXY header is expected: ${what}`,
  });
}
