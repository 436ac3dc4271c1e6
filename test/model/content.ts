import { concat, encodeUtf8 } from "../../src/bytes.ts";

/*
 * What messages hold: each tells whose it is, which one, and how long, so that whatever comes out wrong has a name: lost,
 * twice, mixed with another one, cut, damaged.
 */

export type Data = string | Uint8Array;

/** What a message, or a piece of one, is made of. */
export interface Content {
  /** Such as "c3", or "c3.1" for a piece. */
  readonly label: string;
  /** Bytes, or UTF-16 units of text. */
  readonly size: number;
  readonly text: boolean;
  /** Whether compression gets nothing out of it. */
  readonly noise: boolean;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const refrain = "plain-é-€-😀-";

/** Bytes that look like chance, the same ones for the same label. */
function noiseOf(label: string, size: number): Uint8Array {
  let state = 0x9e3779b9;
  for (const letter of label) state = Math.imul(state ^ letter.charCodeAt(0), 0x85ebca6b) | 1;
  const words = new Uint32Array((size + 3) >> 2);
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Makes what a message holds. */
export function contentOf({ label, size, text, noise }: Content): Data {
  const head = `${label}:${size}:`;
  const left = Math.max(0, size - head.length);
  if (!text) {
    const body = noise
      ? noiseOf(label, left)
      : Uint8Array.from({ length: left }, (_, i) => (i + label.length) & 63);
    return concat([encodeUtf8(head.slice(0, size)), body]);
  }
  const body = noise
    ? Array.from(noiseOf(label, left), (byte) => letters[byte & 63]).join("")
    : refrain.repeat(Math.ceil(left / refrain.length)).slice(0, left);
  // A message cannot end with half a character.
  return (head + body).slice(0, size).replace(/[\ud800-\udbff]$/, "?");
}

/** Joins pieces of one message. */
export function joined(pieces: readonly Data[], text: boolean): Data {
  return text ? pieces.join("") : concat(pieces as readonly Uint8Array[]);
}

/** Index of the first unit in which two differ, -1 where they are the same. */
export function firstDifference(one: Data, other: Data): number {
  if (typeof one !== typeof other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return one.length === other.length ? -1 : length;
}

export function isPrefix(part: Data, whole: Data): boolean {
  if (typeof part !== typeof whole || part.length > whole.length) return false;
  const difference = firstDifference(part, whole);
  return difference === -1 || difference === part.length;
}

/** The label that data begins with, "" where it has none. */
export function labelOf(data: Data): string {
  const head = typeof data === "string" ? data.slice(0, 24) : letter(data.subarray(0, 24));
  return /^([cs]\d+(?:\.\d+)?):\d+:/.exec(head)?.[1] ?? "";
}

function letter(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Data in a few words. */
export function wordsFor(data: Data): string {
  const unit = typeof data === "string" ? "text" : "binary";
  const label = labelOf(data);
  return `${unit} ${label === "" ? "" : `"${label}" `}of ${data.length}`;
}
