/** A source of numbers from 0 to below 1 that gives the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Random bytes, the same ones for the same seed. */
export function seededBytes(length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random() * 256;
  return bytes;
}

const mostSplits = 1024;
const randomCuts = 16;

/** Cuts bytes at positions that do not fall. Every piece is a copy, so that whoever gets it may change it. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const ends = [...positions, bytes.length];
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

/**
 * Every way to cut bytes that a test needs: whole, in two at every place, byte by byte, and at random, empty pieces
 * included. Of long bytes only the first and the last places are cut one by one.
 */
export function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes.slice()];
  for (let at = 0; at <= bytes.length; at++) {
    if (at <= mostSplits / 2 || at >= bytes.length - mostSplits / 2) yield cutAt(bytes, [at]);
  }
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
  for (let seed = 1; seed <= randomCuts; seed++) {
    const random = seededRandom(seed);
    const count = Math.ceil(random() * 8);
    const positions = Array.from({ length: count }, () =>
      Math.floor(random() * (bytes.length + 1)),
    );
    yield cutAt(
      bytes,
      positions.sort((a, b) => a - b),
    );
  }
}
