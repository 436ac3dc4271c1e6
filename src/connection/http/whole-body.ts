/**
 * Gathers a body that is ready, so that it is sent as one write, with its length.
 *
 * @module
 */

import { concat } from "../../bytes.ts";
import { isPromise, settled } from "../../deferred.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { BodySource } from "./body-source.ts";

/** Number of promise steps within which a ready body has come. */
const fewSteps = 16;

/**
 * Gives the bytes of a ready body. Otherwise gives a source that begins with the bytes already read. It rejects if the source fails
 * within the steps.
 */
export function whole(source: BodySource): Promise<Uint8Array | BodySource> {
  return new Promise((resolve, reject) => {
    // What `read` throws rejects the promise.
    new Gathering(source, resolve, reject).read();
  });
}

/**
 * The reading of one body. Each piece may take a few steps. It is no async function: on Bun such functions, one for the body and one
 * for each wait, cost as much as the stream itself.
 */
class Gathering {
  readonly #source: BodySource;
  readonly #resolve: (content: Uint8Array | BodySource) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #pieces: Uint8Array[] = [];

  constructor(
    source: BodySource,
    resolve: (content: Uint8Array | BodySource) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#source = source;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Reads pieces until one must be awaited. @throws The error of the source. */
  read(): void {
    for (;;) {
      const next = this.#source.next();
      if (isPromise(next)) {
        this.#wait(next as Promise<Uint8Array | undefined>);
        return;
      }
      if (!this.#take(next as Uint8Array | undefined)) return;
    }
  }

  /** Takes a piece, or the end. @returns Whether to read on. */
  #take(piece: Uint8Array | undefined): boolean {
    const pieces = this.#pieces;
    if (pieces.length === fewSteps) this.#resolve(resumed(this.#source, pieces, piece));
    else if (piece === undefined) {
      this.#resolve(pieces.length === 1 ? pieces[0]! : concat(pieces));
    } else {
      pieces.push(piece);
      return true;
    }
    return false;
  }

  #wait(next: Promise<Uint8Array | undefined>): void {
    let isOver = false;
    next.then(
      (piece) => {
        if (isOver) return;
        isOver = true;
        try {
          if (this.#take(piece)) this.read();
        } catch (error) {
          this.#reject(error);
        }
      },
      (reason: unknown) => {
        if (isOver) return;
        isOver = true;
        this.#reject(reason);
      },
    );
    let steps = 0;
    const step = (): void => {
      if (isOver) return;
      if (++steps < fewSteps) void settled.then(step);
      else {
        isOver = true;
        this.#resolve(resumed(this.#source, this.#pieces, next));
      }
    };
    void settled.then(step);
  }
}

/**
 * Gives a source that begins with pieces that were read already.
 *
 * @param next What the source has given after them.
 */
export function resumed(
  source: BodySource,
  pieces: Uint8Array[],
  next: Awaitable<Uint8Array | undefined>,
): BodySource {
  let isPending = true;
  return {
    next() {
      const piece = pieces.shift();
      if (piece !== undefined) return piece;
      if (!isPending) return source.next();
      isPending = false;
      return next;
    },
    cancel(reason) {
      source.cancel(reason);
    },
  };
}
