/**
 * Messages from a byte stream, read piece by piece on demand: messages of any size, and nothing is gathered (RFC 6455, 5.4 and
 * 6.2).
 *
 * Theory of operation. The reader reads a header, checks and counts it. Then it reads payload bytes into the caller's array and
 * unmasks them there. At the end of a fragment `read` goes on to the next header by itself; control frames in between go to
 * `onIntermediate`. If the message goes through extensions, the caller gets what they make of it (transformed-payload.ts). The
 * first error is kept: every later call throws it.
 * @module
 */

import { checkBytes, checkLimit } from "../arguments.ts";
import { isPromise } from "../deferred.ts";
import { LimitError, ProtocolError, TransportError } from "../errors.ts";
import type { RecvExtension } from "../extension/extension.ts";
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
import { TransformedPayload } from "./transformed-payload.ts";

/**
 * Handles a frame that comes inside a message.
 *
 * @param header Valid until the call, or its promise, is done.
 * @param payload Reads the frame's unmasked payload. What the handler leaves unread is dropped for a control frame; for a
 * continuation the Reader's own `read` gives it.
 * @see gobwas FrameHandlerFunc
 */
export type FrameHandler = (header: Header, payload: ByteReader) => Awaitable<void>;

/** Options of a {@link Reader}. A Reader holds no payload, so that the limits have no defaults. */
export interface ReaderOptions {
  /**
   * Checks text while it is read, and fails at the first bad byte. Set false if the payload is still compressed. Default: false.
   */
  readonly checkUtf8?: boolean | undefined;
  /** Accepts headers that break rules. Default: false. */
  readonly skipHeaderCheck?: boolean | undefined;
  /** Payload bytes of one frame. Default: Infinity. */
  readonly maxFrameSize?: number | undefined;
  /** Payload bytes of one message, both on the wire and after the extensions. Default: Infinity. */
  readonly maxMessageSize?: number | undefined;
  /**
   * The agreed extensions, in the agreed order; the last one works first. {@link Reader.read} gives what they make of a message's
   * payload. `state` must have StateExtended. Default: none.
   */
  readonly extensions?: readonly RecvExtension[] | undefined;
  /** Called for each continuation frame before its payload is read. */
  readonly onContinuation?: FrameHandler | undefined;
  /** Called for control frames between the fragments of a message. Default: they are dropped, pings too. */
  readonly onIntermediate?: FrameHandler | undefined;
}

/**
 * Reads messages.
 *
 * An error of the stream, the protocol or a handler is thrown by every call from then on: what comes after it in the stream
 * cannot be understood.
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
  /** The stream that frames are read from. */
  readonly source: ByteReader;
  /** Reads unmasked bytes up to the end of the present frame, for callers that work frame by frame. */
  readonly payload: ByteReader = { read: (into) => this.#readAlone(into) };
  /** This side, with StateExtended if there are extensions. The reader itself sets and clears StateFragmented. */
  state: State;
  readonly #options: ReaderOptions;
  readonly #maxFrameSize: number;
  readonly #maxMessageSize: number;
  // The first frame of a message has a separate header, so that the header stays valid while later fragments are read.
  readonly #first: Header = newHeader();
  readonly #inner: Header = newHeader();
  readonly #utf8: Utf8Validator | undefined;
  /** What the extensions make of the payload; undefined without extensions. */
  readonly #transformed: TransformedPayload | undefined;
  #headerBytes: Uint8Array | undefined;
  #current: Header = this.#first;
  /** Payload bytes of the present frame that are still unread. */
  #left = 0;
  #hasBegun = false;
  #messageSize = 0;
  #failure: Failure | undefined;

  /**
   * Makes a reader that expects a new message next.
   *
   * @param source The stream to read from; the reader never closes it.
   * @param state {@link StateServerSide} or {@link StateClientSide}, with StateExtended if there are extensions.
   * @throws {TypeError} `state` or a limit is no number.
   * @throws {RangeError} `state` is out of range; a limit is NaN or below 0.
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
    if (extensions.length > 0) {
      this.#transformed = new TransformedPayload(
        {
          read: (into) => this.#readPayload(into),
          isRead: () => this.#left === 0 && this.#isAtEnd(),
        },
        extensions,
        this.#maxMessageSize,
      );
    }
  }

  /** The first error, or undefined. Once there is one, each call throws it. */
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
   * Reads the next header: that of a message's first frame, or of a control frame. {@link read} then gives the payload.
   *
   * Inside a message it gives the next fragment's header, or that of a control frame that onIntermediate has handled.
   *
   * @returns The header, which belongs to the reader and is valid until the next message; undefined at the end of the stream.
   * @throws {TypeError} The frame before was neither read to its end nor discarded.
   * @throws {ProtocolError} The header breaks a rule of checkHeader or of an extension.
   * @throws {LimitError} `FRAME_TOO_BIG`, `MESSAGE_TOO_BIG`
   * @throws {TransportError} `UNEXPECTED_END`
   * @throws The error of the stream or of a handler, and the error of any earlier call.
   * @see gobwas Reader.NextFrame
   */
  nextFrame(): Awaitable<Header | undefined> {
    this.#check();
    if (this.#left > 0 || (this.#isAtEnd() && this.#transformed?.hasMore === true)) {
      throw new TypeError(
        "The previous frame is not read completely yet: read or discard it first",
      );
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
    this.#transformed?.unsetBits(header);
    const wasFragmented = isFragmented(this.state);
    if (!wasFragmented) this.#transformed?.begin(isControl(header.opcode));
    if (!isControl(header.opcode)) this.#count(header);
    this.#current = header;
    this.#left = header.length;
    this.#hasBegun = true;
    if (!wasFragmented) return header;
    return isControl(header.opcode) ? this.#intermediate(header) : this.#continuation(header);
  }

  /** Counts a data frame towards its message. */
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
   * Reads the next bytes of the message, unmasked, across the borders of its fragments.
   *
   * @returns Bytes read; 0 at the end of the message, and at each later call.
   * @throws {TypeError} `into` is no Uint8Array, or no frame was begun: call {@link nextFrame} first.
   * @throws {ProtocolError} `INVALID_UTF8`, and the codes that nextFrame throws
   * @throws {TransportError} `UNEXPECTED_END`
   * @throws The error of any earlier call.
   * @see gobwas Reader.Read
   */
  read(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    this.#check();
    if (!this.#hasBegun) throw new TypeError("No frame was begun: call nextFrame() first");
    if (into.length === 0) return 0;
    try {
      return this.#isTransformed() ? this.#readTransformed(into) : this.#readPayload(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads the next bytes of the present frame, for callers that work frame by frame. */
  #readAlone(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    this.#check();
    try {
      return this.#readFrame(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads the next bytes of the message's payload, before any extension. */
  #readPayload(into: Uint8Array): Awaitable<number> {
    while (this.#left === 0) {
      if (this.#isAtEnd()) return this.#payloadEnd();
      const next = this.#nextFrame();
      if (next instanceof Promise) return this.#readBehind(next, into);
    }
    return this.#readFrame(into);
  }

  /** Reads in a loop. Without the loop, promises would nest and pile up while a peer sends only pings. */
  async #readBehind(next: Promise<unknown>, into: Uint8Array): Promise<number> {
    try {
      await next;
      while (this.#left === 0) {
        if (this.#isAtEnd()) return this.#payloadEnd();
        await this.#nextFrame();
      }
      return await this.#readFrame(into);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether the present message goes through an extension. */
  #isTransformed(): boolean {
    return this.#transformed?.isActive === true;
  }

  /** Reads the next bytes of what the extensions make of the payload. */
  #readTransformed(into: Uint8Array): Awaitable<number> {
    const count = this.#transformed!.read(into);
    return count instanceof Promise ? this.#gaveLater(into, count) : this.#gave(into, count);
  }

  async #gaveLater(into: Uint8Array, count: Promise<number>): Promise<number> {
    try {
      return this.#gave(into, await count);
    } catch (error) {
      this.#fail(error);
    }
  }

  #gave(into: Uint8Array, count: number): number {
    if (count === 0) return this.#end();
    this.#checkText(into, count);
    return count;
  }

  /** Whether nothing follows the present frame's payload: the frame is final, or a control frame outside a message. */
  #isAtEnd(): boolean {
    return !isFragmented(this.state);
  }

  #payloadEnd(): number {
    return this.#isTransformed() ? 0 : this.#end();
  }

  #end(): number {
    if (this.#checksText() && !this.#utf8!.isComplete) throw new ProtocolError("INVALID_UTF8");
    return 0;
  }

  /** Whether the bytes that are read now are text to be checked. */
  #checksText(): boolean {
    return (
      this.#utf8 !== undefined &&
      this.#first.opcode === OpText &&
      !(this.#current === this.#inner && isControl(this.#inner.opcode))
    );
  }

  /** Reads the next bytes of the present frame. */
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
    if (!this.#isTransformed()) this.#checkText(into, count);
    return count;
  }

  #checkText(bytes: Uint8Array, count: number): void {
    if (this.#checksText() && !this.#utf8!.write(bytes, 0, count)) {
      throw new ProtocolError("INVALID_UTF8");
    }
  }

  /**
   * Drops the rest of the message, its later fragments included. Text is not checked. The extensions still process the message,
   * since they may need it for later messages.
   *
   * @throws As {@link nextFrame}, and the error of an extension.
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
    await this.#transformed?.discard();
    await this.#discardFrame();
    while (!this.#isAtEnd()) {
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

/** The error of a Reader in a wrapper, since the error itself may be undefined. */
interface Failure {
  readonly error: unknown;
}

/** Takes dropped bytes, which nobody reads. */
let scratch: Uint8Array | undefined;

/**
 * Begins to read one message.
 *
 * @returns Its header, and a reader of its payload; undefined at the end of the stream.
 * @throws As {@link Reader.nextFrame}.
 * @see gobwas NextReader
 */
export async function nextReader(
  source: ByteReader,
  state: State,
  options?: ReaderOptions,
): Promise<
  | {
      /** The header of its first frame, as received. */
      readonly header: Header;
      /** Reads the payload. */
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
