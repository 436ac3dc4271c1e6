import { concat } from "../../src/bytes.ts";
import type { Tunnel, TunnelStream } from "../../src/transport.ts";

/** A stream that gives its pieces, at most one a read, and writes down what it takes. */
export class TestTunnelStream implements TunnelStream {
  readonly writes: Uint8Array[] = [];
  readonly #pieces: Uint8Array[];
  readonly #error: Error | undefined;

  /** @param error What reading ends with, in place of the end. */
  constructor(pieces: readonly Uint8Array[], error?: Error) {
    this.#pieces = pieces.filter((piece) => piece.length > 0);
    this.#error = error;
  }

  /** What has not been read. */
  get left(): Uint8Array {
    return concat(this.#pieces);
  }

  /** All that has been written. */
  get written(): Uint8Array {
    return concat(this.writes);
  }

  async read(into: Uint8Array): Promise<number> {
    await Promise.resolve();
    const [piece] = this.#pieces;
    if (piece === undefined) {
      if (this.#error !== undefined) throw this.#error;
      return 0;
    }
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(count);
    return count;
  }

  async write(from: Uint8Array): Promise<void> {
    this.writes.push(from.slice());
    await Promise.resolve();
  }
}

/** Runs a tunnel over a stream that ends behind `pieces`, and gives what it wrote, left and failed with. */
export async function runTunnel(
  tunnel: Tunnel,
  pieces: readonly Uint8Array[],
  end?: Error,
): Promise<{ stream: TestTunnelStream; error: unknown }> {
  const stream = new TestTunnelStream(pieces, end);
  try {
    await tunnel(stream);
  } catch (error) {
    return { stream, error };
  }
  return { stream, error: undefined };
}
