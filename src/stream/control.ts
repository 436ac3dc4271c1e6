/**
 * Control frames over a byte stream: written, and answered (RFC 6455, 5.5).
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

/** Bytes of a control frame's header. */
function headerRoom(state: State): number {
  return MinHeaderSize + (isClientSide(state) ? 4 : 0);
}

/**
 * Writes control frames, their payload gathered: at most 125 bytes in all.
 *
 * @example
 * const ping = new ControlWriter(stream, StateServerSide, OpPing);
 * ping.write(timestamp);
 * await ping.flush();
 *
 * @see gobwas ControlWriter, which counts each write alone
 */
export class ControlWriter implements ByteWriter {
  readonly #dest: ByteWriter;
  readonly #opcode: Opcode;
  readonly #isMasked: boolean;
  readonly #room: number;
  readonly #limit: number;
  #buffer: Uint8Array;
  #size = 0;
  /** Whether the stream has the buffer, or may have it still. */
  #isLent = false;

  /**
   * Makes a writer for one frame at a time.
   *
   * @param dest Where frames go.
   * @param state StateServerSide or StateClientSide.
   * @param opcode OpPing, OpPong or OpClose.
   * @param buffer Where a frame is put together, lent until the first `flush` that gives a promise. In front of the payload
   * it has room for the header, 2 bytes on a server's side and 6 on a client's; a smaller one than that and 125 bytes sets
   * a smaller limit. Default: one that has room for 125 bytes.
   * @throws {TypeError} `state` or `opcode` is no number, or `opcode` is one of a data frame.
   * @throws {RangeError} `buffer` has no room for a header and a byte, or `state` or `opcode` is none.
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
      throw new TypeError(`opcode must be one of a control frame: ${opcode}. Use a Writer`);
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

  /** Payload bytes that are gathered. */
  get buffered(): number {
    return this.#size;
  }

  /**
   * Adds to the payload.
   *
   * @param from Copied.
   * @throws {TypeError} `from` is no Uint8Array.
   * @throws {RangeError} More than fits into a control frame; nothing has been added then.
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
    // A stream that takes its time is left what it was lent: the next call makes another buffer.
    this.#isLent &&= written instanceof Promise;
    return written;
  }

  /** Takes another buffer where the present one is with the stream: so it is, too, while the stream's own write calls. */
  #replaceLentBuffer(): void {
    if (!this.#isLent) return;
    this.#isLent = false;
    this.#buffer = new Uint8Array(this.#buffer.length);
  }
}

/** Options of a {@link ControlHandler}. */
export interface ControlHandlerOptions {
  /** Where payloads are read from. */
  readonly src: ByteReader;
  /** Where answers are written to. */
  readonly dst: ByteWriter;
  /** Side of the one who answers. */
  readonly state: State;
  /** Whether `src` gives payloads that are unmasked already, as a Reader does. Default: false. */
  readonly disableSrcCiphering?: boolean | undefined;
}

/**
 * Answers control frames whose headers were read: a ping with a pong, a close with a close.
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
   * @param options Where they come from, where answers go, and which side this is.
   * @throws {TypeError} `state` is no number.
   * @throws {RangeError} `state` is none.
   */
  constructor({ src, dst, state, disableSrcCiphering = false }: ControlHandlerOptions) {
    checkState(state);
    this.#src = src;
    this.#dst = dst;
    this.#state = state;
    this.#isUnmasked = disableSrcCiphering;
  }

  /**
   * Whether this side has sent its close frame: it is sent once. A frame that this library writes to `dst` it knows, whatever
   * wrote it. Into bytes it does not look: set this where you sent a close frame as bytes, such as a compiled one by `writeAll`.
   */
  get hasSentClose(): boolean {
    return wasCloseSent(this.#dst);
  }

  /** Says that this side has sent it by itself. */
  set hasSentClose(isSent: boolean) {
    setCloseSent(this.#dst, isSent);
  }

  /**
   * Reads the payload that belongs to `header`, and answers.
   *
   * @throws {TypeError} `header` is not of a control frame.
   * @throws {ClosedError} A close frame: it has been answered.
   * @throws {ProtocolError} A close frame that breaks a rule: it has been answered with the error's status.
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
   * Answers a ping with a pong of the same payload, unless the close frame was sent.
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
   * Answers a close frame, with its status code and reason, unless this side has sent one; then it throws.
   *
   * @throws {ClosedError} Always, but where the frame breaks a rule.
   * @throws {ProtocolError} It breaks a rule: it has been answered with the error's status.
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

  /** That a close frame cannot be answered changes nothing about what it said. */
  async #sendClose(body: Uint8Array): Promise<void> {
    if (this.hasSentClose) return;
    try {
      await writeWhole(this.#dst, this.#state, OpClose, body);
    } catch {
      // The peer is gone, or about to go.
    }
  }

  async #readPayload({ length, masked, maskKey }: Header): Promise<Uint8Array> {
    if (length === 0) return noBytes;
    // checkHeader refuses it; who skips that check is not made to allocate for it.
    if (length > MaxControlFramePayloadSize) throw new ProtocolError("CONTROL_TOO_LONG");
    const payload = new Uint8Array(length);
    await readExactly(this.#src, payload);
    if (masked && !this.#isUnmasked) cipher(payload, maskKey);
    return payload;
  }
}

/**
 * Makes a handler that answers control frames: those inside a message as a Reader's `onIntermediate`, and those between
 * messages by a call with the Reader's `payload`. It does what a {@link ControlHandler} does.
 *
 * @example
 * const control = controlFrameHandler(stream, StateServerSide);
 * const reader = new Reader(stream, StateServerSide, { onIntermediate: control });
 * for (let header; (header = await reader.nextFrame()); ) {
 *   if (isControl(header.opcode)) await control(header, reader.payload);
 *   else console.log(await readAll(reader));
 * }
 *
 * @param dest Where answers are written to; a close frame is sent there once, whatever else answers.
 * @param state Side of the one who answers.
 * @returns It throws as {@link ControlHandler.handle}; the payload that it is given must be unmasked.
 * @see gobwas ControlFrameHandler
 */
export function controlFrameHandler(dest: ByteWriter, state: State): FrameHandler {
  return (header, payload) =>
    new ControlHandler({ src: payload, dst: dest, state, disableSrcCiphering: true }).handle(
      header,
    );
}
