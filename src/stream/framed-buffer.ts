/**
 * A buffer for the payload of a frame, with room for the header in front, so that a frame is one slice.
 *
 * @module
 */

import { copy } from "../bytes.ts";
import { isClientSide, type State } from "../frame/check.ts";
import { cipher } from "../frame/cipher.ts";
import { encodeHeaderAt, type Header, headerSize } from "../frame/header.ts";

/** Gives the number of bytes of a header in front of up to `size` payload bytes. */
export function headerRoom(state: State, size: number): number {
  return (size < 126 ? 2 : size < 0x10000 ? 4 : 10) + (isClientSide(state) ? 4 : 0);
}

/** Gives the payload bytes that fit behind the header into a buffer of `size` bytes. */
function payloadRoom(state: State, size: number): number {
  for (const most of [125, 0xffff]) {
    const room = size - headerRoom(state, most);
    if (room <= most) return room;
  }
  return size - headerRoom(state, Infinity);
}

/** Bytes up to which a grown buffer is kept for the next message. */
const mostKept = 64 * 1024;

/** Gathers the payload of one frame after the other. */
export class FramedBuffer {
  #state: State;
  #buffer: Uint8Array;
  /** The buffer to use again after a message made it grow. */
  #lasting: Uint8Array;
  /** Bytes at the start of the buffer that are kept for the header. */
  #room = 0;
  /** Payload bytes in the buffer. */
  size = 0;

  /**
   * @param state The side whose frames are made: a client's headers are longer.
   * @throws {RangeError} `buffer` has no room for a header and a byte.
   */
  constructor(state: State, buffer: Uint8Array) {
    this.#state = state;
    this.#buffer = buffer;
    this.#lasting = buffer;
    this.#divide(state);
  }

  /** Divides the buffer into room for a header and room for a payload. */
  #divide(state: State): void {
    const { length } = this.#buffer;
    const size = payloadRoom(state, length);
    if (size < 1) throw new RangeError(`Buffer has no room for a header and a byte: ${length}`);
    this.#room = length - size;
  }

  /** Payload bytes that there is room for in all. */
  get capacity(): number {
    return this.#buffer.length - this.#room;
  }

  /** Payload bytes that still fit. */
  get available(): number {
    return this.capacity - this.size;
  }

  /** Adds `from[start, end)`, which fits. */
  add(from: Uint8Array, start: number, end: number): void {
    copy(this.#buffer, this.#room + this.size, from, start, end);
    this.size += end - start;
  }

  /** Makes room for `size` more payload bytes, until a message that is larger than 64 KiB was sent. */
  grow(size: number): void {
    const payload = Math.max(this.size + size, 2 * this.capacity);
    const room = headerRoom(this.#state, payload);
    const grown = new Uint8Array(room + payload);
    copy(grown, room, this.#buffer, this.#room, this.#room + this.size);
    this.#buffer = grown;
    this.#room = room;
  }

  /** Keeps a buffer that has grown, whatever its size. */
  keep(): void {
    this.#lasting = this.#buffer;
  }

  /** Puts a header right in front of the payload, masks the payload if the header says so, and gives the frame. Begins anew. */
  take(header: Header): Uint8Array {
    const buffer = this.#buffer;
    const end = this.#room + this.size;
    const start = this.#room - headerSize(header);
    encodeHeaderAt(header, buffer, start);
    if (header.masked) cipher(buffer, header.maskKey, 0, this.#room, end);
    this.size = 0;
    // A buffer that one large message made grow is dropped, so that later messages do not keep it.
    if (header.fin && buffer.length > mostKept) this.#shrink(this.#state);
    return buffer.subarray(start, end);
  }

  #shrink(state: State): void {
    this.#buffer = this.#lasting;
    this.#divide(state);
  }

  /**
   * Drops what was gathered, and goes on with frames of another side.
   *
   * @throws {RangeError} The buffer has no room for a header and a byte.
   */
  reset(state: State): void {
    this.#shrink(state);
    this.#state = state;
    this.clear();
  }

  /** Drops what was gathered. */
  clear(): void {
    this.size = 0;
  }

  /** Leaves the buffer to a write that is under way, and goes on with a new one of the same size. */
  replace(): void {
    this.#lasting = this.#buffer = new Uint8Array(this.#buffer.length);
  }
}
