/**
 * Bodies of requests: where they end, and their bytes (RFC 9112, 6 and 7).
 *
 * The parser is strict, because a lax one would let a client hide one request inside another. Exactly one header gives the length
 * of the body, and every byte of the chunked coding is checked.
 *
 * @module
 */

import { latin1 } from "../bytes.ts";
import { HandshakeError, LimitError } from "../errors.ts";
import type { Head } from "./head.ts";
import { tokenBytes, valueBytes } from "./token.ts";

/** How a body ends: after this number of bytes, or with its last chunk. */
export type BodyFraming = number | "chunked";

/**
 * Tells how the body of a request ends; gives 0 if it has no body (RFC 9112, 6.3).
 *
 * @throws {HandshakeError} `BAD_BODY`: 501 if "chunked" is the last of several codings. 400 for anything else except one length,
 * or one "chunked" in HTTP/1.1.
 */
export function requestFraming(head: Head): BodyFraming {
  const coding = head.find("transfer-encoding");
  const length = head.find("content-length");
  if (coding < 0) return length < 0 ? 0 : lengthOf(head, length);
  if (length >= 0) throw badBody("Transfer-Encoding and Content-Length");
  // "A client MUST NOT send a request containing Transfer-Encoding unless it knows the server will handle HTTP/1.1"
  if (head.minor === 0) throw badBody("Transfer-Encoding in HTTP/1.0");
  if (head.find("transfer-encoding", coding + 1) >= 0) throw badBody("several Transfer-Encoding");
  const value = latin1(head.bytes, head.valueStart(coding), head.valueEnd(coding)).toLowerCase();
  if (value === "chunked") return "chunked";
  // "A server that receives a request message with a transfer coding it does not understand SHOULD respond with 501"
  if (/,[ \t]*chunked$/.test(value)) throw badBody("unknown Transfer-Encoding", 501);
  throw badBody("Transfer-Encoding is not chunked");
}

/** Reads a length of up to fifteen digits, so that it is below 2^53. */
function lengthOf(head: Head, index: number): number {
  if (head.find("content-length", index + 1) >= 0) throw badBody("several Content-Length");
  const value = latin1(head.bytes, head.valueStart(index), head.valueEnd(index));
  if (!/^\d{1,15}$/.test(value)) throw badBody("Content-Length is no number");
  return Number(value);
}

function badBody(what: string, status = 400): HandshakeError {
  return new HandshakeError("BAD_BODY", { message: `Malformed request body: ${what}`, status });
}

/*
 * State of a decoder: the part to which the next byte belongs.
 */
const Fixed = 0;
const FirstDigit = 1;
const Digits = 2;
const Extension = 3;
const SizeEnd = 4;
const Data = 5;
const DataCr = 6;
const DataLf = 7;
const LineStart = 8;
const Name = 9;
const Value = 10;
const LineEnd = 11;
const LastLf = 12;
const Done = 13;

const CR = 0x0d;
const LF = 0x0a;
const Colon = 0x3a;
const Semicolon = 0x3b;

/** Most bytes of chunk extensions and trailers in one body. They have no use here. */
const maxBeside = 16 * 1024;

/** Most hexadecimal digits of a chunk's size, so that it is below 2^53. */
const mostDigits = 12;

/** Finds the bytes of a body in the chunks of a stream, however the stream is cut. */
export class BodyDecoder {
  readonly #limit: number;
  #state: number;
  /** Number of bytes left in the body, or in its current chunk. */
  #left = 0;
  #digits = 0;
  #beside = 0;
  #received = 0;

  /**
   * Begins at the first byte of a body.
   *
   * @param limit Most bytes that the body may have.
   * @throws {LimitError} `BODY_TOO_LARGE`: the declared length is larger.
   */
  constructor(framing: BodyFraming, limit: number) {
    this.#limit = limit;
    if (framing === "chunked") {
      this.#state = FirstDigit;
      return;
    }
    if (framing > limit) throw new LimitError("BODY_TOO_LARGE", limit, framing);
    this.#left = framing;
    this.#state = framing === 0 ? Done : Fixed;
  }

  /** Whether the whole body has come. */
  get isComplete(): boolean {
    return this.#state === Done;
  }

  /** Number of the body's bytes that have come. */
  get received(): number {
    return this.#received;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param take Called with each range of `chunk` that belongs to the body.
   * @returns Index after the last byte taken: the end of `chunk`, or the first byte after the body.
   * @throws {HandshakeError} `BAD_BODY`, at the first wrong byte. Ignore the bytes after it.
   * @throws {LimitError} `BODY_TOO_LARGE`
   */
  feed(
    chunk: Uint8Array,
    start: number,
    take: (chunk: Uint8Array, start: number, end: number) => void,
  ): number {
    let at = start;
    while (at < chunk.length && this.#state !== Done) {
      if (this.#state === Fixed || this.#state === Data) {
        const end = Math.min(chunk.length, at + this.#left);
        take(chunk, at, end);
        this.#received += end - at;
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = this.#state === Fixed ? Done : DataCr;
      } else {
        this.#step(chunk[at++]);
      }
    }
    return at;
  }

  /** Handles one byte of the chunked coding. */
  #step(byte: number): void {
    switch (this.#state) {
      case FirstDigit:
        this.#left = this.#digits = 0;
        return this.#digit(byte);
      case Digits:
        return this.#afterDigit(byte);
      case Extension:
        return this.#extension(byte);
      case SizeEnd:
        expect(byte, LF);
        return this.#beginData();
      case DataCr:
        return this.#expect(byte, CR, DataLf);
      case DataLf:
        return this.#expect(byte, LF, FirstDigit);
      case LineStart:
        if (byte === CR) this.#state = LastLf;
        else this.#nameByte(byte);
        return;
      case Name:
        return this.#name(byte);
      case Value:
        return this.#value(byte);
      case LineEnd:
        return this.#expect(byte, LF, LineStart);
      default:
        return this.#expect(byte, LF, Done);
    }
  }

  #digit(byte: number): void {
    const digit = hexDigit(byte);
    if (digit < 0 || ++this.#digits > mostDigits) throw badBody("size of a chunk");
    this.#left = this.#left * 16 + digit;
    this.#state = Digits;
  }

  #afterDigit(byte: number): void {
    if (byte === CR) this.#state = SizeEnd;
    else if (byte === Semicolon) this.#state = Extension;
    else this.#digit(byte);
  }

  /** "A recipient MUST ignore unrecognized chunk extensions" (RFC 9112, 7.1.1): any text up to the line's end. */
  #extension(byte: number): void {
    if (byte === CR) this.#state = SizeEnd;
    else if (valueBytes[byte] === 1) this.#countBeside();
    else throw badBody("extension of a chunk");
  }

  #beginData(): void {
    const whole = this.#received + this.#left;
    if (whole > this.#limit) throw new LimitError("BODY_TOO_LARGE", this.#limit, whole);
    this.#state = this.#left === 0 ? LineStart : Data;
  }

  /** Trailers must be well-formed, and are dropped, because no caller reads them. */
  #nameByte(byte: number): void {
    if (tokenBytes[byte] !== 1) throw badBody("trailer");
    this.#countBeside();
    this.#state = Name;
  }

  #name(byte: number): void {
    if (byte === Colon) this.#state = Value;
    else this.#nameByte(byte);
  }

  #value(byte: number): void {
    if (byte === CR) this.#state = LineEnd;
    else if (valueBytes[byte] === 1) this.#countBeside();
    else throw badBody("trailer");
  }

  #countBeside(): void {
    if (++this.#beside > maxBeside) throw badBody("extensions and trailers of more than 16 KiB");
  }

  #expect(byte: number, expected: number, next: number): void {
    expect(byte, expected);
    this.#state = next;
  }
}

function expect(byte: number, expected: number): void {
  if (byte !== expected) throw badBody("a chunk, or a line of it, does not end with CRLF");
}

/** Gives the value of a hexadecimal digit; -1 for another byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
