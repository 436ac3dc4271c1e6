/**
 * UTF-8 on the wire: validation that fails at the first bad byte, decoding, and cutting at whole characters
 * (RFC 3629; RFC 6455, 5.6 and 8.1).
 *
 * @module
 */

import { checkRange, checkWhole } from "../arguments.ts";
import { isAscii, latin1 } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { type TextCodec, webText } from "./text-codec.ts";

/*
 * The state of a validator: between two characters, or how many continuation bytes must follow and which values the first of them
 * may have. Only the first one after E0, ED, F0 and F4 is restricted (overlong forms, surrogates, above U+10FFFF).
 */
const Boundary = 0;
const Need1 = 1;
const Need2 = 2;
const Need3 = 3;
const AfterE0 = 4;
const AfterED = 5;
const AfterF0 = 6;
const AfterF4 = 7;
const Bad = 8;

/** The lowest and highest byte allowed in each state, and the state that follows. If several rows fit, the last one counts. */
const rows: readonly (readonly [state: number, low: number, high: number, next: number])[] = [
  [Boundary, 0x00, 0x7f, Boundary],
  // C0 and C1 could only begin overlong forms.
  [Boundary, 0xc2, 0xdf, Need1],
  [Boundary, 0xe0, 0xef, Need2],
  [Boundary, 0xf0, 0xf4, Need3],
  [Boundary, 0xe0, 0xe0, AfterE0],
  [Boundary, 0xed, 0xed, AfterED],
  [Boundary, 0xf0, 0xf0, AfterF0],
  [Boundary, 0xf4, 0xf4, AfterF4],
  [Need1, 0x80, 0xbf, Boundary],
  [Need2, 0x80, 0xbf, Need1],
  [Need3, 0x80, 0xbf, Need2],
  [AfterE0, 0xa0, 0xbf, Need1],
  [AfterED, 0x80, 0x9f, Need1],
  [AfterF0, 0x90, 0xbf, Need2],
  [AfterF4, 0x80, 0x8f, Need2],
];

/** `transitions[state << 8 | byte]` is the next state. */
const transitions: Uint8Array = /* @__PURE__ */ makeTransitions();

function makeTransitions(): Uint8Array {
  const table = new Uint8Array((Bad + 1) << 8).fill(Bad);
  for (const [state, low, high, next] of rows) {
    table.fill(next, (state << 8) | low, ((state << 8) | high) + 1);
  }
  return table;
}

/**
 * Validates UTF-8 that comes in pieces; a character may be cut anywhere.
 *
 * @example
 * const validator = new Utf8Validator();
 * validator.write(piece) && validator.isComplete // of the last piece
 */
export class Utf8Validator {
  #state = Boundary;

  /** Whether the bytes so far end between two characters. */
  get isComplete(): boolean {
    return this.#state === Boundary;
  }

  /** Begins a new text. */
  reset(): void {
    this.#state = Boundary;
  }

  /**
   * Takes the next piece.
   *
   * @returns false as soon as the text cannot become valid any more; it then stays false until {@link reset}.
   * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
   * @throws {RangeError} `start` or `end` is not within `bytes`. Nothing has been checked then.
   */
  write(bytes: Uint8Array, start = 0, end?: number): boolean {
    end = checkRange(bytes, start, end);
    let state = this.#state;
    let at = start;
    while (at < end) {
      if (state === Boundary) {
        // Four ASCII bytes in each turn: 4 to 6 times as fast as the table alone on text that is mostly ASCII.
        while (
          at + 4 <= end &&
          (bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) < 0x80
        ) {
          at += 4;
        }
        if (at === end) break;
      }
      state = transitions[(state << 8) | bytes[at++]];
      if (state === Bad) break;
    }
    this.#state = state;
    return state !== Bad;
  }
}

// Joining characters costs less than a call of a TextDecoder up to about 20 characters on Node, 64 on Deno (where such a call
// costs three times as much) and 28 on Bun: bench/micro/text.mjs.
const decoderPaysFrom = 32;

/**
 * Decodes a whole text.
 *
 * @param codec Decodes everything except short ASCII texts. Default: the Web's `TextDecoder`.
 * @returns The text, or undefined if it is not valid UTF-8.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function decodeUtf8(
  bytes: Uint8Array,
  start = 0,
  end?: number,
  codec: TextCodec = webText,
): string | undefined {
  return decodeRange(bytes, start, checkRange(bytes, start, end), codec);
}

/** As {@link decodeUtf8}, for callers that have checked the range. */
export function decodeRange(
  bytes: Uint8Array,
  start: number,
  end: number,
  codec: TextCodec,
): string | undefined {
  if (end - start < decoderPaysFrom && isAscii(bytes, start, end)) return latin1(bytes, start, end);
  return codec.decode(bytes, start, end);
}

/** Decodes a text that a peer has sent. @throws {ProtocolError} `INVALID_UTF8` */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  codec: TextCodec,
): string {
  const text = decodeRange(bytes, start, end, codec);
  if (text === undefined) throw new ProtocolError("INVALID_UTF8");
  return text;
}

/** Tells whether a whole text is valid UTF-8. It uses the codec's own check if there is one. */
export function isUtf8(bytes: Uint8Array, start: number, end: number, codec: TextCodec): boolean {
  if (end - start < decoderPaysFrom && isAscii(bytes, start, end)) return true;
  if (codec.isUtf8 !== undefined) return codec.isUtf8(bytes, start, end);
  const validator = new Utf8Validator();
  return validator.write(bytes, start, end) && validator.isComplete;
}

/** Checks a text that a peer has sent. @throws {ProtocolError} `INVALID_UTF8` */
export function checkUtf8(bytes: Uint8Array, start: number, end: number, codec: TextCodec): void {
  if (!isUtf8(bytes, start, end, codec)) throw new ProtocolError("INVALID_UTF8");
}

/**
 * Finds the end of the last whole character at or before `end`, so that valid UTF-8 can be cut there.
 *
 * @param end An index larger than the length counts as the length.
 * @throws {TypeError} `bytes` is no Uint8Array or is detached, or `end` is no number.
 * @throws {RangeError} `end` is not a whole number from 0 on.
 */
export function characterEnd(bytes: Uint8Array, end: number): number {
  checkRange(bytes, 0, undefined);
  checkWhole("end", end, Number.MAX_SAFE_INTEGER);
  return lastCharacterEnd(bytes, end);
}

/** As {@link characterEnd}, for callers that have checked the index. */
export function lastCharacterEnd(bytes: Uint8Array, end: number): number {
  if (end >= bytes.length) return bytes.length;
  let at = end;
  while (at > 0 && (bytes[at] & 0xc0) === 0x80) at--;
  return at;
}
