/**
 * Writes control frames to a byte stream, and answers those of the peer (RFC 6455, 5.5).
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";
import { noBytes } from "../bytes.ts";
import { ClosedError, ProtocolError } from "../errors.ts";
import { checkCloseFrameData, checkState, isClientSide, type State } from "../frame/check.ts";
import { cipher } from "../frame/cipher.ts";
import { newCloseFrameBody, parseCloseFrameData } from "../frame/close.ts";
import {
  encodeHeaderAt,
  type Header,
  MaxControlFramePayloadSize,
  MinHeaderSize,
  newHeader,
} from "../frame/header.ts";
import { newMask } from "../frame/mask.ts";
import { checkOpcode, isControl, OpClose, type Opcode, OpPing, OpPong } from "../frame/opcode.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { readExactly } from "../io/full.ts";
import { StatusNoStatusRcvd } from "../status.ts";
import { writeWhole } from "./frame-io.ts";
import type { FrameHandler } from "./reader.ts";
import { setCloseSent, wasCloseSent, writeFrameBytes } from "./sent-close.ts";

/** Gives the number of bytes of a control frame's header. */
function headerRoom(state: State): number {
  return MinHeaderSize + (isClientSide(state) ? 4 : 0);
}

/**
 * Writes control frames, each with a payload that several writes may add to: at most 125 bytes in all.
 *
 * @example
 * const ping = new ControlWriter(stream, StateServerSide, OpPing);
 * ping.write(timestamp);
 * await ping.flush();
 *
 * @see gobwas ControlWriter, which applies the limit to each write alone
 */
export class ControlWriter implements ByteWriter {
  readonly #dest: ByteWriter;
  readonly #opcode: Opcode;
  readonly #isMasked: boolean;
  readonly #room: number;
  readonly #limit: number;
  #buffer: Uint8Array;
  #size = 0;
  /** Whether the stream still uses the buffer, or may still use it. */
  #isLent = false;

  /**
   * Makes a writer for one frame at a time.
   *
   * @param dest The stream that frames are written to.
   * @param state StateServerSide or StateClientSide.
   * @param opcode OpPing, OpPong or OpClose.
   * @param buffer The frame is built in it. It is lent until the first `flush` that gives a promise. It holds the header, 2 bytes
   * on a server's side and 6 on a client's, and behind it the payload; if it has less room than for the header and 125 bytes, the
   * limit is lower. Default: a buffer with room for 125 bytes.
   * @throws {TypeError} `state` or `opcode` is no number, or `opcode` means a data frame.
   * @throws {RangeError} `buffer` has no room for a header and a byte, or `state` or `opcode` is out of range.
   * @see gobwas NewControlWriter, NewControlWriterBuffer
   */
  constructor(
    dest: ByteWriter,
    state: State,
    opcode: Opcode,
    buffer: Uint8Array = new Uint8Array(headerRoom(state) + MaxControlFramePayloadSize),
  ) {
    checkState(state);
    checkOpcode(opcode);
    checkBytes("buffer", buffer);
    if (!isControl(opcode)) {
      throw new TypeError(`opcode must be a control frame's: ${opcode}. Use a Writer`);
    }
    this.#dest = dest;
    this.#opcode = opcode;
    this.#isMasked = isClientSide(state);
    this.#room = headerRoom(state);
    if (buffer.length <= this.#room) {
      throw new RangeError(`Buffer has no room for a header and a byte: ${buffer.length}`);
    }
    this.#limit = Math.min(buffer.length - this.#room, MaxControlFramePayloadSize);
    this.#buffer = buffer;
  }

  /** Payload bytes in the buffer. */
  get buffered(): number {
    return this.#size;
  }

  /**
   * Adds bytes to the payload.
   *
   * @param from Copied.
   * @throws {TypeError} `from` is no Uint8Array.
   * @throws {RangeError} The bytes do not fit into the control frame; nothing has been added then.
   */
  write(from: Uint8Array): number {
    checkBytes("from", from);
    if (this.#size + from.length > this.#limit) {
      throw new RangeError(
        `Payload of a control frame may have ${this.#limit} bytes: ${this.#size + from.length}`,
      );
    }
    this.#replaceLentBuffer();
    this.#buffer.set(from, this.#room + this.#size);
    this.#size += from.length;
    return from.length;
  }

  /** Sends the frame, with or without a payload, and begins a new one. */
  flush(): Awaitable<void> {
    this.#replaceLentBuffer();
    const header = newHeader(this.#opcode, this.#size);
    const end = this.#room + this.#size;
    this.#size = 0;
    header.masked = this.#isMasked;
    if (header.masked) {
      header.maskKey = newMask();
      cipher(this.#buffer, header.maskKey, 0, this.#room, end);
    }
    encodeHeaderAt(header, this.#buffer, 0);
    this.#isLent = true;
    let written: Awaitable<void>;
    try {
      written = writeFrameBytes(this.#dest, this.#opcode, this.#buffer.subarray(0, end));
    } catch (error) {
      this.#isLent = false;
      throw error;
    }
    // A slow stream keeps the buffer that it was lent: the next call makes another one.
    this.#isLent &&= written instanceof Promise;
    return written;
  }

  /** Takes a new buffer if the stream still uses the present one, as it does while its own `write` runs. */
  #replaceLentBuffer(): void {
    if (!this.#isLent) return;
    this.#isLent = false;
    this.#buffer = new Uint8Array(this.#buffer.length);
  }
}

/** Options of a {@link ControlHandler}. */
export interface ControlHandlerOptions {
  /** The stream that payloads are read from. */
  readonly src: ByteReader;
  /** The stream that answers are written to. */
  readonly dst: ByteWriter;
  /** This side: StateServerSide or StateClientSide. */
  readonly state: State;
  /** Whether `src` gives payloads that are already unmasked, as a Reader does. Default: false. */
  readonly disableSrcCiphering?: boolean | undefined;
}

/**
 * Answers control frames whose headers have been read: a ping with a pong, a close frame with a close frame.
 *
 * @see RFC 6455, 5.5 · gobwas ControlHandler
 */
export class ControlHandler {
  readonly #src: ByteReader;
  readonly #dst: ByteWriter;
  readonly #state: State;
  readonly #isUnmasked: boolean;

  /**
   * Makes a handler for the control frames of one connection.
   *
   * @param options The streams, and this side.
   * @throws {TypeError} `state` is no number.
   * @throws {RangeError} `state` is out of range.
   */
  constructor({ src, dst, state, disableSrcCiphering = false }: ControlHandlerOptions) {
    checkState(state);
    this.#src = src;
    this.#dst = dst;
    this.#state = state;
    this.#isUnmasked = disableSrcCiphering;
  }

  /**
   * Whether this side has sent its close frame, which it sends only once. The handler notices every close frame that this library
   * writes to `dst` as a frame. It does not look into bytes: set this after you sent a close frame as bytes, such as a compiled
   * one by `writeAll`.
   */
  get hasSentClose(): boolean {
    return wasCloseSent(this.#dst);
  }

  /** Says that the application has sent the close frame itself. */
  set hasSentClose(isSent: boolean) {
    setCloseSent(this.#dst, isSent);
  }

  /**
   * Reads the payload of the frame with `header`, and answers the frame.
   *
   * @throws {TypeError} `header` is not of a control frame.
   * @throws {ClosedError} The frame is a close frame: it has been answered.
   * @throws {ProtocolError} The frame is a close frame that breaks a rule: it has been answered with the error's status.
   * @throws {TransportError} `UNEXPECTED_END`
   */
  async handle(header: Header): Promise<void> {
    switch (header.opcode) {
      case OpPing:
        return this.handlePing(header);
      case OpPong:
        return this.handlePong(header);
      case OpClose:
        return this.handleClose(header);
      default:
        throw new TypeError(`Not a control frame: opcode ${header.opcode}`);
    }
  }

  /**
   * Answers a ping with a pong of the same payload, unless this side has sent its close frame.
   *
   * @throws {TransportError} `UNEXPECTED_END`
   */
  async handlePing(header: Header): Promise<void> {
    const payload = await this.#readPayload(header);
    if (!this.hasSentClose) await writeWhole(this.#dst, this.#state, OpPong, payload);
  }

  /** Reads a pong's payload and drops it. @throws {TransportError} `UNEXPECTED_END` */
  async handlePong(header: Header): Promise<void> {
    await this.#readPayload(header);
  }

  /**
   * Answers a close frame with its status code and reason, unless this side has sent a close frame, and then throws.
   *
   * @throws {ClosedError} Always, unless the frame breaks a rule.
   * @throws {ProtocolError} The frame breaks a rule: it has been answered with the error's status.
   * @throws {TransportError} `UNEXPECTED_END`
   */
  async handleClose(header: Header): Promise<never> {
    try {
      const payload = await this.#readPayload(header);
      const { status, reason } = parseCloseFrameData(payload);
      if (payload.length > 0) checkCloseFrameData(status);
      await this.#sendClose(payload);
      throw new ClosedError({
        status: payload.length > 0 ? status : StatusNoStatusRcvd,
        reason,
        clean: true,
        initiator: "peer",
      });
    } catch (error) {
      if (error instanceof ProtocolError) {
        await this.#sendClose(newCloseFrameBody(error.status, error.message));
      }
      throw error;
    }
  }

  /** Sends a close frame. It ignores errors: what the peer's close frame said is still true if the answer cannot be sent. */
  async #sendClose(body: Uint8Array): Promise<void> {
    if (this.hasSentClose) return;
    try {
      await writeWhole(this.#dst, this.#state, OpClose, body);
    } catch {
      // The peer is gone, or is about to go.
    }
  }

  async #readPayload({ length, masked, maskKey }: Header): Promise<Uint8Array> {
    if (length === 0) return noBytes;
    // checkHeader refuses such a length. A caller that skips the check must not be made to allocate so much.
    if (length > MaxControlFramePayloadSize) throw new ProtocolError("CONTROL_TOO_LONG");
    const payload = new Uint8Array(length);
    await readExactly(this.#src, payload);
    if (masked && !this.#isUnmasked) cipher(payload, maskKey);
    return payload;
  }
}

/**
 * Makes a handler that answers control frames. Use it as a Reader's `onIntermediate` for frames inside a message, and call it
 * with the Reader's `payload` for frames between messages. It does what a {@link ControlHandler} does.
 *
 * @example
 * const control = controlFrameHandler(stream, StateServerSide);
 * const reader = new Reader(stream, StateServerSide, { onIntermediate: control });
 * for (let header; (header = await reader.nextFrame()); ) {
 *   if (isControl(header.opcode)) await control(header, reader.payload);
 *   else console.log(await readAll(reader));
 * }
 *
 * @param dest The stream that answers are written to. Only one close frame is sent there, even if other code answers too.
 * @param state This side: StateServerSide or StateClientSide.
 * @returns The handler. It throws as {@link ControlHandler.handle}, and needs an unmasked payload.
 * @see gobwas ControlFrameHandler
 */
export function controlFrameHandler(dest: ByteWriter, state: State): FrameHandler {
  return (header, payload) =>
    new ControlHandler({ src: payload, dst: dest, state, disableSrcCiphering: true }).handle(
      header,
    );
}
