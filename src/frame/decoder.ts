/**
 * A push decoder: chunks in, frames out. It allocates nothing for a frame, and gathers no payload (RFC 6455, 5.2).
 *
 * It knows the wire format and no policy. The sink decides what a header may say; an error that the sink throws ends the call.
 *
 * Theory of operation. The decoder stands in a header or in a payload. A header that lies whole in a chunk is decoded there; one
 * that two chunks share is copied byte by byte into a small buffer first. Payload bytes are unmasked where they lie, and given to
 * the sink piece by piece.
 *
 * @module
 */

import { checkRange } from "../arguments.ts";
import { noBytes } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { RangeCipher } from "./cipher.ts";
import { decodeHeaderRange, type Header, headerSize, MaxHeaderSize, newHeader } from "./header.ts";
import { isControl } from "./opcode.ts";

/** Takes the frames. For each frame the decoder calls one header, any number of payload pieces, and one end. */
export interface FrameSink {
  /** A header is complete. The object belongs to the decoder, and changes with the next frame. */
  frameHeader(header: Header): void;
  /**
   * A piece of the payload, unmasked, never empty.
   *
   * @param bytes `[start, end)` is valid until the call returns, and may be changed in place.
   */
  framePayload(bytes: Uint8Array, start: number, end: number): void;
  /** The payload is complete. */
  frameEnd(): void;
}

/** Options of a {@link FrameDecoder}. */
export interface FrameDecoderOptions {
  /** Refuses data frames whose length is not minimally encoded. Default: false, since nearly all peers accept them. */
  readonly strictLength?: boolean | undefined;
}

/** Shared by all decoders. It caches a word view of the current chunk until `feed` returns; a nested `feed` replaces the view. */
const cipher: RangeCipher = /* @__PURE__ */ new RangeCipher();

/**
 * Decodes frames from chunks; the stream may be cut into chunks anywhere.
 *
 * @example
 * const decoder = new FrameDecoder({
 *   frameHeader: (header) => checkHeader(header, StateServerSide),
 *   framePayload: (bytes, start, end) => hash.update(bytes.subarray(start, end)),
 *   frameEnd: () => {},
 * });
 * socket.on("data", (chunk) => decoder.feed(chunk));
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #strictLength: boolean;
  readonly #header: Header = newHeader();
  // The beginning of a header that continues in the next chunk: a copy, so that no chunk is kept. Made at the first such header.
  #partial: Uint8Array = noBytes;
  #partialSize = 0;
  #inPayload = false;
  #received = 0;
  #stopped = false;

  /**
   * Makes a decoder that expects a header next.
   *
   * @param sink Called for each frame, inside `feed`.
   */
  constructor(sink: FrameSink, options: FrameDecoderOptions = {}) {
    this.#sink = sink;
    this.#strictLength = options.strictLength ?? false;
  }

  /** Whether the bytes so far end between two frames. */
  get isBetweenFrames(): boolean {
    return !this.#inPayload && this.#partialSize === 0;
  }

  /** Makes {@link feed} return after the sink's present call; if the frame ends there, after `frameEnd`. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes the next bytes of the stream. Payloads are unmasked in place.
   *
   * @param chunk The bytes `[start, end)` are changed in place; none of them are kept.
   * @returns Index after the last byte taken: `end`, or less after {@link stop}; feed the rest later.
   * @throws {TypeError} `chunk` is no Uint8Array, or is detached: nothing has happened then.
   * @throws {RangeError} `start` or `end` is not within `chunk`: nothing has happened then.
   * @throws {ProtocolError} `LENGTH_SIGN_BIT`, `LENGTH_TOO_LARGE`, `LENGTH_NOT_MINIMAL`.
   * @throws Any error that the sink throws. After this or a ProtocolError the decoder cannot be used any more.
   */
  feed(chunk: Uint8Array, start = 0, end?: number): number {
    end = checkRange(chunk, start, end, "chunk");
    let at = start;
    this.#stopped = false;
    while (at < end && !this.#stopped) {
      at = this.#inPayload
        ? this.#readPayload(chunk, at, end)
        : this.#partialSize === 0
          ? this.#readHeader(chunk, at, end)
          : this.#readRestOfHeader(chunk, at, end);
    }
    cipher.release();
    return at;
  }

  #readHeader(chunk: Uint8Array, at: number, end: number): number {
    const size = decodeHeaderRange(this.#header, chunk, at, end);
    if (size === 0) return this.#keepPartial(chunk, at, end);
    this.#beginFrame(size);
    return at + size;
  }

  #keepPartial(chunk: Uint8Array, at: number, end: number): number {
    if (this.#partial === noBytes) this.#partial = new Uint8Array(MaxHeaderSize);
    while (at < end) this.#partial[this.#partialSize++] = chunk[at++];
    return at;
  }

  /** Reads the rest of a header byte by byte: at most 13 bytes, at most once for each chunk. */
  #readRestOfHeader(chunk: Uint8Array, at: number, end: number): number {
    while (at < end) {
      this.#partial[this.#partialSize++] = chunk[at++];
      const size = decodeHeaderRange(this.#header, this.#partial, 0, this.#partialSize);
      if (size !== 0) {
        this.#partialSize = 0;
        this.#beginFrame(size);
        return at;
      }
    }
    return at;
  }

  #beginFrame(size: number): void {
    const header = this.#header;
    // A control frame never needs a longer form, so that no peer has a reason to send one. Many peers accept one in data frames.
    if (size !== headerSize(header) && (this.#strictLength || isControl(header.opcode))) {
      throw new ProtocolError("LENGTH_NOT_MINIMAL", { value: header.length });
    }
    this.#received = 0;
    this.#sink.frameHeader(header);
    if (header.length === 0) {
      this.#sink.frameEnd();
    } else {
      this.#inPayload = true;
    }
  }

  #readPayload(chunk: Uint8Array, at: number, end: number): number {
    const header = this.#header;
    const left = header.length - this.#received;
    const pieceEnd = end - at < left ? end : at + left;
    if (header.masked) cipher.apply(chunk, header.maskKey, this.#received, at, pieceEnd);
    this.#received += pieceEnd - at;
    const complete = this.#received === header.length;
    if (complete) this.#inPayload = false;
    this.#sink.framePayload(chunk, at, pieceEnd);
    if (complete) this.#sink.frameEnd();
    return pieceEnd;
  }
}
