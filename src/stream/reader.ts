/**
 * Messages from a byte stream, pulled piece by piece: whatever their size, nothing is gathered (RFC 6455, 5.4 and 6.2).
 *
 * Theory of operation. A header is read, checked and counted, and then bytes of its payload are read where the caller wants them, and
 * unmasked there. At the end of a fragment `read` goes on to the next header by itself; control frames in between go to
 * `onIntermediate`. Where the message goes through extensions, pieces of its payload are read into a buffer first, and what the
 * extensions make of them is given from there. The first error stays: every later call throws it.
 *
 * @module
 */

import { checkBytes, checkLimit } from "../arguments.ts";
import { copy } from "../bytes.ts";
import { isPromise } from "../deferred.ts";
import { LimitError, ProtocolError, TransportError } from "../errors.ts";
import { finish, RecvChain } from "../extension/chain.ts";
import type { RecvExtension, Transform } from "../extension/extension.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import {
  checkHeader,
  checkState,
  isFragmented,
  type State,
  StateClientSide,
  StateFragmented,
  StateServerSide,
} from "../frame/check.ts";
import { cipher } from "../frame/cipher.ts";
import { type Header, MaxHeaderSize, newHeader } from "../frame/header.ts";
import { isControl, OpContinuation, OpText } from "../frame/opcode.ts";
import { Utf8Validator } from "../frame/utf8.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable, ByteReader } from "../io/byte-stream.ts";
import { readCount, readOnce } from "../io/once.ts";
import { readHeader, readHeaderBuffer } from "./frame-io.ts";

/**
 * Takes a frame that lies inside a message.
 *
 * @param header Valid until the call, or its promise, is done.
 * @param payload Reads the frame's payload, unmasked; what is left unread is dropped, or, of a continuation, read by
 * the Reader's own `read`.
 * @see gobwas FrameHandlerFunc
 */
export type FrameHandler = (header: Header, payload: ByteReader) => Awaitable<void>;

/** Options of a {@link Reader}. It holds no payload, so that no limit is needed for its own sake. */
export interface ReaderOptions {
  /**
   * Checks text while it is read, and fails at the first bad byte. Off where something behind the Reader decompresses
   * it. Default: false.
   */
  readonly checkUtf8?: boolean | undefined;
  /** Takes any header, whatever the rules say. Default: false. */
  readonly skipHeaderCheck?: boolean | undefined;
  /** Payload bytes of one frame. Default: Infinity. */
  readonly maxFrameSize?: number | undefined;
  /** Payload bytes of one message, as they come and as they are read. Default: Infinity. */
  readonly maxMessageSize?: number | undefined;
  /**
   * Those that were agreed upon, in that order: the last one is asked first. What they make of a message's payload is
   * what {@link Reader.read} gives. `state` must have StateExtended. Default: none.
   */
  readonly extensions?: readonly RecvExtension[] | undefined;
  /** Told of each continuation frame before its payload is read. */
  readonly onContinuation?: FrameHandler | undefined;
  /** Gets the control frames that come between the fragments of a message. Without it they are dropped, pings too. */
  readonly onIntermediate?: FrameHandler | undefined;
}

/**
 * Reads messages.
 *
 * What goes wrong, with the stream, the protocol or a handler, is thrown by every call from then on: nothing that comes behind
 * it can be made sense of.
 *
 * @example
 * const control = controlFrameHandler(stream, StateServerSide);
 * const reader = new Reader(stream, StateServerSide, { onIntermediate: control });
 * for (let header; (header = await reader.nextFrame()); ) {
 *   if (isControl(header.opcode)) await control(header, reader);
 *   else console.log(header.opcode, await readAll(reader));
 * }
 *
 * @see gobwas Reader
 */
export class Reader implements ByteReader {
  /** Where frames come from. */
  readonly source: ByteReader;
  /** Reads on in the present frame, unmasked, and not over its border: for who works frame by frame. */
  readonly payload: ByteReader = { read: (into) => this.#readAlone(into) };
  /** Side, extended or not; the reader itself keeps StateFragmented. */
  state: State;
  readonly #options: ReaderOptions;
  readonly #maxFrameSize: number;
  readonly #maxMessageSize: number;
  // The first frame of a message has a header of its own, so that it outlives the fragments behind it.
  readonly #first: Header = newHeader();
  readonly #inner: Header = newHeader();
  readonly #utf8: Utf8Validator | undefined;
  readonly #extensions: RecvChain | undefined;
  /** What the present message goes through, and what has come out of it. */
  #transform: Transform | undefined;
  #transformed: BoundedBuffer | undefined;
  #transformedRead = 0;
  #isTransformDone = true;
  #piece: Uint8Array | undefined;
  #headerBytes: Uint8Array | undefined;
  #current: Header = this.#first;
  /** Payload bytes of the present frame that were not read. */
  #left = 0;
  #hasBegun = false;
  #messageSize = 0;
  #failure: Failure | undefined;

  /**
   * Makes a reader that stands in front of a message.
   *
   * @param source Where frames come from; it is never closed.
   * @param state {@link StateServerSide} or {@link StateClientSide}, with StateExtended where it applies.
   * @throws {TypeError} `state` or a limit is no number.
   * @throws {RangeError} `state` is none; a limit is NaN or below 0.
   */
  constructor(source: ByteReader, state: State, options: ReaderOptions = {}) {
    checkState(state);
    this.source = source;
    this.state = state;
    this.#options = options;
    this.#maxFrameSize = options.maxFrameSize ?? Infinity;
    this.#maxMessageSize = options.maxMessageSize ?? Infinity;
    checkLimit("maxFrameSize", this.#maxFrameSize);
    checkLimit("maxMessageSize", this.#maxMessageSize);
    this.#utf8 = options.checkUtf8 === true ? new Utf8Validator() : undefined;
    const { extensions = [] } = options;
    this.#extensions = extensions.length > 0 ? new RecvChain(extensions) : undefined;
  }

  /** What went wrong, undefined where nothing did: from then on each call throws it. */
  get error(): unknown {
    return this.#failure?.error;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #fail(error: unknown): never {
    this.#failure ??= { error };
    throw error;
  }

  /**
   * Reads the next header: of a message's first frame, or of a control frame, whose payload {@link read} gives then.
   *
   * Inside a message it gives the next fragment's header, or that of a control frame which onIntermediate has had.
   *
   * @returns The header, the reader's own, valid until the next message; undefined at the end of the stream.
   * @throws {TypeError} The frame before has not been read to its end, nor discarded.
   * @throws {ProtocolError} What checkHeader finds, or an extension.
   * @throws {LimitError} `FRAME_TOO_BIG`, `MESSAGE_TOO_BIG`
   * @throws {TransportError} `UNEXPECTED_END`
   * @throws What the stream or a handler throws, and the error of an earlier call, whatever it was.
   * @see gobwas Reader.NextFrame
   */
  nextFrame(): Awaitable<Header | undefined> {
    this.#check();
    if (this.#left > 0 || (this.#isAtEnd && this.#hasMore)) {
      throw new TypeError("The frame before has not been read to its end");
    }
    try {
      return this.#nextFrame();
    } catch (error) {
      this.#fail(error);
    }
  }

  #nextFrame(): Awaitable<Header | undefined> {
    const header = isFragmented(this.state) ? this.#inner : this.#first;
    const read =
      this.source instanceof BufferedStream
        ? readHeader(this.source, header)
        : readHeaderBuffer(
            this.source,
            (this.#headerBytes ??= new Uint8Array(MaxHeaderSize)),
            header,
          );
    return read instanceof Promise ? this.#beginLater(read) : this.#begin(read);
  }

  async #beginLater(read: Promise<Header | undefined>): Promise<Header | undefined> {
    try {
      return await this.#begin(await read);
    } catch (error) {
      this.#fail(error);
    }
  }

  #begin(header: Header | undefined): Awaitable<Header | undefined> {
    if (header === undefined) {
      if (isFragmented(this.state)) throw new TransportError("UNEXPECTED_END");
      return undefined;
    }
    if (this.#options.skipHeaderCheck !== true) checkHeader(header, this.state);
    if (header.length > this.#maxFrameSize) {
      throw new LimitError("FRAME_TOO_BIG", this.#maxFrameSize, header.length);
    }
    this.#extensions?.unsetBits(header);
    const wasFragmented = isFragmented(this.state);
    if (!wasFragmented && this.#extensions !== undefined) this.#beginTransform(header);
    if (!isControl(header.opcode)) this.#count(header);
    this.#current = header;
    this.#left = header.length;
    this.#hasBegun = true;
    if (!wasFragmented) return header;
    return isControl(header.opcode) ? this.#intermediate(header) : this.#continuation(header);
  }

  #beginTransform(header: Header): void {
    this.#transform = isControl(header.opcode) ? undefined : this.#extensions!.beginMessage();
    this.#isTransformDone = this.#transform === undefined;
    this.#transformedRead = 0;
    this.#transformed ??= new BoundedBuffer();
    this.#transformed.reset(this.#maxMessageSize);
  }

  /** Counts a data frame into its message. */
  #count(header: Header): void {
    if (header.opcode !== OpContinuation) {
      this.#messageSize = 0;
      this.#utf8?.reset();
    }
    this.#messageSize += header.length;
    if (this.#messageSize > this.#maxMessageSize) {
      throw new LimitError("MESSAGE_TOO_BIG", this.#maxMessageSize, this.#messageSize);
    }
    this.state = header.fin ? this.state & ~StateFragmented : this.state | StateFragmented;
  }

  async #intermediate(header: Header): Promise<Header> {
    try {
      await this.#options.onIntermediate?.(header, this.payload);
      await this.#discardFrame();
    } catch (error) {
      this.#fail(error);
    }
    return header;
  }

  #continuation(header: Header): Awaitable<Header> {
    const handled: unknown = this.#options.onContinuation?.(header, this.payload);
    if (!isPromise(handled)) return header;
    return Promise.resolve(handled).then(
      () => header,
      (error: unknown) => this.#fail(error),
    );
  }

  /**
   * Reads on in the message, over the borders of its fragments; what it gives is unmasked.
   *
   * @returns Bytes read; 0 at the end of the message, and from there on.
   * @throws {TypeError} `into` is no Uint8Array, or no frame was begun: call {@link nextFrame} first.
   * @throws {ProtocolError} `INVALID_UTF8`, and what nextFrame throws
   * @throws {TransportError} `UNEXPECTED_END`
   * @throws The error of an earlier call, whatever it was.
   * @see gobwas Reader.Read
   */
  read(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    this.#check();
    if (!this.#hasBegun) throw new TypeError("No frame was begun: call nextFrame() first");
    if (into.length === 0) return 0;
    try {
      return this.#transform === undefined ? this.#readPayload(into) : this.#readTransformed(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads on in the present frame, for who works frame by frame. */
  #readAlone(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    this.#check();
    try {
      return this.#readFrame(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads on in the message's payload as it comes. */
  #readPayload(into: Uint8Array): Awaitable<number> {
    while (this.#left === 0) {
      if (this.#isAtEnd) return this.#payloadEnd();
      const next = this.#nextFrame();
      if (next instanceof Promise) return this.#readBehind(next, into);
    }
    return this.#readFrame(into);
  }

  /** Goes on in a loop: promises inside each other would pile up while a peer sends nothing but pings. */
  async #readBehind(next: Promise<unknown>, into: Uint8Array): Promise<number> {
    try {
      await next;
      while (this.#left === 0) {
        if (this.#isAtEnd) return this.#payloadEnd();
        await this.#nextFrame();
      }
      return await this.#readFrame(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether more comes out of the transform than was read. */
  get #hasMore(): boolean {
    return !this.#isTransformDone || this.#transformedRead < (this.#transformed?.size ?? 0);
  }

  /** Reads on in what the extensions make of the message's payload. */
  #readTransformed(into: Uint8Array): Awaitable<number> {
    const out = this.#transformed!;
    while (this.#transformedRead === out.size) {
      if (this.#isTransformDone) return this.#end();
      const done = this.#transformNext(out);
      if (done instanceof Promise) return this.#readTransformedBehind(done, into);
    }
    return this.#give(out, into);
  }

  async #readTransformedBehind(first: Promise<void>, into: Uint8Array): Promise<number> {
    const out = this.#transformed!;
    try {
      await first;
      while (this.#transformedRead === out.size) {
        if (this.#isTransformDone) return this.#end();
        await this.#transformNext(out);
      }
      return this.#give(out, into);
    } catch (error) {
      this.#fail(error);
    }
  }

  #give(out: BoundedBuffer, into: Uint8Array): number {
    const end = Math.min(out.size, this.#transformedRead + into.length);
    const count = end - this.#transformedRead;
    copy(into, 0, out.bytes, this.#transformedRead, end);
    this.#transformedRead = end;
    this.#checkText(into, count);
    return count;
  }

  /** Takes the next piece of the payload through the extensions. */
  #transformNext(out: BoundedBuffer): Awaitable<void> {
    out.clear();
    this.#transformedRead = 0;
    this.#piece ??= new Uint8Array(pieceSize);
    const count = this.#readPayload(this.#piece);
    if (count instanceof Promise) return count.then((read) => this.#transformPiece(read, out));
    return this.#transformPiece(count, out);
  }

  #transformPiece(count: number, out: BoundedBuffer): Awaitable<void> {
    // The last piece says so itself: who reads no further than what he knows to come has read the message.
    this.#isTransformDone = this.#left === 0 && this.#isAtEnd;
    const transform = this.#transform!;
    return finish(
      transform,
      transform.write(this.#piece!, 0, count, this.#isTransformDone, out),
      out,
    );
  }

  /** Whether nothing follows the present frame's payload: it is final, or a control frame by itself. */
  get #isAtEnd(): boolean {
    return !isFragmented(this.state);
  }

  #payloadEnd(): number {
    return this.#transform === undefined ? this.#end() : 0;
  }

  #end(): number {
    if (this.#checksText && !this.#utf8!.isComplete) throw new ProtocolError("INVALID_UTF8");
    return 0;
  }

  /** Whether what is read now is text to be checked. */
  get #checksText(): boolean {
    return (
      this.#utf8 !== undefined &&
      this.#first.opcode === OpText &&
      !(this.#current === this.#inner && isControl(this.#inner.opcode))
    );
  }

  /** Reads on in the present frame. */
  #readFrame(into: Uint8Array): Awaitable<number> {
    const most = Math.min(into.length, this.#left);
    if (most === 0) return 0;
    const count = readOnce(this.source, most === into.length ? into : into.subarray(0, most));
    return count instanceof Promise ? this.#tookLater(into, count, most) : this.#took(into, count);
  }

  async #tookLater(into: Uint8Array, count: Promise<number | null>, most: number): Promise<number> {
    try {
      return this.#took(into, readCount(await count, most));
    } catch (error) {
      this.#fail(error);
    }
  }

  #took(into: Uint8Array, count: number): number {
    if (count === 0) throw new TransportError("UNEXPECTED_END");
    const { masked, maskKey, length } = this.#current;
    if (masked) cipher(into, maskKey, length - this.#left, 0, count);
    this.#left -= count;
    if (this.#transform === undefined) this.#checkText(into, count);
    return count;
  }

  #checkText(bytes: Uint8Array, count: number): void {
    if (this.#checksText && !this.#utf8!.write(bytes, 0, count)) {
      throw new ProtocolError("INVALID_UTF8");
    }
  }

  /**
   * Drops what is left of the message, its fragments to come included. Text is not checked. What extensions make of
   * the message is made all the same, since they may need it for those to come.
   *
   * @throws As {@link nextFrame}, and what an extension throws.
   * @see gobwas Reader.Discard
   */
  async discard(): Promise<void> {
    this.#check();
    try {
      await this.#discardMessage();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #discardMessage(): Promise<void> {
    while (!this.#isTransformDone) await this.#transformNext(this.#transformed!);
    this.#transformedRead = this.#transformed?.size ?? 0;
    await this.#discardFrame();
    while (!this.#isAtEnd) {
      await this.#nextFrame();
      await this.#discardFrame();
    }
    this.#utf8?.reset();
  }

  async #discardFrame(): Promise<void> {
    const { source } = this;
    while (this.#left > 0) {
      if (source instanceof BufferedStream && source.buffered > 0) {
        const count = Math.min(source.buffered, this.#left);
        source.consume(count);
        this.#left -= count;
        continue;
      }
      scratch ??= new Uint8Array(4096);
      const most = Math.min(scratch.length, this.#left);
      const count = readCount(await readOnce(source, scratch.subarray(0, most)), most);
      if (count === 0) throw new TransportError("UNEXPECTED_END");
      this.#left -= count;
    }
  }
}

/** What a Reader has failed with, which may be undefined. */
interface Failure {
  readonly error: unknown;
}

/** Bytes of payload that the extensions get at a time. */
const pieceSize = 4096;

/** Where dropped bytes go; nobody reads them. */
let scratch: Uint8Array | undefined;

/**
 * Begins to read one message.
 *
 * @returns Its header and a reader of its payload; undefined at the end of the stream.
 * @throws As {@link Reader.nextFrame}.
 * @see gobwas NextReader
 */
export async function nextReader(
  source: ByteReader,
  state: State,
  options?: ReaderOptions,
): Promise<
  | {
      /** The header of its first frame, as it came. */
      readonly header: Header;
      /** What its payload is read from. */
      readonly reader: Reader;
    }
  | undefined
> {
  const reader = new Reader(source, state, options);
  const header = await reader.nextFrame();
  return header === undefined ? undefined : { header, reader };
}

/** Makes a Reader for a server, which reads what a client sends. @see gobwas NewServerSideReader */
export function newServerSideReader(source: ByteReader, options?: ReaderOptions): Reader {
  return new Reader(source, StateServerSide, options);
}

/** Makes a Reader for a client, which reads what a server sends. @see gobwas NewClientSideReader */
export function newClientSideReader(source: ByteReader, options?: ReaderOptions): Reader {
  return new Reader(source, StateClientSide, options);
}
