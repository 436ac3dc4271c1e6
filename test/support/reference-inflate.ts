/** What {@link referenceInflate} finds in a payload. */
export interface ReferenceInflated {
  readonly bytes: Uint8Array;
  /** The longest distance in it, 0 where there is none. */
  readonly distance: number;
}

const lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const lengthBits = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const distanceBases = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Codes of a Huffman alphabet by "length:code", put together naively (RFC 1951, 3.2.2). */
function codesOf(lengths: readonly number[]): Map<number, number> {
  const codes = new Map<number, number>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (const [symbol, its] of lengths.entries()) {
      if (its === length) codes.set((length << 16) | code++, symbol);
    }
    if (code > 1 << length) throw new Error("over-subscribed code");
    code <<= 1;
  }
  return codes;
}

const fixedLengths = Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
const fixed = [codesOf(fixedLengths), codesOf(Array<number>(30).fill(5))] as const;

/** A payload's bits, in the order of RFC 1951, 3.1.1. */
class Bits {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[this.at >> 3];
      if (byte === undefined) throw new Error("it ends inside a block");
      value |= ((byte >> (this.at++ & 7)) & 1) << i;
    }
    return value;
  }

  symbol(codes: Map<number, number>): number {
    let code = 0;
    for (let length = 1; length <= 15; length++) {
      code = (code << 1) | this.take(1);
      const symbol = codes.get((length << 16) | code);
      if (symbol !== undefined) return symbol;
    }
    throw new Error("no such code");
  }

  align(): number {
    this.at = (this.at + 7) & ~7;
    return this.at >> 3;
  }
}

function dynamic(bits: Bits): readonly [Map<number, number>, Map<number, number>] {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  if (literals > 286 || distances > 30) throw new Error("too many symbols");
  const count = bits.take(4) + 4;
  const lengths = Array<number>(19).fill(0);
  for (const symbol of codeOrder.slice(0, count)) lengths[symbol] = bits.take(3);
  const codes = codesOf(lengths);
  const all: number[] = [];
  while (all.length < literals + distances) {
    const symbol = bits.symbol(codes);
    if (symbol < 16) all.push(symbol);
    else if (symbol === 16 && all.length === 0) throw new Error("nothing to repeat");
    else if (symbol === 16) all.push(...Array<number>(3 + bits.take(2)).fill(all.at(-1)!));
    else all.push(...Array<number>(symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7)).fill(0));
  }
  if (all.length > literals + distances) throw new Error("repeats too often");
  return [codesOf(all.slice(0, literals)), codesOf(all.slice(literals))];
}

/**
 * Decompresses the payload of a message: a slow and plain twin of zlib, for tests.
 *
 * @param before What went before, in the window.
 * @throws Error Where it is not DEFLATE data, refers to what is not there, or does not end as RFC 7692, 7.2.1 has it:
 * in front of the length of an empty stored block, or behind such a block, or behind a last block.
 */
export function referenceInflate(
  payload: Uint8Array,
  before: Uint8Array = new Uint8Array(0),
): ReferenceInflated {
  const bits = new Bits(payload);
  const out = [...before];
  const { length } = payload;
  const isWhole = [0, 0, 0xff, 0xff].every((byte, i) => payload[length - 4 + i] === byte);
  let distance = 0;
  let isFinal = length === 0;
  while (!(bits.at === length * 8 && (isFinal || isWhole))) {
    isFinal = bits.take(1) === 1;
    const type = bits.take(2);
    if (type === 3) throw new Error("no such block");
    if (type === 0) {
      if (bits.align() === length) break;
      const size = bits.take(16);
      if (size !== (bits.take(16) ^ 0xffff)) throw new Error("length and its complement differ");
      for (let i = 0; i < size; i++) out.push(bits.take(8));
    } else {
      const [literals, distances] = type === 1 ? fixed : dynamic(bits);
      distance = Math.max(distance, readBlock(bits, literals, distances, out));
    }
    if (isFinal) bits.align();
  }
  return { bytes: Uint8Array.from(out.slice(before.length)), distance };
}

/** @returns The longest distance. */
function readBlock(
  bits: Bits,
  literals: Map<number, number>,
  distances: Map<number, number>,
  out: number[],
): number {
  let longest = 0;
  for (let symbol; (symbol = bits.symbol(literals)) !== 256;) {
    if (symbol < 256) {
      out.push(symbol);
      continue;
    }
    if (symbol > 285) throw new Error("no such length");
    const length = lengthBases[symbol - 257]! + bits.take(lengthBits[symbol - 257]!);
    const code = bits.symbol(distances);
    if (code > 29) throw new Error("no such distance");
    const distance = distanceBases[code]! + bits.take(code < 4 ? 0 : (code >> 1) - 1);
    if (distance > out.length) throw new Error("too far back");
    for (let i = 0; i < length; i++) out.push(out[out.length - distance]!);
    longest = Math.max(longest, distance);
  }
  return longest;
}
