/**
 * Parses heads of requests and responses: in place, with limits, from chunks (RFC 9112, 2 to 5).
 *
 * Theory of operation. The parser is a state machine over bytes. Its state is the part to which the next byte belongs, such as
 * the target or a header's name. Each state has a method, which reads the bytes of its part and notes the part's position in the
 * head; it makes no strings. At the end of a chunk the parser keeps its state, and goes on with the next chunk.
 *
 * The parser is strict where attacks have used lax parsers: lines end with CRLF, no line is folded, and no blank stands before a
 * colon.
 *
 * @module
 */

import { checkEither, checkRange, resolveLimits } from "../arguments.ts";
import { copy, noBytes } from "../bytes.ts";
import { type Kind, numbersOf, optionsOf } from "../check-options.ts";
import { HandshakeError, LimitError } from "../errors.ts";
import { Head } from "./head.ts";
import { isBlank, targetBytes, tokenBytes, valueBytes } from "./token.ts";

/** Limits of a head. 0 or Infinity means no limit. */
export interface HeadLimits {
  /** Most bytes of the whole head. A longer one gets 431. */
  readonly maxHeadSize: number;
  /** Most bytes of the request target. A longer one gets 414. */
  readonly maxTargetSize: number;
  /** Most headers. More get 431. */
  readonly maxHeaders: number;
}

/** The defaults of these limits. */
export const defaultHeadLimits: HeadLimits = {
  maxHeadSize: 16 * 1024,
  maxTargetSize: 8 * 1024,
  maxHeaders: 128,
};

/** The kind of an option with some of these limits. */
export const headLimitsKind: Kind = /* @__PURE__ */ optionsOf(
  /* @__PURE__ */ numbersOf(defaultHeadLimits),
);

/** The kind of message to which a head belongs. */
export type HeadKind = "request" | "response";

/*
 * State of the parser: the part to which the next byte belongs. Each state except Done has its own method, which #step calls.
 */
const Leading = 0;
const Method = 1;
const Target = 2;
const Version = 3;
const Status = 4;
const Reason = 5;
const LineStart = 6;
const Name = 7;
const Blank = 8;
const Value = 9;
const LineEnd = 10;
const LastLineEnd = 11;
const LeadingEnd = 12;
const Done = 13;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const Colon = 0x3a;

/** The version, with 0 for each digit. */
const versionPattern = "HTTP/0.0";
const Zero = 0x30;

/**
 * Parses one head from chunks, however the stream is cut. It reads each byte once.
 *
 * If the whole head is in the first chunk, it is parsed in place. Otherwise its bytes are copied to the parser's own buffer,
 * which grows with them up to the limit.
 *
 * @example
 * const parser = new HeadParser("request");
 * const end = parser.feed(chunk);
 * if (parser.isComplete) console.log(parser.head.target, parser.head.get("host"), chunk.subarray(end));
 */
export class HeadParser {
  readonly #kind: HeadKind;
  readonly #limits: HeadLimits;
  #head = new Head(noBytes, 0);
  #state: number;
  #bytes: Uint8Array = noBytes;
  #base = 0;
  // Number of bytes that were read. All positions count from the head's first byte.
  #scanned = 0;
  #stored = 0;
  #partStart = 0;
  #nameStart = 0;
  #nameEnd = 0;

  /**
   * Makes a parser for one head.
   *
   * @param limits Limits of the head. An absent limit has its default. Default: 16 KiB and 128 headers.
   * @throws {TypeError} A limit is not a number.
   * @throws {RangeError} A limit is neither a whole number from 0 on nor Infinity; `kind` is unknown.
   */
  constructor(kind: HeadKind, limits: Partial<HeadLimits> = {}) {
    checkEither("kind", kind, "request", "response");
    this.#kind = kind;
    this.#limits = resolveLimits<HeadLimits>(limits, defaultHeadLimits);
    this.#state = this.#firstState;
  }

  /** Begins with another head, of the same kind and with the same limits. The previous head stays valid. */
  reset(): void {
    this.#head = new Head(noBytes, 0);
    this.#state = this.#firstState;
    this.#bytes = noBytes;
    this.#base = this.#scanned = this.#stored = 0;
    this.#partStart = this.#nameStart = this.#nameEnd = 0;
  }

  get #firstState(): number {
    return this.#kind === "request" ? Leading : Version;
  }

  /** Whether the head is complete. */
  get isComplete(): boolean {
    return this.#state === Done;
  }

  /** Whether no byte of the head has come. */
  get isEmpty(): boolean {
    return this.#scanned === 0;
  }

  /**
   * The head. Read it when {@link isComplete}. If it came in one chunk, it is valid for as long as the chunk, unless you call its
   * `retain`.
   */
  get head(): Head {
    return this.#head;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns Index after the last byte taken: `end`, or the first byte after the head.
   * @throws {TypeError} `chunk` is not a Uint8Array, or is detached. Then the parser is unchanged.
   * @throws {RangeError} `start` or `end` is not within `chunk`. Then the parser is unchanged.
   * @throws {HandshakeError} `MALFORMED_REQUEST` or `MALFORMED_RESPONSE`, at the first wrong byte
   * @throws {LimitError} `HEAD_TOO_LARGE`, `TARGET_TOO_LONG`, `TOO_MANY_HEADERS`
   */
  feed(chunk: Uint8Array, start = 0, end?: number): number {
    end = checkRange(chunk, start, end, "chunk");
    if (this.#state === Done) return start;
    const before = this.#scanned;
    const most = Math.min(end - start, this.#limits.maxHeadSize - before);
    if (before === 0) {
      this.#bytes = chunk;
      this.#base = start;
    } else {
      this.#store(chunk, start, start + most);
    }
    this.#head.moveTo(this.#bytes, this.#base);

    this.#scan(before + most);
    if (this.#state === Done) return start + this.#scanned - before;
    if (most < end - start) {
      const { maxHeadSize } = this.#limits;
      throw new LimitError("HEAD_TOO_LARGE", maxHeadSize, maxHeadSize + 1);
    }
    if (before === 0) this.#store(chunk, start, end);
    this.#head.moveTo(this.#bytes, this.#base);
    return end;
  }

  /** Appends bytes to the parser's own buffer. It doubles when it grows, up to the limit. */
  #store(chunk: Uint8Array, start: number, end: number): void {
    const size = this.#stored + end - start;
    if (this.#stored === 0 || size > this.#bytes.length) {
      const doubled = Math.min(Math.max(2 * this.#stored, 512), this.#limits.maxHeadSize);
      const grown = new Uint8Array(Math.max(size, doubled));
      copy(grown, 0, this.#bytes, 0, this.#stored);
      this.#bytes = grown;
      this.#base = 0;
    }
    copy(this.#bytes, this.#stored, chunk, start, end);
    this.#stored = size;
  }

  #scan(end: number): void {
    while (this.#scanned < end && this.#state !== Done) this.#step(end);
  }

  /** Reads the bytes of the current state. */
  #step(end: number): void {
    switch (this.#state) {
      case Leading:
        return this.#leading();
      case LeadingEnd:
        return this.#leadingEnd();
      case Method:
        return this.#method(end);
      case Target:
        return this.#target(end);
      case Version:
        return this.#version();
      case Status:
        return this.#status();
      case Reason:
        return this.#reason(end);
      case LineStart:
        return this.#lineStart();
      case Name:
        return this.#name(end);
      case Blank:
        return this.#blank(end);
      case Value:
        return this.#value(end);
      case LineEnd:
        return this.#lineEnd(LineStart);
      default:
        return this.#lineEnd(Done);
    }
  }

  #byte(): number {
    return this.#bytes[this.#base + this.#scanned];
  }

  /** Skips the bytes that are in `set`, and tells whether another byte follows before `end`. */
  #skip(set: Uint8Array, end: number): boolean {
    const bytes = this.#bytes;
    const base = this.#base;
    let at = this.#scanned;
    while (at < end && set[bytes[base + at]] === 1) at++;
    this.#scanned = at;
    return at < end;
  }

  /** "a server ... SHOULD ignore at least one empty line (CRLF)" (RFC 9112, 2.2). This parser ignores exactly one. */
  #leading(): void {
    if (this.#byte() !== CR) {
      this.#state = Method;
      return;
    }
    this.#scanned++;
    this.#state = LeadingEnd;
  }

  #leadingEnd(): void {
    if (this.#byte() !== LF) throw this.#malformed("CR without LF");
    this.#scanned++;
    this.#head.lineStart = this.#scanned;
    this.#partStart = this.#scanned;
    this.#state = Method;
  }

  #method(end: number): void {
    if (!this.#skip(tokenBytes, end)) return;
    if (this.#byte() !== SP || this.#scanned === this.#partStart) {
      throw this.#malformed("no method");
    }
    this.#head.methodEnd = this.#scanned;
    this.#head.targetStart = this.#partStart = ++this.#scanned;
    this.#state = Target;
  }

  #target(end: number): void {
    const most = this.#limits.maxTargetSize;
    const more = this.#skip(targetBytes, Math.min(end, this.#partStart + most + 1));
    const length = this.#scanned - this.#partStart;
    if (length > most) throw new LimitError("TARGET_TOO_LONG", most, length);
    if (!more) return;
    if (this.#byte() !== SP || length === 0) throw this.#malformed("bad request target");
    this.#head.targetEnd = this.#scanned;
    this.#partStart = ++this.#scanned;
    this.#state = Version;
  }

  /** Reads one byte of `HTTP/1.1`, or the byte after it. */
  #version(): void {
    const index = this.#scanned - this.#partStart;
    const byte = this.#byte();
    if (index === versionPattern.length) return this.#afterVersion(byte);
    const expected = versionPattern.charCodeAt(index);
    if (expected === Zero ? !isDigit(byte) : byte !== expected)
      throw this.#malformed("bad version");
    if (index === 5) this.#head.major = byte - Zero;
    if (index === 7) this.#head.minor = byte - Zero;
    this.#scanned++;
  }

  #afterVersion(byte: number): void {
    const isRequest = this.#kind === "request";
    if (byte !== (isRequest ? CR : SP)) throw this.#malformed("bad version");
    this.#partStart = ++this.#scanned;
    this.#state = isRequest ? LineEnd : Status;
  }

  /** Reads one of the three digits of a status, or the byte after them. */
  #status(): void {
    const byte = this.#byte();
    if (this.#scanned - this.#partStart < 3) {
      if (!isDigit(byte)) throw this.#malformed("bad status");
      this.#head.status = this.#head.status * 10 + byte - 0x30;
      this.#scanned++;
      return;
    }
    // Many servers leave out the space before an empty reason.
    if (this.#head.status < 100 || (byte !== SP && byte !== CR)) {
      throw this.#malformed("bad status");
    }
    if (byte === SP) this.#scanned++;
    this.#head.reasonStart = this.#scanned;
    this.#state = Reason;
  }

  #reason(end: number): void {
    if (!this.#skip(valueBytes, end)) return;
    if (this.#byte() !== CR) throw this.#malformed("bad reason");
    this.#head.reasonEnd = this.#scanned++;
    this.#state = LineEnd;
  }

  #lineStart(): void {
    if (this.#byte() === CR) {
      this.#scanned++;
      this.#state = LastLineEnd;
      return;
    }
    const most = this.#limits.maxHeaders;
    if (this.#head.headerCount === most) {
      throw new LimitError("TOO_MANY_HEADERS", most, most + 1);
    }
    this.#nameStart = this.#scanned;
    this.#state = Name;
  }

  #name(end: number): void {
    if (!this.#skip(tokenBytes, end)) return;
    // "No whitespace is allowed between the field name and colon" (RFC 9112, 5.1)
    if (this.#byte() !== Colon || this.#scanned === this.#nameStart) {
      throw this.#malformed("bad header name");
    }
    this.#nameEnd = this.#scanned++;
    this.#state = Blank;
  }

  #blank(end: number): void {
    while (this.#scanned < end && isBlank(this.#byte())) this.#scanned++;
    if (this.#scanned === end) return;
    this.#partStart = this.#scanned;
    this.#state = Value;
  }

  #value(end: number): void {
    if (!this.#skip(valueBytes, end)) return;
    if (this.#byte() !== CR) throw this.#malformed("bad header value");
    let last = this.#scanned;
    while (last > this.#partStart && isBlank(this.#bytes[this.#base + last - 1])) last--;
    this.#head.addHeader(this.#nameStart, this.#nameEnd, this.#partStart, last);
    this.#scanned++;
    this.#state = LineEnd;
  }

  #lineEnd(next: number): void {
    if (this.#byte() !== LF) throw this.#malformed("CR without LF");
    this.#scanned++;
    this.#state = next;
    if (next === Done) this.#head.finish(this.#scanned);
  }

  #malformed(what: string): HandshakeError {
    const code = this.#kind === "request" ? "MALFORMED_REQUEST" : "MALFORMED_RESPONSE";
    return new HandshakeError(code, {
      message: `Malformed HTTP ${this.#kind}: ${what} at byte ${this.#scanned}`,
    });
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
