/**
 * The head of an HTTP/1.1 message: its bytes, and the positions of its parts.
 *
 * @module
 */

import { copyOf, equalsIgnoreCase, latin1, spells } from "../bytes.ts";

/** Index of a byte, counted from the head's first byte. */
type Position = number;

/** Number of entries for one header in the table of positions: start and end of its name and of its value. */
const positionsPerHeader = 4;

/**
 * A parsed head. It makes strings only when you read them.
 *
 * It reads the parser's input, without a copy, until you call {@link retain}.
 */
export class Head {
  #bytes: Uint8Array;
  #base = 0;
  #size = 0;
  readonly #headers: Position[] = [];

  /** Index after a request's method; 0 in a response. */
  methodEnd: Position = 0;
  /** Index of the first byte of a request's target; 0 in a response. */
  targetStart: Position = 0;
  /** Index after a request's target; 0 in a response. */
  targetEnd: Position = 0;
  /** Index of the first byte of a response's reason; 0 in a request. */
  reasonStart: Position = 0;
  /** Index after a response's reason; 0 in a request. */
  reasonEnd: Position = 0;
  /** The first digit of the HTTP version. */
  major = 0;
  /** The second digit of the HTTP version. */
  minor = 0;
  /** Status of a response, 0 in a request. */
  status = 0;
  /** Index at which the first line begins, after a skipped empty line. */
  lineStart: Position = 0;

  /**
   * Makes an empty head. A HeadParser fills it.
   *
   * @param bytes The array that contains the head; not copied.
   * @param base Index of the head's first byte.
   */
  constructor(bytes: Uint8Array, base: number) {
    this.#bytes = bytes;
    this.#base = base;
  }

  /** The array that contains the head: the parser's input, or a copy if the head came in pieces or was retained. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Number of bytes of the head, including the empty line at its end. */
  get size(): number {
    return this.#size;
  }

  /** Number of headers. */
  get headerCount(): number {
    return this.#headers.length / positionsPerHeader;
  }

  /** The request's method. */
  get method(): string {
    return this.#text(this.lineStart, this.methodEnd);
  }

  /** Tells whether the request's method is `name`, without making a string. */
  isMethod(name: string): boolean {
    return spells(this.#bytes, this.#base + this.lineStart, this.#base + this.methodEnd, name);
  }

  /** The request's target, not decoded. */
  get target(): string {
    return this.#text(this.targetStart, this.targetEnd);
  }

  /** The response's reason phrase. */
  get reason(): string {
    return this.#text(this.reasonStart, this.reasonEnd);
  }

  /** Name of the header with `index`, in the case in which it was sent. */
  name(index: number): string {
    return latin1(this.#bytes, this.nameStart(index), this.nameEnd(index));
  }

  /** Value of the header with `index`, as Latin-1, without blanks around it. */
  value(index: number): string {
    return latin1(this.#bytes, this.valueStart(index), this.valueEnd(index));
  }

  /** Index in {@link bytes} of the first byte of a header's value. */
  valueStart(index: number): number {
    return this.#base + this.#headers[index * positionsPerHeader + 2];
  }

  /** Index in {@link bytes} after the last byte of a header's value. */
  valueEnd(index: number): number {
    return this.#base + this.#headers[index * positionsPerHeader + 3];
  }

  /** Index in {@link bytes} of the target's first byte. */
  get targetByte(): number {
    return this.#base + this.targetStart;
  }

  /** Index in {@link bytes} after the target's last byte. */
  get targetEndByte(): number {
    return this.#base + this.targetEnd;
  }

  /** Index in {@link bytes} of the first byte of a header's name. */
  nameStart(index: number): number {
    return this.#base + this.#headers[index * positionsPerHeader];
  }

  /** Index in {@link bytes} after the last byte of a header's name. */
  nameEnd(index: number): number {
    return this.#base + this.#headers[index * positionsPerHeader + 1];
  }

  /** Tells whether a header's value is exactly `text`, without making a string. */
  isValue(index: number, text: string): boolean {
    return spells(this.#bytes, this.valueStart(index), this.valueEnd(index), text);
  }

  /**
   * Finds a header.
   *
   * @param name In lower case.
   * @param from Index of the first header to look at.
   * @returns Index of the header; -1 if there is none.
   */
  find(name: string, from = 0): number {
    for (let index = from; index < this.headerCount; index++) {
      const end = this.nameEnd(index);
      if (equalsIgnoreCase(this.#bytes, this.nameStart(index), end, name)) return index;
    }
    return -1;
  }

  /**
   * Gives the value of a header. Several values of one name are joined by ", " (RFC 9110, 5.3), those of Cookie by "; " (RFC
   * 9113, 8.2.3).
   *
   * @param name In any case.
   */
  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    const comma = lower === "cookie" ? "; " : ", ";
    let joined: string | undefined;
    for (let index = this.find(lower); index >= 0; index = this.find(lower, index + 1)) {
      joined = joined === undefined ? this.value(index) : joined + comma + this.value(index);
    }
    return joined;
  }

  /** Gives all headers as name and value, in the order of the message. */
  entries(): IterableIterator<[name: string, value: string]> {
    // All strings are cut from one text. Making each from its bytes would cost more, and so would a generator.
    const text = this.#text(0, this.#size);
    const positions = this.#headers;
    const pairs: [name: string, value: string][] = [];
    for (let at = 0; at < positions.length; at += positionsPerHeader) {
      const name = text.slice(positions[at], positions[at + 1]);
      pairs.push([name, text.slice(positions[at + 2], positions[at + 3])]);
    }
    return pairs.values();
  }

  /** Copies the bytes, so that the head stays valid when the parser's input changes. */
  retain(): void {
    this.#bytes = this.copy();
    this.#base = 0;
  }

  /** Gives a copy of the head's bytes, for another parser. */
  copy(): Uint8Array {
    return copyOf(this.#bytes, this.#base, this.#base + this.#size);
  }

  /** Adds a header. For the parser. */
  addHeader(
    nameStart: Position,
    nameEnd: Position,
    valueStart: Position,
    valueEnd: Position,
  ): void {
    this.#headers.push(nameStart, nameEnd, valueStart, valueEnd);
  }

  /** Sets the array that contains the head. For the parser. */
  moveTo(bytes: Uint8Array, base: number): void {
    this.#bytes = bytes;
    this.#base = base;
  }

  /** Sets the size of the head. For the parser. */
  finish(size: number): void {
    this.#size = size;
  }

  #text(start: Position, end: Position): string {
    return latin1(this.#bytes, this.#base + start, this.#base + end);
  }
}
