/**
 * Parses a list of header options in place, and reads each byte once (RFC 9110, 5.6; RFC 6455, 9.1).
 *
 * @module
 */

import { checkSpan, checkTextOrBytes } from "../arguments.ts";
import { latin1 } from "../bytes.ts";
import { isBlank, tokenBytes, valueBytes } from "./token.ts";

/** The values that a list of options may contain. */
export interface OptionSyntax {
  /**
   * Allows quoted values with any text. Default: false: "the value after quoted-string unescaping MUST conform to the 'token'
   * ABNF" (RFC 6455, 9.1).
   */
  readonly anyValue?: boolean | undefined;
}

const Quote = 0x22;
const Comma = 0x2c;
const Semicolon = 0x3b;
const Equals = 0x3d;
const Backslash = 0x5c;

/**
 * Gives the bytes of a field value. A character that no field value may have becomes NUL, which is also not allowed.
 *
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 */
export function fieldBytes(source: Uint8Array | string): Uint8Array {
  checkTextOrBytes("source", source);
  if (typeof source !== "string") return source;
  const bytes = new Uint8Array(source.length);
  for (let at = 0; at < source.length; at++) {
    const unit = source.charCodeAt(at);
    bytes[at] = unit > 0xff ? 0 : unit;
  }
  return bytes;
}

/** Finds the end of the token at `bytes[start]`; gives `start` if there is no token. */
export function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && tokenBytes[bytes[at]] === 1) at++;
  return at;
}

/**
 * Parses a list, option by option and parameter by parameter.
 *
 * Blanks may stand around `,`, `;` and `=`. The grammar of RFC 6455, 9.1 follows the rules of RFC 2616, 2.1, which allow white
 * space between a token or quoted-string and a separator.
 */
export class OptionScanner {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** 1 for each byte that a quoted value may have. */
  readonly #quotable: Uint8Array;
  readonly #mayBeEmpty: boolean;
  #at: number;
  #inOption = false;
  #hasValue = false;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #escapes = 0;

  /** Whether the list is malformed. Then there are no more options. */
  isMalformed = false;

  /**
   * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
   * @throws {RangeError} `start` or `end` is not within `bytes`.
   */
  constructor(bytes: Uint8Array, start: number, end: number, anyValue = false) {
    checkSpan(bytes, start, end);
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#quotable = anyValue ? valueBytes : tokenBytes;
    this.#mayBeEmpty = anyValue;
  }

  /** Goes to the next option, and skips the rest of the current one. */
  nextOption(): boolean {
    while (this.#inOption) this.nextParameter();
    if (this.isMalformed) return false;
    // "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110, 5.6.1.2)
    while (this.#at < this.#end && isBlankOrComma(this.#bytes[this.#at])) this.#at++;
    if (this.#at === this.#end) return false;
    this.#inOption = true;
    return this.#takeName();
  }

  /** Goes to the option's next parameter. */
  nextParameter(): boolean {
    this.#skipBlanks();
    const delimiter = this.#at === this.#end ? Comma : this.#bytes[this.#at];
    if (delimiter === Comma) {
      this.#inOption = false;
      return false;
    }
    if (delimiter !== Semicolon) return this.#fail();
    this.#at++;
    this.#skipBlanks();
    if (!this.#takeName()) return false;
    this.#skipBlanks();
    this.#hasValue = this.#take(Equals);
    this.#escapes = 0;
    if (!this.#hasValue) return true;
    this.#skipBlanks();
    return this.#take(Quote) ? this.#takeQuoted() : this.#takeValue();
  }

  /** The name of the current option or parameter. */
  get nameText(): string {
    return latin1(this.#bytes, this.#nameStart, this.#nameEnd);
  }

  /** The name as a view. */
  get nameView(): Uint8Array {
    return this.#bytes.subarray(this.#nameStart, this.#nameEnd);
  }

  /** The value of the current parameter; undefined if it has none. */
  get valueText(): string | undefined {
    if (!this.#hasValue) return undefined;
    if (this.#escapes === 0) return latin1(this.#bytes, this.#valueStart, this.#valueEnd);
    const bytes = this.#unescaped();
    return latin1(bytes, 0, bytes.length);
  }

  /** The value as a view; a view of a copy if it contains escapes. */
  get valueView(): Uint8Array | undefined {
    if (!this.#hasValue) return undefined;
    if (this.#escapes > 0) return this.#unescaped();
    return this.#bytes.subarray(this.#valueStart, this.#valueEnd);
  }

  #takeName(): boolean {
    this.#nameStart = this.#at;
    this.#nameEnd = this.#at = tokenEnd(this.#bytes, this.#at, this.#end);
    return this.#nameEnd > this.#nameStart || this.#fail();
  }

  #takeValue(): boolean {
    this.#valueStart = this.#at;
    this.#valueEnd = this.#at = tokenEnd(this.#bytes, this.#at, this.#end);
    return this.#valueEnd > this.#valueStart || this.#fail();
  }

  #takeQuoted(): boolean {
    this.#valueStart = this.#at;
    for (let at = this.#at; at < this.#end; at++) {
      if (this.#bytes[at] === Quote) return this.#endQuoted(at);
      if (this.#bytes[at] === Backslash) {
        this.#escapes++;
        at++;
      }
      // After a last backslash `at` is past the end; that list is malformed, too.
      if (this.#quotable[this.#bytes[at]] !== 1) break;
    }
    return this.#fail();
  }

  #endQuoted(at: number): boolean {
    this.#valueEnd = at;
    this.#at = at + 1;
    return this.#mayBeEmpty || this.#valueEnd > this.#valueStart || this.#fail();
  }

  #unescaped(): Uint8Array {
    const value = new Uint8Array(this.#valueEnd - this.#valueStart - this.#escapes);
    let from = this.#valueStart;
    for (let at = 0; at < value.length; at++) {
      if (this.#bytes[from] === Backslash) from++;
      value[at] = this.#bytes[from++];
    }
    return value;
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && isBlank(this.#bytes[this.#at])) this.#at++;
  }

  #take(byte: number): boolean {
    if (this.#at === this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #fail(): false {
    this.isMalformed = true;
    this.#inOption = false;
    return false;
  }
}

function isBlankOrComma(byte: number): boolean {
  return byte === Comma || isBlank(byte);
}
