/**
 * Finds out by trying whether a way of calling zlib works on this runtime: some behaviour is not documented, or documented and
 * missing.
 *
 * @module
 */

import { copyOf, encodeUtf8, noBytes } from "../../src/bytes.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type {
  Deflater,
  DeflaterSettings,
  Inflater,
  InflaterSettings,
} from "../../src/flate/engine.ts";

/** A way of calling zlib that is tried. */
export interface TriedWay {
  /** Whether its compressors refer to earlier messages. */
  readonly keepsWindow: boolean;
  /** Makes a compressor. */
  newDeflater(settings: DeflaterSettings): Deflater;
  /** Makes a decompressor. */
  newInflater(settings: InflaterSettings): Inflater;
}

/** Bits of the windows that are tried: one that zlib does not have, its smallest one, and its largest one. */
const triedBits = [8, 9, 15] as const;

/**
 * Tries a way. With each of three windows it compresses and decompresses messages: larger ones than the window, empty ones,
 * messages in pieces, with and without the window of earlier ones, and a payload with a last block. Too large and wrong data must
 * be refused. It takes about ten milliseconds, once.
 */
export function wayWorks(way: TriedWay): boolean {
  return triedBits.every((windowBits) => {
    let deflater: Deflater | undefined;
    let inflater: Inflater | undefined;
    try {
      deflater = way.newDeflater({ windowBits, level: 6, memLevel: 1 });
      inflater = way.newInflater({ windowBits });
      return (
        keepsMessages(deflater, inflater, way.keepsWindow && windowBits > 8) &&
        goesOnBehindLastBlocks(inflater) &&
        keepsLimit(deflater, inflater) &&
        refusesWrongData(inflater)
      );
    } catch {
      return false;
    } finally {
      deflater?.close();
      inflater?.close();
    }
  });
}

const sample = "What goes there must come back.";

/** Gives a message of 1.3 KiB with varying bytes. */
function largeSample(): Uint8Array {
  return encodeUtf8(Array.from({ length: 40 }, (_, i) => `${i} ${sample}`).join("\n"));
}

function keepsMessages(deflater: Deflater, inflater: Inflater, keepsWindow: boolean): boolean {
  const small = encodeUtf8(sample);
  const large = largeSample();
  const first = roundTrip(deflater, inflater, small);
  const second = roundTrip(deflater, inflater, small);
  if (first === 0 || second === 0 || (keepsWindow && second >= first)) return false;
  for (const message of [large, noBytes, large]) {
    if (roundTrip(deflater, inflater, message) === 0) return false;
  }
  deflater.reset();
  inflater.reset();
  // After a reset nothing is known of earlier messages, so that the message has its first size again.
  return roundTrip(deflater, inflater, small) === first;
}

/** Compresses and decompresses a message, in two pieces each. @returns Bytes of its payload, 0 if that failed. */
function roundTrip(deflater: Deflater, inflater: Inflater, message: Uint8Array): number {
  const there = new BoundedBuffer();
  const back = new BoundedBuffer(message.length);
  const half = message.length >> 1;
  const isDone =
    deflater.deflate(message, 0, half, false, there) &&
    deflater.deflate(message, half, message.length, true, there) &&
    inflater.inflate(there.bytes, 0, 1, false, back) &&
    inflater.inflate(there.bytes, 1, there.size, true, back);
  return isDone && isSame(back.take(), message) ? there.size : 0;
}

/** "Hello" in a last block (RFC 7692, 7.2.3.4), and once more as a reference to it (7.2.3.2). */
const helloLast = /* @__PURE__ */ Uint8Array.of(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0);
const helloAgain = /* @__PURE__ */ Uint8Array.of(0xf2, 0x00, 0x11, 0, 0);

function goesOnBehindLastBlocks(inflater: Inflater): boolean {
  inflater.reset();
  const hello = encodeUtf8("Hello");
  return [helloLast, helloAgain].every((payload) => {
    const back = new BoundedBuffer();
    inflater.inflate(copyOf(payload, 0, payload.length), 0, payload.length, true, back);
    return isSame(back.take(), hello);
  });
}

/** Tells whether the limit holds, so that a peer's message cannot become larger than is allowed. */
function keepsLimit(deflater: Deflater, inflater: Inflater): boolean {
  deflater.reset();
  inflater.reset();
  const large = largeSample();
  const there = new BoundedBuffer();
  deflater.deflate(large, 0, large.length, true, there);
  const take = (): unknown =>
    inflater.inflate(there.bytes, 0, there.size, true, new BoundedBuffer(large.length - 1));
  return thrownBy(take) instanceof LimitError;
}

function refusesWrongData(inflater: Inflater): boolean {
  inflater.reset();
  const take = (): unknown =>
    inflater.inflate(Uint8Array.of(0xff), 0, 1, true, new BoundedBuffer());
  return thrownBy(take) instanceof ProtocolError;
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
