/**
 * Messages to a byte stream, written piece by piece through a buffer that has room for the header in front: a frame is
 * one write.
 *
 * Theory of operation. The payload is gathered behind room for the longest header that it can need; when the frame is complete its
 * header is put right in front of it, and both leave as one slice. What does not fit leaves as a fragment. Extensions see the
 * payload before it is gathered. Calls that are not awaited are kept in their order (io/call-order.ts).
 *
 * @module
 */

import { checkBytes, checkLimit, wrongValue } from "../arguments.ts";
import { copy, noBytes } from "../bytes.ts";
import { finish, SendChain } from "../extension/chain.ts";
import type { SendExtension, Transform } from "../extension/extension.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import { checkState, isClientSide, type State } from "../frame/check.ts";
import { cipher } from "../frame/cipher.ts";
import { encodeHeaderAt, type Header, headerSize, newHeader } from "../frame/header.ts";
import { newMask } from "../frame/mask.ts";
import { checkOpcode, isControl, type Opcode, OpContinuation } from "../frame/opcode.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { CallOrder, countOf } from "../io/call-order.ts";
import { copyPieces } from "../io/copy.ts";
import { lentSize, restOf } from "../io/rest.ts";
import { writeAll } from "../io/write-all.ts";
import { encodeFrame } from "./frame-io.ts";

/** Options of a {@link Writer}. */
export interface WriterOptions {
  /** Payload bytes that are gathered into one frame, 1 or more. Default: what a buffer of 4096 bytes leaves. */
  readonly size?: number | undefined;
  /** The buffer itself, header room included; lent as long as the writer is used. Default: one made for `size`. */
  readonly buffer?: Uint8Array | undefined;
  /** Those that were agreed upon, in that order: what is written goes through them. Default: none. */
  readonly extensions?: readonly SendExtension[] | undefined;
}

/** Bytes of a writer's buffer, header room included, where no size is given. */
export const DefaultWriteBuffer = 4096;

/** Bytes that a header takes in front of up to `size` payload bytes. */
function headerRoom(state: State, size: number): number {
  return (size < 126 ? 2 : size < 0x10000 ? 4 : 10) + (isClientSide(state) ? 4 : 0);
}

/** Payload bytes that a buffer of `size` bytes has room for behind their header. */
function payloadRoom(state: State, size: number): number {
  for (const most of [125, 0xffff]) {
    const room = size - headerRoom(state, most);
    if (room <= most) return room;
  }
  return size - headerRoom(state, Infinity);
}

/** A control frame is no message: it may not be in pieces (RFC 6455, 5.5). */
function checkMessage(state: State, opcode: Opcode): void {
  checkState(state);
  checkOpcode(opcode);
  if (isControl(opcode)) {
    throw new TypeError(`opcode must be one of a data frame: ${opcode}. Use a ControlWriter`);
  }
}

/** Bytes that a buffer may have grown to and be kept for the next message. */
const mostKept = 64 * 1024;

function chainOf(extensions: readonly SendExtension[]): SendChain | undefined {
  return extensions.length > 0 ? new SendChain(extensions) : undefined;
}

/**
 * Writes the frames of a message.
 *
 * What fills the buffer leaves as a fragment; `flush` ends the message. Where calls are not awaited they are done in
 * their order.
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
  /** Those of the messages to come, and those of the present one. */
  #extensions: SendChain | undefined;
  #present: SendChain | undefined;
  /** What the present message goes through, and what has come out of it. */
  #transform: Transform | undefined;
  #transformed: BoundedBuffer | undefined;
  readonly #header: Header = newHeader();
  #buffer: Uint8Array;
  /** The buffer to go back to, where a message has made it grow. */
  #lasting: Uint8Array;
  /** Bytes of the buffer that are kept for the header. */
  #room = 0;
  #buffered = 0;
  /** Whether the present message has a frame on the wire. */
  #isFragmented = false;
  /** Whether the present message has begun. */
  #isDirty = false;
  /** The same, as of the last call, which may wait. */
  #isInMessage = false;
  #flushes = true;
  readonly #calls: CallOrder = new CallOrder();

  /**
   * @param state Side: a client's frames are masked, each with a key of its own.
   * @param opcode OpText or OpBinary.
   * @throws {TypeError} `state` or `opcode` is no number, or `opcode` is one of a control frame: a ControlWriter is for those.
   * @throws {RangeError} `buffer` has no room for a header and a byte, `size` is below 1, or `state` or `opcode` is none.
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
    this.#buffer =
      buffer ??
      new Uint8Array(size === undefined ? DefaultWriteBuffer : size + headerRoom(state, size));
    this.#lasting = this.#buffer;
    this.#divide(state);
  }

  /** Divides the buffer into room for a header, and for a payload. */
  #divide(state: State): void {
    const { length } = this.#buffer;
    const size = payloadRoom(state, length);
    if (size < 1) throw new RangeError(`Buffer has no room for a header and a byte: ${length}`);
    this.#room = length - size;
  }

  /** Payload bytes that the buffer has room for. */
  get size(): number {
    return this.#buffer.length - this.#room;
  }

  /** Payload bytes that still fit into the buffer. */
  get available(): number {
    return this.size - this.#buffered;
  }

  /** Payload bytes that wait in the buffer. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether something was written since the last `flush`, by calls that are not awaited, too. */
  get isInMessage(): boolean {
    return this.#isInMessage;
  }

  /** Each write is whole, and in its order. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Adds to the message. What does not fit leaves in fragments; what finds the buffer empty and does not fit leaves as
   * one fragment.
   *
   * An empty array begins a message, so that `flush` sends it.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws {TypeError} `from` is no Uint8Array, or is detached; or it was detached or shrunk before anything of it was taken:
   * nothing has happened then. Where a part was taken, the message has a hole, and the error stays.
   * @throws The error of an earlier write, the stream's or an extension's, until {@link reset}.
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
   * Begins the message where it has not begun, and adds `from` to it, through the extensions where they want it.
   *
   * @param size Bytes of `from` as it was lent: one over a resizable buffer may have changed while the call waited.
   * @param isLast Whether the message ends with it.
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

  /** Fills `out` with what the extensions make of `from`; an error of theirs is kept: the message has a hole there. */
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

  /** The next call, which fills `out` anew, waits for the stream to be done with this one. */
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

  /** Adds `from[start, size)`. Where a part of it has left and the rest is gone, the message has a hole: the error stays. */
  #write(from: Uint8Array, start: number, size: number): Awaitable<void> {
    let at = start;
    if (from.length < size) this.#failGone(from, at, size);
    while (size - at > this.available) {
      let written: Awaitable<void>;
      if (!this.#flushes) {
        this.#grow(size - at);
        continue;
      }
      if (this.#buffered === 0) {
        written = this.#writeThrough(restOf("from", from, at, size));
        at = size;
      } else {
        const end = at + this.available;
        this.#gather(from, at, end);
        at = end;
        written = this.#flush(false);
      }
      if (!(written instanceof Promise)) continue;
      return at === size ? written : this.#calls.behind(written, () => this.#write(from, at, size));
    }
    this.#gather(from, at, size);
  }

  #failGone(from: Uint8Array, at: number, size: number): void {
    try {
      restOf("from", from, at, size);
    } catch (error) {
      this.#calls.fail(error, this.#calls.round);
    }
  }

  #gather(from: Uint8Array, start: number, end: number): void {
    copy(this.#buffer, this.#room + this.#buffered, from, start, end);
    this.#buffered += end - start;
  }

  /**
   * Sends `from` as a fragment of its own, past the buffer.
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
    if (this.#buffered > 0) throw new TypeError("The buffer is not empty: flush it first");
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
   * Makes room for `size` more payload bytes in the buffer, beside those that are there.
   *
   * @param size 0 or more.
   * @throws {TypeError} It is no number.
   * @throws {RangeError} It is no integer from 0 on, or more than an array may have.
   * @see gobwas Writer.Grow
   */
  grow(size: number): void {
    checkLimit("size", size);
    if (!Number.isInteger(size)) throw wrongValue("size", "an integer from 0 on", size);
    if (size <= this.available) return;
    this.#grow(size);
    this.#lasting = this.#buffer;
  }

  #grow(size: number): void {
    const payload = Math.max(this.#buffered + size, 2 * this.size);
    const room = headerRoom(this.#state, payload);
    const grown = new Uint8Array(room + payload);
    copy(grown, room, this.#buffer, this.#room, this.#room + this.#buffered);
    this.#buffer = grown;
    this.#room = room;
  }

  /**
   * From now on the buffer grows, so that each message is one frame; {@link reset} ends that. A buffer that has grown past
   * 64 KiB is given up when its message is sent.
   */
  disableFlush(): void {
    this.#flushes = false;
  }

  /**
   * Adds all that `reader` has to the message, 512 bytes to 64 KiB at a time: `size`, where it lies between. Where it has
   * nothing a message begins all the same, so that `flush` sends it.
   *
   * @returns Bytes added.
   * @throws What `reader` throws; what came before it is in the message. Else as {@link write}.
   * @see gobwas Writer.ReadFrom
   */
  async readFrom(reader: ByteReader): Promise<number> {
    const total = await copyPieces(reader, this, Math.min(Math.max(this.size, 512), 64 * 1024));
    if (total === 0) await this.write(noBytes);
    return total;
  }

  /**
   * Ends the message: sends what is gathered as its final frame. Does nothing where no message has begun.
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
   * Sends what is gathered as a fragment, and leaves the message open. Does nothing where nothing is gathered.
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
    if (this.#buffered > 0) return this.#flush(false);
  }

  /** Sends the buffer as a frame: the header goes right in front of the payload. */
  #flush(fin: boolean): Awaitable<void> {
    const header = this.#nextHeader(this.#buffered, fin);
    const end = this.#room + this.#buffered;
    const start = this.#room - headerSize(header);
    encodeHeaderAt(header, this.#buffer, start);
    if (header.masked) cipher(this.#buffer, header.maskKey, 0, this.#room, end);
    this.#buffered = 0;
    const frame = this.#buffer.subarray(start, end);
    if (fin && this.#buffer.length > mostKept) this.#shrink();
    return this.#send(frame);
  }

  /** What one large message needed is not kept for those behind it. */
  #shrink(): void {
    this.#buffer = this.#lasting;
    this.#divide(this.#state);
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
   * Begins anew on another stream, as a new writer with the same buffer would; an earlier error is forgotten, unsent
   * bytes are dropped. Calls that wait fail with a TypeError: theirs are dropped too. A frame that is under way is sent to its
   * end.
   *
   * @throws {TypeError} As the constructor.
   * @throws {RangeError} The buffer has no room for a header and a byte. Else as the constructor.
   * @see gobwas Writer.Reset, which keeps the error
   */
  reset(dest: ByteWriter, state: State, opcode: Opcode): void {
    checkMessage(state, opcode);
    this.#buffer = this.#lasting;
    this.#divide(state);
    this.#dest = dest;
    this.#state = state;
    this.#extensions = undefined;
    this.#transformed = undefined;
    this.#flushes = true;
    // What is under way to the old stream keeps the old buffer.
    if (this.#calls.isBusy) {
      this.#lasting = this.#buffer = new Uint8Array(this.#buffer.length);
    }
    this.#calls.reset();
    this.#isInMessage = false;
    this.#begin(opcode);
  }

  /**
   * Begins a new message with another opcode; unsent bytes are dropped. Calls before it that were not awaited are done
   * first.
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
    this.#buffered = 0;
    this.#isFragmented = false;
    this.#isDirty = false;
  }

  /**
   * Sets the extensions that messages go through from the next one on: the one that has begun keeps its own to its end.
   * Calls before it that were not awaited are done first.
   *
   * @see gobwas Writer.SetExtensions, which changes a message that has begun
   */
  setExtensions(...extensions: SendExtension[]): void {
    const chain = chainOf(extensions);
    this.#calls.afterCalls(() => {
      this.#extensions = chain;
    });
  }

  /** Writes a frame to the stream; an error of it is kept for all that comes after. */
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
