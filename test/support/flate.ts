import { constants, createDeflateRaw, inflateRawSync } from "node:zlib";
import { type ZlibWay, zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Context, Deflater, Inflater } from "../../src/flate/engine.ts";
import { seededBytes, seededRandom } from "./cuts.ts";

/** Both ways of calling zlib: what one does, the other does. */
export const ways: readonly ZlibWay[] = ["open", "one-shot"];

export const settings = { windowBits: 15, level: 6, memLevel: 8 } as const;

export const newDeflater = (way: ZlibWay, its: object = {}, sliceSize?: number): Deflater =>
  zlibEngine({ way, sliceSize }).newDeflater({ ...settings, ...its });

export const newInflater = (way: ZlibWay, windowBits = 15, sliceSize?: number): Inflater =>
  zlibEngine({ way, sliceSize }).newInflater({ windowBits });

/** What a receiver puts on a payload (RFC 7692, 7.2.2). */
export const tail: Uint8Array = Uint8Array.of(0, 0, 0xff, 0xff);

/** Waits until a context that had not done with a piece has. */
export async function finish(
  context: Context,
  isDone: boolean,
  into: BoundedBuffer,
): Promise<void> {
  while (!isDone) {
    await new Promise<void>((resolve) => {
      context.whenReady(resolve);
    });
    isDone = context.goOn(into);
  }
}

/** Compresses a message that comes in pieces. */
export async function deflate(
  deflater: Deflater,
  pieces: readonly Uint8Array[],
  into: BoundedBuffer = new BoundedBuffer(),
): Promise<Uint8Array> {
  for (const [i, piece] of pieces.entries()) {
    const isLast = i === pieces.length - 1;
    await finish(deflater, deflater.deflate(piece, 0, piece.length, isLast, into), into);
  }
  return into.take();
}

/** Decompresses a message that comes in pieces. */
export async function inflate(
  inflater: Inflater,
  pieces: readonly Uint8Array[],
  into: BoundedBuffer = new BoundedBuffer(),
): Promise<Uint8Array> {
  for (const [i, piece] of pieces.entries()) {
    const isLast = i === pieces.length - 1;
    await finish(inflater, inflater.inflate(piece, 0, piece.length, isLast, into), into);
  }
  return into.take();
}

/**
 * Where two arrays differ first, -1 where they do not: a comparison that is quick for large ones.
 */
export function difference(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return one.length === other.length ? -1 : length;
}

/** Decompresses payloads of one context by zlib itself, as one stream. */
export function zlibInflate(payloads: readonly Uint8Array[], windowBits = 15): Uint8Array {
  const stream = concat(payloads.flatMap((payload) => [payload, tail]));
  return inflateRawSync(stream, { windowBits, finishFlush: constants.Z_SYNC_FLUSH });
}

/** Compresses messages in one context by zlib itself, on a stream as it is documented. */
export async function zlibDeflate(
  messages: readonly Uint8Array[],
  options: object = {},
): Promise<Uint8Array[]> {
  const stream = createDeflateRaw(options);
  const payloads: Uint8Array[] = [];
  let chunks: Uint8Array[] = [];
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  for (const message of messages) {
    chunks = [];
    if (message.length > 0) stream.write(message);
    await new Promise<void>((resolve) => {
      stream.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    const payload = concat(chunks);
    payloads.push(message.length > 0 ? payload.subarray(0, payload.length - 4) : Uint8Array.of(0));
  }
  stream.close();
  return payloads;
}

/** JSON as programs send it, the same for the same seed. */
export function jsonOf(length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  let text = "";
  while (text.length < length) {
    const id = Math.floor(random() * 1e6);
    const name = names[id % names.length]!;
    text += `{"id":${id},"name":"${name}","price":${(random() * 100).toFixed(2)},"tags":["${name}"]},`;
  }
  return encodeUtf8(text.slice(0, length));
}

const names = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];

function textOf(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  let text = "";
  while (text.length < length) text += `${names[Math.floor(random() * names.length)]!} `;
  return encodeUtf8(text.slice(0, length));
}

/** Data of every kind, of any length, the same for the same seed. */
export const kinds: Readonly<Record<string, (length: number, seed: number) => Uint8Array>> = {
  JSON: jsonOf,
  text: textOf,
  incompressible: seededBytes,
  "of one byte": (length) => new Uint8Array(length).fill(0x61),
  "of few bytes": (length, seed) => seededBytes(length, seed).map((byte) => byte & 3),
};
