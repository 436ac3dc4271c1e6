/**
 * A stream of zlib that stays open, called synchronously: a small message takes a microsecond or two.
 *
 * No runtime documents such a call, but all three have it, since their own streams and one-shot calls are built on it.
 * `engine.ts` tries it before it is used.
 *
 * @module
 */

import { createDeflateRaw, createInflateRaw } from "node:zlib";

/** The object below a stream of `node:zlib`. */
interface Handle {
  onerror: (message: string) => void;
  /** Only on Workers, in the place of the property. */
  setErrorHandler?(handler: (message: string) => void): void;
  writeSync(
    flush: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    into: Uint8Array,
    at: number,
    room: number,
  ): unknown;
  reset(): void;
}

interface ZlibStream {
  readonly _handle: Handle;
  /** What the last call has left: room, and input. Deno up to 2.4 has no such array: there the call returns both, input first. */
  readonly _writeState?: Uint32Array;
  on(event: "error", listener: () => void): unknown;
  close(): void;
}

/** The functions that make zlib's streams. */
export interface Zlib {
  /** As `zlib.createDeflateRaw`. */
  createDeflateRaw(options: object): object;
  /** As `zlib.createInflateRaw`. */
  createInflateRaw(options: object): object;
}

/** The functions of this runtime. */
export const runtimesZlib: Zlib = { createDeflateRaw, createInflateRaw };

/** Bytes of a stream's own buffer, which is not used: the minimum of zlib's streams. Their default is 16 KiB. */
export const chunkSize = 64;

/** Closes streams that nobody closed: Deno does not free them, even if nothing refers to them any more. */
let forgotten: FinalizationRegistry<ZlibStream> | undefined;

/** zlib repeats its flush marker if it has less room than this. */
export const leastRoom = 64;

/** An open stream of zlib. After an error or `close` it must not be called: Node would end the process. */
export class OpenStream {
  readonly #stream: ZlibStream;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  readonly #hasOwnState: boolean;
  readonly #fault: { message: string | undefined };

  constructor(stream: object) {
    const fault: { message: string | undefined } = { message: undefined };
    this.#stream = stream as ZlibStream;
    this.#handle = this.#stream._handle;
    this.#hasOwnState = this.#stream._writeState === undefined;
    this.#state = this.#stream._writeState ?? new Uint32Array(2);
    this.#fault = fault;
    // It replaces the stream's own handler, which would destroy the stream without a report. It must not refer to `this`.
    const onError = (message: string): void => {
      fault.message = message;
    };
    if (this.#handle.setErrorHandler === undefined) this.#handle.onerror = onError;
    else this.#handle.setErrorHandler(onError);
    forgotten ??= new FinalizationRegistry(closeStream);
    forgotten.register(this, this.#stream, this);
  }

  /** zlib's message about wrong input, or undefined. */
  get error(): string | undefined {
    return this.#fault.message;
  }

  /** Bytes of room that the last call has left. */
  get roomLeft(): number {
    return this.#state[0]!;
  }

  /** Bytes of input that the last call has left. */
  get inputLeft(): number {
    return this.#state[1]!;
  }

  /** Takes `bytes[start, end)`, and writes the output to `into`, from `at` on. */
  write(
    flush: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    room: number,
  ): void {
    const left = this.#handle.writeSync(flush, bytes, start, end - start, into, at, room);
    if (this.#hasOwnState) this.#keepState(left);
  }

  /** Stores what the call has left. Wrong input leaves nothing that can be used, and no values. */
  #keepState(left: unknown): void {
    if (!Array.isArray(left)) return;
    this.#state[0] = left[1] as number;
    this.#state[1] = left[0] as number;
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    forgotten!.unregister(this);
    closeStream(this.#stream);
  }
}

function closeStream(stream: ZlibStream): void {
  stream.close();
}
