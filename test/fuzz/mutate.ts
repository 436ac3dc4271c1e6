import { concat } from "../../src/bytes.ts";

/** A source of numbers from 0 to below 1. */
export type Random = () => number;

/** A whole number from 0 to below `limit`; 0 where that is none. */
export function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

export function oneOf<Item>(items: readonly Item[], random: Random): Item {
  return items[below(items.length, random)]!;
}

/** Bytes that protocols treat in a way of their own: ends of ranges, blanks, ends of lines, frames' first bytes. */
const tellingBytes = Uint8Array.of(
  ...[0x00, 0x01, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0xfe, 0xff],
  ...[0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x3b, 0x3d, 0x5c, 0xc0, 0xed, 0xf4],
);

/** Most bytes that a mutation adds, so that inputs stay quick to play. */
const most = 64;

type Mutation = (input: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

/** Replaces `[at, at + count)`. */
function replaced(
  input: Uint8Array,
  at: number,
  count: number,
  by: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return concat([input.subarray(0, at), by, input.subarray(at + count)]);
}

function bytesOf(count: number, random: Random): Uint8Array {
  return Uint8Array.from({ length: count }, () => below(256, random));
}

const mutations: readonly Mutation[] = [
  function flipBit(input, random) {
    const at = below(input.length, random);
    return replaced(input, at, 1, Uint8Array.of((input[at] ?? 0) ^ (1 << below(8, random))));
  },
  function changeByte(input, random) {
    return replaced(input, below(input.length, random), 1, bytesOf(1, random));
  },
  function putTellingByte(input, random) {
    const byte = Uint8Array.of(oneOf([...tellingBytes], random));
    return replaced(input, below(input.length, random), below(2, random), byte);
  },
  function insert(input, random) {
    return replaced(
      input,
      below(input.length + 1, random),
      0,
      bytesOf(below(most, random), random),
    );
  },
  function remove(input, random) {
    return replaced(input, below(input.length, random), 1 + below(most, random));
  },
  function truncate(input, random) {
    return input.slice(0, below(input.length + 1, random));
  },
  function repeat(input, random) {
    const at = below(input.length, random);
    const part = input.subarray(at, at + 1 + below(most, random));
    const times = 1 + below(8, random);
    return replaced(input, at, 0, concat(Array.from({ length: times }, () => part)));
  },
  function swap(input, random) {
    const [first, second] = [below(input.length, random), below(input.length, random)];
    const changed = input.slice();
    if (input.length > 0) [changed[first], changed[second]] = [input[second]!, input[first]!];
    return changed;
  },
  function splice(input, random, others) {
    const other = oneOf(others, random);
    return concat([
      input.subarray(0, below(input.length + 1, random)),
      other.subarray(below(other.length + 1, random)),
    ]);
  },
  /** Puts another length where a frame's may stand: 7 bits, or 16 or 64 of them behind 126 or 127. */
  function changeLength(input, random) {
    const at = below(input.length, random);
    const mask = (input[at] ?? 0) & 0x80;
    const form = oneOf([0, 2, 8], random);
    const length = form === 0 ? below(126, random) : form === 2 ? 126 : 127;
    const longer = bytesOf(form, random);
    // Mostly small numbers: any large one is refused for the same reason.
    if (below(4, random) > 0) longer.fill(0, 0, Math.max(0, form - 1));
    return replaced(input, at, 1 + form, concat([Uint8Array.of(mask | length), longer]));
  },
];

/**
 * Changes an input in one to four ways that all come from `random`.
 *
 * @param others Inputs whose ends may be put behind its beginning.
 * @returns An array of its own.
 */
export function mutate(
  input: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array {
  let mutant = input;
  for (let count = 1 + below(4, random); count > 0; count--) {
    mutant = oneOf(mutations, random)(mutant, random, others);
  }
  return mutant.slice();
}

/** Cuts an input in up to `most` places. */
export function cutUp(input: Uint8Array, random: Random, most: number): Uint8Array[] {
  const cuts = Array.from({ length: below(most, random) }, () => below(input.length, random));
  cuts.sort((a, b) => a - b);
  return [...cuts, input.length].map((end, i) => input.slice(cuts[i - 1] ?? 0, end));
}
