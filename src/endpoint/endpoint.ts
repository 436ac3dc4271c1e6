/**
 * One open connection without its socket: bytes in, events out, replies gathered for one write (RFC 6455, 5 to 7).
 *
 * It keeps the rules and nothing else: it does no I/O, knows no time and makes no promise. Bring your own socket.
 *
 * @module
 */

import { checkEither, checkRange, checkText, wrongType, wrongValue } from "../arguments.ts";
import { ClosedError, type Closure, type Initiator } from "../errors.ts";
import { sendChain } from "../extension/chain.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { StateClientSide, StateServerSide } from "../frame/check.ts";
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
import { checkControl, WriteBuffer } from "./write-buffer.ts";

/** One side of a connection. */
export type Side = "client" | "server";

/** What an endpoint may be told. */
export interface EndpointOptions extends PartialLimits<MessageLimits> {
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
  /**
   * Tells of messages that come behind this side's own close frame, until the peer's: they were on their way. Default: false, they
   * are read and dropped.
   */
  readonly deliverAfterClose?: boolean | undefined;
  /** Answers each ping with a pong (RFC 6455, 5.5.2). Where not, {@link Endpoint.sendPong} is yours to call. Default: true. */
  readonly autoPong?: boolean | undefined;
  /**
   * How text is told of: as a string, by `onText`, or as its bytes, by `onTextBytes`. They are checked either way. Pieces of messages
   * are bytes always. Default: "string".
   */
  readonly textAs?: "string" | "bytes" | undefined;
  /** The extensions agreed upon, in that order; the endpoint closes them. Default: none. */
  readonly extensions?: readonly ExtensionSession[] | undefined;
  /**
   * Is told of each frame, before it is checked or when it is gathered. The header is valid until it returns, or sends
   * something. What it throws is as what an event throws.
   */
  readonly trace?: ((direction: Direction, header: Header) => void) | undefined;
  /** What turns messages of text into bytes and back. Default: the Web's `TextEncoder` and `TextDecoder`. */
  readonly codec?: TextCodec | undefined;
}

/** Which way a frame goes, as this side sees it. */
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
  /** The bytes to send, gathered. */
  readonly output: WriteBuffer;
  /** What has been received. */
  readonly received: Traffic;
  readonly #receiver: Receiver;
  readonly #queue: SendQueue;
  readonly #closer: Closer;

  /** @throws {RangeError} A limit is not a whole number from 0 on, or Infinity; or `side` is another one. */
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

  /** Where the closing handshake stands. "closed": send what is gathered, then end the stream; nothing else is due. */
  get state(): ClosingState {
    return closingStateOf(this.#closer.stage);
  }

  /** How far the end of the connection has come, what becomes of its socket included. */
  get stage(): ClosingStage {
    return this.#closer.stage;
  }

  /** Whether nothing more is read or sent. */
  get isClosed(): boolean {
    return this.#closer.isClosed;
  }

  /**
   * Whether messages that come are delivered.
   *
   * @internal
   */
  get isDelivering(): boolean {
    return this.#closer.isDelivering;
  }

  /** Whether a message takes a while: {@link receive} takes nothing until `onResume`. */
  get isBusy(): boolean {
    return this.#receiver.isBusy;
  }

  /** Who began to end the connection; undefined while nobody has. */
  get initiator(): Initiator | undefined {
    return this.#closer.initiator;
  }

  /** What has been sent, or is gathered. */
  get sent(): Traffic {
    return this.output.traffic;
  }

  /** Whether the decoder stands inside a data message. */
  get isInMessage(): boolean {
    return this.#receiver.isInMessage;
  }

  /** Whether what is sent now is gathered at once: no message is under way, and none waits. */
  get isFree(): boolean {
    return this.#queue.isFree;
  }

  /** How the connection ended, or would if the stream ended now. */
  get closure(): Closure {
    return this.#closer.closure;
  }

  /**
   * Takes the next bytes from the peer. What is wrong with them becomes a close frame, and never an error of this call.
   *
   * @param chunk `[start, end)` is changed in place; nothing of it is kept. It is the endpoint's until this returns: no event may
   * write to it or transfer its buffer, for what follows would be read as the peer's.
   * @returns Index after the last byte taken: `end`, or less after {@link stop}; give the rest later.
   * @throws {TypeError} `chunk` is no Uint8Array or is detached; or this is called from within an event of this endpoint that tells
   * of what has come, where more would get in front of the rest. Nothing has happened then.
   * @throws {RangeError} `start` or `end` is not within `chunk`: nothing has happened then.
   * @throws What `onFail` or `onClosing` throws, once all is done that a failure asks for.
   */
  receive(chunk: Uint8Array, start = 0, end?: number): number {
    return this.#receiver.receive(chunk, start, end);
  }

  /** Makes {@link receive} return after the present event, unless that closes. For the events. */
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
   * Sends a binary message; the bytes are copied. As {@link sendText}.
   *
   * @throws {TypeError} They are no Uint8Array, or detached.
   */
  sendBinary(bytes: Uint8Array, compress = true): void {
    checkRange(bytes, 0, undefined);
    if (this.#closer.isOpen) this.#queue.addBytes(OpBinary, bytes, compress);
  }

  /**
   * Sends a text message of its UTF-8; the bytes are copied. As {@link sendText}.
   *
   * @param bytes Valid UTF-8, which is yours to see to: they are not looked at.
   * @throws {TypeError} They are no Uint8Array, or detached.
   */
  sendTextBytes(bytes: Uint8Array, compress = true): void {
    checkRange(bytes, 0, undefined);
    if (this.#closer.isOpen) this.#queue.addBytes(OpText, bytes, compress);
  }

  /**
   * Sends a message that is prepared for many connections. Nothing happens when the state is not "open".
   *
   * @throws {TypeError} It is no PreparedMessage.
   */
  sendPrepared(message: PreparedMessage): void {
    // By what only the class makes: who never prepares a message does without it.
    if (!(message as Partial<PreparedMessage> | null | undefined)?.content?.cache) {
      throw wrongType("message", "prepared", message);
    }
    if (this.#closer.isOpen) this.#queue.addPrepared(message);
  }

  /**
   * Says whether messages come piece by piece: the one under way too, if so, and from the next one on, if not. What has come of
   * it by now is told at once; what is thrown there fails the connection, as in {@link receive}.
   */
  setStreaming(isStreaming: boolean): void {
    this.#receiver.setStreaming(isStreaming);
  }

  /**
   * Begins a message that is sent in pieces, each a frame (RFC 6455, 5.4). It takes its place among the other messages at its
   * first piece; those behind it wait until it is complete. Several may be under way: each has its own place.
   *
   * @param opcode OpText or OpBinary.
   * @throws {RangeError} `opcode` is another one: only such a message has pieces.
   * @throws {ClosedError} The state is not "open".
   */
  beginMessage(opcode: Opcode, compress = true): MessagePieces {
    if (opcode !== OpText && opcode !== OpBinary) {
      throw wrongValue("opcode", "1 or 2", opcode);
    }
    return this.newStreamedMessage(opcode, compress);
  }

  /**
   * As {@link beginMessage}, with what a queue of promises needs of it.
   *
   * @internal
   */
  newStreamedMessage(opcode: Opcode, compress: boolean): StreamedMessage {
    if (!this.#closer.isOpen) throw new ClosedError(this.closure);
    return new StreamedMessage(this.#queue, opcode, compress);
  }

  /**
   * Sends a message once it fits, in its order.
   *
   * @param limit Bytes in the output that it has to fit into.
   * @param isText Whether bytes are those of a text.
   * @returns Where it waits; set its listener to hear what becomes of it.
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
   * Tells when the message that has just been sent is in the output, at once where it is, or that it never will be.
   *
   * @internal
   */
  watchLast(listener: SendListener): void {
    this.#queue.watchLast(listener);
  }

  /**
   * Goes on with what waits for room. To be called after `output.giveBack()` by those who use {@link sendWhenFits}.
   *
   * @internal
   */
  onRoom(): void {
    if (!this.#queue.isFree) this.#queue.advance();
  }

  /**
   * Sends a ping; the payload is copied. It goes in front of messages that wait, though not into the middle of a frame.
   * Nothing happens when the state is not "open".
   *
   * @param payload At most 125 bytes.
   * @throws {TypeError} `payload` is no Uint8Array, or is detached.
   * @throws {RangeError} It is too long (RFC 6455, 5.5).
   */
  sendPing(payload: Uint8Array): void {
    checkControl(payload);
    if (this.#closer.isOpen) this.output.addPing(payload);
  }

  /**
   * Sends a pong that nobody has asked for, or the answer to a ping where `autoPong` is false. As {@link sendPing}.
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
   * @throws {RangeError} A status that may not be sent; nothing has happened then.
   * @throws {TypeError} `reason` is no string.
   */
  close(status: StatusCode, reason: string): void {
    this.#closer.close(status, reason);
  }

  /**
   * _Fail the WebSocket Connection_ (RFC 6455, 7.1.7): says why, then reads no more.
   *
   * @param status Sent where a close frame may still be sent; 0 sends none.
   * @throws {RangeError} A status that may not be sent; nothing has happened then.
   */
  fail(error: unknown, status: StatusCode, initiator: Initiator): void {
    this.#closer.fail(error, status, initiator);
  }

  /**
   * Gives the connection up: nothing is read or sent any more, what is gathered included.
   *
   * @internal
   */
  drop(error: unknown): void {
    this.#closer.drop(error);
  }

  /**
   * Says what has become of the connection beside its frames; what follows is told by `onClosing`.
   *
   * @internal
   */
  advance(event: ClosingEvent): void {
    this.#closer.advance(event);
  }
}

/** Tells `trace` of what is sent. What it throws there fails the connection: a send of the application is no place for it. */
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
