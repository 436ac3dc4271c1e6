/**
 * Messages to a byte stream, written piece by piece through a buffer with room for the header in front, so that a frame is one
 * write.
 *
 * Theory of operation. The payload is gathered behind room for its header (framed-buffer.ts). When the frame is complete, both
 * leave as one slice. If the buffer is full before that, its content leaves as a fragment. Extensions change the payload before it is gathered. Calls that are not awaited keep their order
 * (io/call-order.ts).
 * @module
 */

import { checkBytes, checkLimit, wrongValue } from "../arguments.ts";
import { noBytes } from "../bytes.ts";
import { finish, SendChain } from "../extension/chain.ts";
import type { SendExtension, Transform } from "../extension/extension.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import { checkState, isClientSide, type State } from "../frame/check.ts";
import { type Header, newHeader } from "../frame/header.ts";
import { newMask } from "../frame/mask.ts";
import { checkOpcode, isControl, type Opcode, OpContinuation } from "../frame/opcode.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { CallOrder, countOf } from "../io/call-order.ts";
import { copyPieces } from "../io/copy.ts";
import { lentSize, restOf } from "../io/rest.ts";
import { writeAll } from "../io/write-all.ts";
import { encodeFrame } from "./frame-io.ts";
import { FramedBuffer, headerRoom } from "./framed-buffer.ts";

/** Options of a {@link Writer}. */
export interface WriterOptions {
  /** Payload bytes that are gathered into one frame, 1 or more. Default: the room in a buffer of 4096 bytes. */
  readonly size?: number | undefined;
  /** The buffer, with room for the header; lent as long as the writer is used. Default: a new one for `size`. */
  readonly buffer?: Uint8Array | undefined;
  /** The agreed extensions, in the agreed order; messages go through them. Default: none. */
  readonly extensions?: readonly SendExtension[] | undefined;
}

/** Bytes of a writer's buffer, header room included, if no size is given. */
export const DefaultWriteBuffer = 4096;

/** Checks that an opcode means a data frame. A control frame must not be in pieces (RFC 6455, 5.5). */
function checkMessage(state: State, opcode: Opcode): void {
  checkState(state);
  checkOpcode(opcode);
  if (isControl(opcode)) {
    throw new TypeError(`opcode must be a data frame's: ${opcode}. Use a ControlWriter`);
  }
}

function chainOf(extensions: readonly SendExtension[]): SendChain | undefined {
  return extensions.length > 0 ? new SendChain(extensions) : undefined;
}

/**
 * Writes a message as frames.
 *
 * A full buffer leaves as a fragment; `flush` ends the message. Calls that are not awaited are done in their order.
 *
 * @example
 * const writer = new Writer(stream, StateServerSide, OpText);
 * await writer.write(encoder.encode(JSON.stringify(value)));
 * await writer.flush();
 *
 * @see gobwas Writer
 */
export class Writer implements ByteWriter {
  #dest: ByteWriter;
  #state: State;
  #opcode: Opcode;
  /** The extensions for messages to come, and those of the present message. */
  #extensions: SendChain | undefined;
  #present: SendChain | undefined;
  /** The transform of the present message, and its output. */
  #transform: Transform | undefined;
  #transformed: BoundedBuffer | undefined;
  readonly #header: Header = newHeader();
  readonly #buffer: FramedBuffer;
  /** Whether a frame of the present message has left. */
  #isFragmented = false;
  /** Whether the present message has begun. */
  #isDirty = false;
  /** Whether the message has begun as of the last call, which may still wait. */
  #isInMessage = false;
  #flushes = true;
  readonly #calls: CallOrder = new CallOrder();

  /**
   * @param state This side: a client's frames are masked, each with its own key.
   * @param opcode OpText or OpBinary.
   * @throws {TypeError} `state` or `opcode` is no number, or `opcode` means a control frame: use a ControlWriter for those.
   * @throws {RangeError} `buffer` has no room for a header and a byte, `size` is below 1, or `state` or `opcode` is out of range.
   */
  constructor(dest: ByteWriter, state: State, opcode: Opcode, options: WriterOptions = {}) {
    const { size, buffer, extensions = [] } = options;
    checkMessage(state, opcode);
    this.#dest = dest;
    this.#state = state;
    this.#opcode = opcode;
    this.#extensions = chainOf(extensions);
    if (size !== undefined && !(Number.isInteger(size) && size >= 1)) {
      throw new RangeError(`Size must be an integer from 1 on: ${String(size)}`);
    }
    if (buffer !== undefined) checkBytes("buffer", buffer);
    this.#buffer = new FramedBuffer(
      state,
      buffer ??
        new Uint8Array(size === undefined ? DefaultWriteBuffer : size + headerRoom(state, size)),
    );
  }

  /** Payload bytes that the buffer has room for. */
  get size(): number {
    return this.#buffer.capacity;
  }

  /** Payload bytes that still fit into the buffer. */
  get available(): number {
    return this.#buffer.available;
  }

  /** Payload bytes that wait in the buffer. */
  get buffered(): number {
    return this.#buffer.size;
  }

  /** Whether something was written since the last `flush`, by calls that still wait too. */
  get isInMessage(): boolean {
    return this.#isInMessage;
  }

  /** true: each write writes all its bytes, in the order of the calls. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Adds bytes to the message. If they do not fit, full fragments leave; if the buffer is empty and they do not fit, they leave
   * as one fragment.
   *
   * An empty array begins a message, so that `flush` sends it.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws {TypeError} `from` is no Uint8Array, or is detached, or it was detached or shrunk before any of it was taken: nothing
   * has happened then. If a part was taken before, the message has a hole, and every later call throws the error.
   * @throws The error of an earlier write, of the stream or of an extension, until {@link reset}.
   * @see gobwas Writer.Write
   */
  write(from: Uint8Array): Awaitable<number> {
    const size = lentSize("from", from);
    const { isWaiting } = this.#calls;
    this.#isInMessage = true;
    const done = this.#calls.remember(
      isWaiting
        ? this.#calls.inTurn(() => this.#put(from, size, false))
        : this.#put(from, size, false),
    );
    return countOf(done, size);
  }

  /**
   * Adds `from` to the message, through the extensions if they want it. It begins the message if none has begun.
   *
   * @param size Bytes of `from` when it was lent: an array over a resizable buffer may have changed while the call waited.
   * @param isLast Whether `from` is the last piece of the message.
   */
  #put(from: Uint8Array, size: number, isLast: boolean): Awaitable<void> {
    const bytes = restOf("from", from, 0, size);
    if (!this.#isDirty) this.#beginMessage();
    const transform = this.#transform;
    if (transform === undefined) return this.#write(bytes, 0, size);
    const out = this.#transformed!;
    const made = this.#transformInto(out, transform, bytes, isLast);
    if (made !== undefined) return this.#calls.behind(made, () => this.#writeTransformOutput(out));
    return this.#writeTransformOutput(out);
  }

  /** Fills `out` with what the extensions make of `from`. An error of theirs is kept, since the message then has a hole. */
  #transformInto(
    out: BoundedBuffer,
    transform: Transform,
    from: Uint8Array,
    isLast: boolean,
  ): Promise<void> | undefined {
    const { round } = this.#calls;
    out.clear();
    try {
      const later = finish(transform, transform.write(from, 0, from.length, isLast, out), out);
      return later?.catch((error: unknown) => this.#calls.fail(error, round));
    } catch (error) {
      this.#calls.fail(error, round);
    }
  }

  /** Writes `out`. The next call fills `out` again, and so waits until the stream is done with this one. */
  #writeTransformOutput(out: BoundedBuffer): Awaitable<void> {
    return this.#write(out.bytes.subarray(0, out.size), 0, out.size);
  }

  #beginMessage(): void {
    this.#isDirty = true;
    this.#present = this.#extensions;
    this.#transform = this.#present?.beginMessage({
      opcode: this.#opcode,
      size: undefined,
      compress: true,
      cache: undefined,
    });
    if (this.#transform !== undefined) this.#transformed ??= new BoundedBuffer();
  }

  /** Adds `from[start, size)`. If a part has left and the rest is gone, the message has a hole, and the error is kept. */
  #write(from: Uint8Array, start: number, size: number): Awaitable<void> {
    let at = start;
    if (from.length < size) this.#failGone(from, at, size);
    const gathered = this.#buffer;
    while (size - at > gathered.available) {
      let written: Awaitable<void>;
      if (!this.#flushes) {
        gathered.grow(size - at);
        continue;
      }
      if (gathered.size === 0) {
        written = this.#writeThrough(restOf("from", from, at, size));
        at = size;
      } else {
        const end = at + gathered.available;
        gathered.add(from, at, end);
        at = end;
        written = this.#flush(false);
      }
      if (!(written instanceof Promise)) continue;
      return at === size ? written : this.#calls.behind(written, () => this.#write(from, at, size));
    }
    gathered.add(from, at, size);
  }

  #failGone(from: Uint8Array, at: number, size: number): void {
    try {
      restOf("from", from, at, size);
    } catch (error) {
      this.#calls.fail(error, this.#calls.round);
    }
  }

  /**
   * Sends `from` as a separate fragment, past the buffer.
   *
   * @param from Lent until the call, or its promise, is done.
   * @throws {TypeError} `from` is no Uint8Array, the buffer is not empty, or the message goes through an extension.
   * @throws The error of an earlier write, until {@link reset}.
   * @see gobwas Writer.WriteThrough
   */
  writeThrough(from: Uint8Array): Awaitable<number> {
    const size = lentSize("from", from);
    const { isWaiting } = this.#calls;
    this.#isInMessage = true;
    const done = this.#calls.remember(
      isWaiting
        ? this.#calls.inTurn(() => this.#writeAlone(restOf("from", from, 0, size)))
        : this.#writeAlone(from),
    );
    return countOf(done, size);
  }

  #writeAlone(from: Uint8Array): Awaitable<void> {
    if (this.#buffer.size > 0) throw new TypeError("The buffer is not empty: flush it first");
    if (!this.#isDirty) this.#beginMessage();
    if (this.#transform !== undefined) {
      throw new TypeError("The message goes through an extension: use write()");
    }
    return this.#writeThrough(from);
  }

  #writeThrough(from: Uint8Array): Awaitable<void> {
    return this.#send(encodeFrame(this.#nextHeader(from.length, false), from));
  }

  /**
   * Makes room for `size` more payload bytes in the buffer, beside the bytes in it.
   *
   * @param size 0 or more.
   * @throws {TypeError} `size` is no number.
   * @throws {RangeError} `size` is not an integer from 0 on, or is more than an array can have.
   * @see gobwas Writer.Grow
   */
  grow(size: number): void {
    checkLimit("size", size);
    if (!Number.isInteger(size)) throw wrongValue("size", "an integer from 0 on", size);
    if (size <= this.available) return;
    this.#buffer.grow(size);
    this.#buffer.keep();
  }

  /**
   * Makes the buffer grow from now on, so that each message is one frame; {@link reset} ends that. A buffer that has grown beyond
   * 64 KiB is dropped after its message was sent.
   */
  disableFlush(): void {
    this.#flushes = false;
  }

  /**
   * Adds everything that `reader` gives to the message, `size` bytes at a time, but at least 512 bytes and at most 64 KiB. If it
   * gives nothing, a message still begins, so that `flush` sends it.
   *
   * @returns Bytes added.
   * @throws The error of `reader`; the bytes before it are in the message. Otherwise as {@link write}.
   * @see gobwas Writer.ReadFrom
   */
  async readFrom(reader: ByteReader): Promise<number> {
    const total = await copyPieces(reader, this, Math.min(Math.max(this.size, 512), 64 * 1024));
    if (total === 0) await this.write(noBytes);
    return total;
  }

  /**
   * Ends the message: sends the buffer as its final frame. Does nothing if no message has begun.
   *
   * @see gobwas Writer.Flush
   */
  flush(): Awaitable<void> {
    this.#isInMessage = false;
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#flushMessage()) : this.#flushMessage(),
    );
  }

  /**
   * Sends the buffer as a fragment, and leaves the message open. Does nothing if the buffer is empty.
   *
   * @see gobwas Writer.FlushFragment
   */
  flushFragment(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting
        ? this.#calls.inTurn(() => this.#flushGathered())
        : this.#flushGathered(),
    );
  }

  #flushMessage(): Awaitable<void> {
    if (!this.#isDirty) return;
    if (this.#transform === undefined) return this.#flush(true);
    const put = this.#put(noBytes, 0, true);
    if (put instanceof Promise) return this.#calls.behind(put, () => this.#flush(true));
    return this.#flush(true);
  }

  #flushGathered(): Awaitable<void> {
    if (this.#buffer.size > 0) return this.#flush(false);
  }

  /** Sends the buffer as a frame. The header goes right in front of the payload. */
  #flush(fin: boolean): Awaitable<void> {
    return this.#send(this.#buffer.take(this.#nextHeader(this.#buffer.size, fin)));
  }

  #nextHeader(length: number, fin: boolean): Header {
    const header = this.#header;
    header.fin = fin;
    header.rsv = 0;
    header.opcode = this.#isFragmented ? OpContinuation : this.#opcode;
    header.masked = isClientSide(this.#state);
    header.maskKey = header.masked ? newMask() : 0;
    header.length = length;
    this.#present?.setBits(header);
    this.#isFragmented = !fin;
    this.#isDirty = !fin;
    return header;
  }

  /**
   * Begins again on another stream, like a new writer with the same buffer. An earlier error is forgotten, and unsent bytes are
   * dropped. Calls that still wait fail with a TypeError: their bytes are dropped too. A frame that is being written is sent to
   * its end.
   *
   * @throws {TypeError} As the constructor.
   * @throws {RangeError} The buffer has no room for a header and a byte. Otherwise as the constructor.
   * @see gobwas Writer.Reset, which keeps the error
   */
  reset(dest: ByteWriter, state: State, opcode: Opcode): void {
    checkMessage(state, opcode);
    this.#buffer.reset(state);
    this.#dest = dest;
    this.#state = state;
    this.#extensions = undefined;
    this.#transformed = undefined;
    this.#flushes = true;
    // A write that is under way to the old stream keeps the old buffer.
    if (this.#calls.isBusy) this.#buffer.replace();
    this.#calls.reset();
    this.#isInMessage = false;
    this.#begin(opcode);
  }

  /**
   * Begins a new message with another opcode, and drops unsent bytes. Earlier calls that were not awaited are done first.
   *
   * @throws {TypeError} As the constructor.
   * @throws {RangeError} As the constructor.
   * @see gobwas Writer.ResetOp
   */
  resetOp(opcode: Opcode): void {
    checkMessage(this.#state, opcode);
    this.#isInMessage = false;
    this.#calls.afterCalls(() => {
      this.#begin(opcode);
    });
  }

  #begin(opcode: Opcode): void {
    this.#opcode = opcode;
    this.#buffer.clear();
    this.#isFragmented = false;
    this.#isDirty = false;
  }

  /**
   * Sets the extensions from the next message on: a message that has begun keeps its own to its end. Earlier calls that were not
   * awaited are done first.
   *
   * @see gobwas Writer.SetExtensions, which changes a message that has begun
   */
  setExtensions(...extensions: SendExtension[]): void {
    const chain = chainOf(extensions);
    this.#calls.afterCalls(() => {
      this.#extensions = chain;
    });
  }

  /** Writes a frame to the stream. An error of the stream is kept and thrown by all later calls. */
  #send(bytes: Uint8Array): Awaitable<void> {
    const { round } = this.#calls;
    this.#calls.enter();
    let written: Awaitable<void>;
    try {
      written = writeAll(this.#dest, bytes);
    } catch (error) {
      this.#calls.leave();
      return this.#calls.fail(error, round);
    }
    this.#calls.leave();
    if (!(written instanceof Promise)) return undefined;
    return written.catch((error: unknown) => this.#calls.fail(error, round));
  }
}
