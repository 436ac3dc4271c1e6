/**
 * One open connection without its socket: bytes in, events out, frames gathered for one write (RFC 6455, 5 to 7).
 *
 * An endpoint keeps the rules of the protocol. It does no I/O, reads no clock and makes no promise: bring your own socket.
 *
 * Theory of operation. `Endpoint` holds four parts and passes each call on to one of them. The `Receiver` takes the peer's bytes
 * and calls events. The `SendQueue` keeps the order of messages and adds their frames to the `WriteBuffer`, the output. The
 * `Closer` knows the closing stage and ends the other parts.
 *
 * @module
 */

import { checkEither, checkRange, checkText, wrongType, wrongValue } from "../arguments.ts";
import { ClosedError, type Closure, type Initiator } from "../errors.ts";
import { sendChain } from "../extension/chain.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { StateClientSide, StateServerSide } from "../frame/check.ts";
import { checkControl } from "../frame/frame.ts";
import type { Header } from "../frame/header.ts";
import { OpBinary, type Opcode, OpPong, OpText } from "../frame/opcode.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import type { StatusCode } from "../status.ts";
import { Closer } from "./closer.ts";
import {
  type ClosingEvent,
  type ClosingStage,
  type ClosingState,
  closingStateOf,
} from "./closing.ts";
import type { EndpointEvents } from "./endpoint-events.ts";
import type { MessageLimits, PartialLimits } from "./limits.ts";
import type { PreparedMessage } from "./prepared.ts";
import type { Queued, SendListener } from "./queued.ts";
import { Receiver } from "./receiver.ts";
import { SendQueue } from "./send-queue.ts";
import { type MessagePieces, StreamedMessage } from "./streamed-message.ts";
import { Traffic } from "./traffic.ts";
import { WriteBuffer } from "./write-buffer.ts";

/** One side of a connection. */
export type Side = "client" | "server";

/** Options of an {@link Endpoint}. */
export interface EndpointOptions extends PartialLimits<MessageLimits> {
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
  /**
   * Delivers messages that come after this side's own close frame and before the peer's: the peer had sent them already.
   * Default: false, such messages are read and dropped.
   */
  readonly deliverAfterClose?: boolean | undefined;
  /** Answers each ping with a pong (RFC 6455, 5.5.2). With false, call {@link Endpoint.sendPong} yourself. Default: true. */
  readonly autoPong?: boolean | undefined;
  /**
   * The form in which text messages are delivered: as a string to `onText`, or as UTF-8 bytes to `onTextBytes`. The UTF-8 is
   * checked in both forms. Pieces of streamed messages are always bytes. Default: "string".
   */
  readonly textAs?: "string" | "bytes" | undefined;
  /** The extensions that both sides agreed upon, in the agreed order; the endpoint closes them. Default: none. */
  readonly extensions?: readonly ExtensionSession[] | undefined;
  /**
   * Called for each frame: a received frame before it is checked, a sent frame when it is gathered. The header is valid until the
   * function returns or sends something. An error that it throws fails the connection, as an error from an event does.
   */
  readonly trace?: ((direction: Direction, header: Header) => void) | undefined;
  /** Encodes and decodes text. Default: the Web's `TextEncoder` and `TextDecoder`. */
  readonly codec?: TextCodec | undefined;
}

/** The direction of a frame, seen from this side. */
export type Direction = "received" | "sent";

/**
 * One side of an open connection.
 *
 * @example
 * const endpoint = new Endpoint("server", events);
 * socket.on("data", (chunk) => {
 *   endpoint.receive(chunk);
 *   for (let bytes = endpoint.output.take(); bytes; bytes = endpoint.output.take()) {
 *     socket.write(new Uint8Array(bytes));
 *     endpoint.output.giveBack();
 *   }
 *   if (endpoint.state === "closed") socket.end();
 * });
 */
export class Endpoint {
  /** The gathered bytes that are still to be sent. */
  readonly output: WriteBuffer;
  /** Counts what has been received. */
  readonly received: Traffic;
  readonly #receiver: Receiver;
  readonly #queue: SendQueue;
  readonly #closer: Closer;

  /** @throws {RangeError} A limit is not a whole number from 0 on, or Infinity; or `side` is neither "client" nor "server". */
  constructor(side: Side, events: EndpointEvents, options: EndpointOptions = {}) {
    checkEither("side", side, "client", "server");
    const isServer = side === "server";
    const { extensions = [], trace, codec, deliverAfterClose = false } = options;
    const closer = new Closer(events, extensions, deliverAfterClose);
    this.#closer = closer;
    this.received = new Traffic(trace && ((header) => trace("received", header)));
    const sent = new Traffic(trace && tracerOfSent(trace, closer));
    this.output = new WriteBuffer(!isServer, sent, codec);
    this.#receiver = new Receiver(
      isServer ? StateServerSide : StateClientSide,
      events,
      options,
      closer,
      this.output,
      this.received,
    );
    this.#queue = new SendQueue(this.output, sendChain(extensions), closer);
    closer.join(this.#receiver, this.#queue, this.output);
  }

  /**
   * The state of the closing handshake. "answering": the peer has closed, and nothing more is read; what is sent still leaves,
   * and `onClosing` tells when the close frame is gathered behind it. "closed": send what is gathered, then end the stream;
   * nothing else is left to do.
   */
  get state(): ClosingState {
    return closingStateOf(this.#closer.stage);
  }

  /** The closing stage of the connection. Unlike {@link state}, it covers the end of the socket too. */
  get stage(): ClosingStage {
    return this.#closer.stage;
  }

  /** Whether nothing more is read, and nothing more follows what is gathered. */
  get isClosed(): boolean {
    return this.#closer.isClosed;
  }

  /**
   * Whether received messages are delivered.
   *
   * @internal
   */
  get isDelivering(): boolean {
    return this.#closer.isDelivering;
  }

  /** Whether an extension still works on a message: {@link receive} takes nothing until `onResume`. */
  get isBusy(): boolean {
    return this.#receiver.isBusy;
  }

  /** The side that began to end the connection; undefined while it is open. */
  get initiator(): Initiator | undefined {
    return this.#closer.initiator;
  }

  /** Counts what has been sent or gathered. */
  get sent(): Traffic {
    return this.output.traffic;
  }

  /** Whether the decoder stands inside a data message. */
  get isInMessage(): boolean {
    return this.#receiver.isInMessage;
  }

  /** Whether the next message is gathered at once: no message is under way, and none waits. */
  get isFree(): boolean {
    return this.#queue.isFree;
  }

  /** How the connection ended; while it is open, how it would end if the stream ended now. */
  get closure(): Closure {
    return this.#closer.closure;
  }

  /**
   * Takes the next bytes from the peer. An error in these bytes leads to a close frame; this call does not throw it.
   *
   * @param chunk The bytes `[start, end)` are changed in place, and none of them are kept. The chunk belongs to the endpoint
   * until this call returns: no event may write to it or transfer its buffer, since the bytes that follow are still to be read.
   * @returns Index after the last byte taken: `end`, or less after {@link stop}; give the rest later.
   * @throws {TypeError} `chunk` is no Uint8Array or is detached; or an event that this endpoint calls for received bytes calls
   * `receive`: the new bytes would overtake the rest of the chunk. Nothing has happened then.
   * @throws {RangeError} `start` or `end` is not within `chunk`: nothing has happened then.
   * @throws The error that `onFail` or `onClosing` throws, after everything that a failure requires is done.
   */
  receive(chunk: Uint8Array, start = 0, end?: number): number {
    return this.#receiver.receive(chunk, start, end);
  }

  /** Makes {@link receive} return after the present event, unless that event closes. Call it from an event. */
  stop(): void {
    this.#receiver.stop();
  }

  /**
   * Sends a text message. Nothing happens when the state is not "open".
   *
   * @param compress Whether an extension may compress it.
   * @throws {TypeError} `text` is no string.
   */
  sendText(text: string, compress = true): void {
    checkText("text", text);
    if (this.#closer.isOpen) this.#queue.addText(text, compress);
  }

  /**
   * Sends a binary message; the bytes are copied. Otherwise as {@link sendText}.
   *
   * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
   */
  sendBinary(bytes: Uint8Array, compress = true): void {
    checkRange(bytes, 0, undefined);
    if (this.#closer.isOpen) this.#queue.addBytes(OpBinary, bytes, compress);
  }

  /**
   * Sends a text message that is encoded already; the bytes are copied. Otherwise as {@link sendText}.
   *
   * @param bytes UTF-8. The caller makes sure that it is valid: it is not checked.
   * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
   */
  sendTextBytes(bytes: Uint8Array, compress = true): void {
    checkRange(bytes, 0, undefined);
    if (this.#closer.isOpen) this.#queue.addBytes(OpText, bytes, compress);
  }

  /**
   * Sends a message that is prepared for many connections. Nothing happens when the state is not "open".
   *
   * @throws {TypeError} `message` is no PreparedMessage.
   */
  sendPrepared(message: PreparedMessage): void {
    // A check for a member that only PreparedMessage has. `instanceof` would put the class into bundles that never use it.
    if (!(message as Partial<PreparedMessage> | null | undefined)?.content?.cache) {
      throw wrongType("message", "prepared", message);
    }
    if (this.#closer.isOpen) this.#queue.addPrepared(message);
  }

  /**
   * Says whether messages are delivered piece by piece. `true` holds from the message under way on: what has come of that message
   * is delivered at once, and an error thrown there fails the connection, as in {@link receive}. `false` holds from the next
   * message on.
   */
  setStreaming(isStreaming: boolean): void {
    this.#receiver.setStreaming(isStreaming);
  }

  /**
   * Begins a message that is sent in pieces, each a frame (RFC 6455, 5.4). The message takes its place among other messages at
   * its first piece; messages behind it wait until it is complete. Several may be under way: each has its own place.
   *
   * @param opcode OpText or OpBinary.
   * @throws {RangeError} `opcode` is another one: only data messages have pieces.
   * @throws {ClosedError} The state is not "open".
   */
  beginMessage(opcode: Opcode, compress = true): MessagePieces {
    if (opcode !== OpText && opcode !== OpBinary) {
      throw wrongValue("opcode", "1 or 2", opcode);
    }
    return this.newStreamedMessage(opcode, compress);
  }

  /**
   * As {@link beginMessage}, but gives the class, whose `enqueue` says what waits.
   *
   * @internal
   */
  newStreamedMessage(opcode: Opcode, compress: boolean): StreamedMessage {
    if (!this.#closer.isOpen) throw new ClosedError(this.closure);
    return new StreamedMessage(this.#queue, opcode, compress);
  }

  /**
   * Sends a message as soon as it fits into the output, in its order.
   *
   * @param limit Bytes that the output may hold, this message included.
   * @param isText Whether bytes are the UTF-8 of a text message.
   * @returns The waiting message; set its listener to hear what happens to it.
   * @throws {ClosedError} The state is not "open".
   * @internal
   */
  sendWhenFits(
    data: string | Uint8Array | PreparedMessage,
    compress: boolean,
    limit: number,
    isText = false,
  ): Queued {
    if (!this.#closer.isOpen) throw new ClosedError(this.closure);
    return this.#queue.addWhenFits(data, compress, limit, isText);
  }

  /**
   * Tells the listener when the message that was sent last is in the output (at once if it is there), or that it was dropped.
   *
   * @internal
   */
  watchLast(listener: SendListener): void {
    this.#queue.watchLast(listener);
  }

  /**
   * Goes on with messages that wait for room. A caller of {@link sendWhenFits} calls it after `output.giveBack()`.
   *
   * @internal
   */
  onRoom(): void {
    if (!this.#queue.isFree) this.#queue.advance();
  }

  /**
   * Sends a ping; the payload is copied. The ping overtakes messages that wait, but never goes into the middle of a frame.
   * Nothing happens when the state is not "open".
   *
   * @param payload At most 125 bytes.
   * @throws {TypeError} `payload` is no Uint8Array, or is detached.
   * @throws {RangeError} `payload` is too long (RFC 6455, 5.5).
   */
  sendPing(payload: Uint8Array): void {
    checkControl(payload);
    if (this.#closer.isOpen) this.output.addPing(payload);
  }

  /**
   * Sends a pong that answers no ping, or the answer to a ping where `autoPong` is false. Otherwise as {@link sendPing}.
   *
   * @see RFC 6455, 5.5.3
   */
  sendPong(payload: Uint8Array): void {
    checkControl(payload);
    if (this.#closer.isOpen) this.output.addControl(OpPong, payload, 0, payload.length);
  }

  /**
   * Begins the closing handshake. A second call does nothing.
   *
   * @param status A code that may be sent, or 0 for none.
   * @param reason Cut to 123 bytes of UTF-8, at the end of a whole character.
   * @throws {RangeError} The status may not be sent; nothing has happened then.
   * @throws {TypeError} `reason` is no string.
   */
  close(status: StatusCode, reason: string): void {
    this.#closer.close(status, reason);
  }

  /**
   * Does what RFC 6455, 7.1.7 calls _Fail the WebSocket Connection_: sends a close frame that says why, and reads no more.
   *
   * @param status Sent if a close frame may still be sent; 0 sends none.
   * @throws {RangeError} The status may not be sent; nothing has happened then.
   */
  fail(error: unknown, status: StatusCode, initiator: Initiator): void {
    this.#closer.fail(error, status, initiator);
  }

  /**
   * Gives the connection up: nothing more is read or sent, and what is gathered is lost.
   *
   * @internal
   */
  drop(error: unknown): void {
    this.#closer.drop(error);
  }

  /**
   * Moves the closing stage on for an event outside the frames: the socket, a deadline. `onClosing` tells of the new stage.
   *
   * @internal
   */
  advance(event: ClosingEvent): void {
    this.#closer.advance(event);
  }
}

/**
 * Calls `trace` for sent frames. An error from `trace` fails the connection, so that a send of the application never throws it.
 */
function tracerOfSent(
  trace: NonNullable<EndpointOptions["trace"]>,
  closer: Closer,
): (header: Header) => void {
  return (header) => {
    try {
      trace("sent", header);
    } catch (error) {
      closer.failFor(error);
    }
  };
}
