/**
 * One open connection without its socket: bytes in, events out, replies gathered for one write (RFC 6455, 5 to 7).
 *
 * It keeps the rules and nothing else: it does no I/O, knows no time and makes no promise. Bring your own socket.
 *
 * @module
 */

import { checkEither, checkRange, checkText, wrongType, wrongValue } from "../arguments.ts";
import { copyOf } from "../bytes.ts";
import { ClosedError, type Closure, type Initiator, LimitError, ProtocolError } from "../errors.ts";
import { recvChain, sendChain } from "../extension/chain.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { closeSessions } from "../extension/negotiation.ts";
import {
  checkCloseFrameData,
  StateClientSide,
  StateExtended,
  StateServerSide,
} from "../frame/check.ts";
import { parseCloseBody } from "../frame/close.ts";
import { FrameDecoder } from "../frame/decoder.ts";
import type { Header } from "../frame/header.ts";
import { OpBinary, OpClose, type Opcode, OpPing, OpText } from "../frame/opcode.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import {
  type StatusCode,
  StatusAbnormalClosure,
  StatusInternalServerError,
  StatusNormalClosure,
  StatusNoStatusRcvd,
} from "../status.ts";
import { newOwnCloseBody } from "./close-body.ts";
import {
  type ClosingEvent,
  type ClosingStage,
  type ClosingState,
  closingStateOf,
  nextClosing,
} from "./closing.ts";
import {
  defaultMessageLimits,
  type MessageLimits,
  type PartialLimits,
  resolveLimits,
} from "./limits.ts";
import { MessageAssembler } from "./message.ts";
import { checkControl, WriteBuffer } from "./write-buffer.ts";
import type { PreparedMessage } from "./prepared.ts";
import type { Queued } from "./queued.ts";
import { SendQueue, type SendQueueEvents } from "./send-queue.ts";
import type { MessageSink } from "./sink.ts";
import { type MessagePieces, StreamedMessage } from "./streamed-message.ts";
import { Traffic } from "./traffic.ts";

/** One side of a connection. */
export type Side = "client" | "server";

/**
 * What an endpoint tells. No message is told of after `onFail`, or once its state is "closed".
 *
 * What is thrown here fails the connection with 1011, whoever called, and `onFail` is told of it: the place in the stream is lost.
 * Only what `onFail` and `onClosing` throw goes to whoever called, once all is done that was to be done; where that is the runtime,
 * behind a message that took a while, it is an uncaught error.
 */
export interface EndpointEvents {
  /** A text message has come. */
  onText(data: string): void;
  /**
   * A binary message has come.
   *
   * @param isOwned Whether `bytes` are yours to keep; otherwise they are valid until the call returns.
   */
  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /** A message begins that comes piece by piece, after {@link Endpoint.stream}. */
  onMessageBegin?(isText: boolean): void;
  /** A piece of it, of text maybe cut inside a character. The bytes are valid until the call returns. */
  onMessagePiece?(bytes: Uint8Array, start: number, end: number): void;
  /** It is complete, and text was valid. */
  onMessageEnd?(): void;
  /** A ping has come, and its pong is gathered already. The payload is valid until the call returns. */
  onPing(bytes: Uint8Array, start: number, end: number): void;
  /** A pong has come. The payload is valid until the call returns. */
  onPong(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The peer broke a rule or a limit, or an extension failed: a close frame that says so is gathered, where one may still
   * be sent.
   */
  onFail(error: unknown): void;
  /** A message that took a while is done: give the bytes that {@link Endpoint.receive} did not take. */
  onResume(): void;
  /** The output has got more outside of a call, or may take the next piece of a message. */
  onOutput(): void;
  /** The end of the connection has come a step nearer. */
  onClosing?(stage: ClosingStage): void;
}

/** What an endpoint may be told. */
export interface EndpointOptions extends PartialLimits<MessageLimits> {
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
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

/** What a close frame said. */
interface CloseFrame {
  readonly status: StatusCode;
  readonly reason: string;
}

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
  readonly #events: EndpointEvents;
  readonly #decoder: FrameDecoder;
  readonly #assembler: MessageAssembler;
  readonly #queue: SendQueue;
  readonly #extensions: readonly ExtensionSession[];
  #isBusy = false;
  /** Whether events are told that no `receive` may be called from. */
  #isReceiving = false;
  #stage: ClosingStage = "open";
  #initiator: Initiator | undefined;
  #received: CloseFrame | undefined;
  #error: unknown;

  /**
   * What its parts tell an endpoint, and through it the user of one that is open. One object: as closures they would be a
   * sixth of what an idle connection costs.
   */
  static readonly #Sink = class implements MessageSink, SendQueueEvents {
    readonly #endpoint: Endpoint;
    readonly #events: EndpointEvents;

    constructor(endpoint: Endpoint, events: EndpointEvents) {
      this.#endpoint = endpoint;
      this.#events = events;
    }

    get isOpen(): boolean {
      return this.#endpoint.#stage === "open";
    }

    text(data: string): void {
      if (this.isOpen) this.#events.onText(data);
    }

    binary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
      if (this.isOpen) this.#events.onBinary(bytes, start, end, isOwned);
    }

    begin(isText: boolean): void {
      if (this.isOpen) this.#events.onMessageBegin?.(isText);
    }

    piece(bytes: Uint8Array, start: number, end: number): void {
      if (this.isOpen) this.#events.onMessagePiece?.(bytes, start, end);
    }

    end(): void {
      if (this.isOpen) this.#events.onMessageEnd?.();
    }

    control(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
      this.#endpoint.#receiveControl(opcode, bytes, start, end);
    }

    stopped(): void {
      this.#endpoint.#isBusy = true;
      this.#endpoint.#decoder.stop();
    }

    resumed(error?: unknown): void {
      this.#endpoint.#resume(error);
    }

    onOutput(): void {
      this.#endpoint.#notify("onOutput");
    }

    get closure(): Closure {
      return this.#endpoint.closure;
    }

    onSendFailed(error: unknown): void {
      this.#endpoint.#failFor(error);
    }
  };

  /** @throws {RangeError} A limit is not a whole number from 0 on, or Infinity; or `side` is another one. */
  constructor(side: Side, events: EndpointEvents, options: EndpointOptions = {}) {
    checkEither("side", side, "client", "server");
    const isServer = side === "server";
    const limits = resolveLimits(options, defaultMessageLimits);
    const { extensions = [], trace, codec } = options;
    this.received = new Traffic(trace && ((header) => trace("received", header)));
    const sent = new Traffic(
      trace &&
        ((header) => {
          // What is thrown in the middle of what has come is caught there.
          try {
            trace("sent", header);
          } catch (error) {
            this.#failFor(error);
          }
        }),
    );
    const state = isServer ? StateServerSide : StateClientSide;
    const sink = new Endpoint.#Sink(this, events);
    this.#assembler = new MessageAssembler(
      sink,
      extensions.length > 0 ? state | StateExtended : state,
      limits,
      recvChain(extensions),
      this.received,
      codec,
    );
    this.output = new WriteBuffer(!isServer, sent, codec);
    this.#events = events;
    this.#extensions = extensions;
    this.#queue = new SendQueue(this.output, sendChain(extensions), sink);
    this.#decoder = new FrameDecoder(this.#assembler, options);
  }

  /** Where the closing handshake stands. "closed": send what is gathered, then end the stream; nothing else is due. */
  get state(): ClosingState {
    return closingStateOf(this.#stage);
  }

  /** How far the end of the connection has come, what becomes of its socket included. */
  get stage(): ClosingStage {
    return this.#stage;
  }

  /** Whether nothing more is read or sent. */
  get isClosed(): boolean {
    return this.state === "closed";
  }

  /** Whether a message takes a while: {@link receive} takes nothing until `onResume`. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Who began to end the connection; undefined while nobody has. */
  get initiator(): Initiator | undefined {
    return this.#initiator;
  }

  /** What has been sent, or is gathered. */
  get sent(): Traffic {
    return this.output.traffic;
  }

  /** Whether the decoder stands inside a data message. */
  get isInMessage(): boolean {
    return this.#assembler.isInMessage;
  }

  /** Whether what is sent now is gathered at once: no message is under way, and none waits. */
  get isFree(): boolean {
    return this.#queue.isFree;
  }

  /** How the connection ended, or would if the stream ended now. */
  get closure(): Closure {
    return {
      status: this.#received?.status ?? StatusAbnormalClosure,
      reason: this.#received?.reason ?? "",
      clean: this.#received !== undefined,
      initiator: this.#initiator ?? "transport",
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
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
    end = checkRange(chunk, start, end, "chunk");
    if (this.isClosed) return end;
    if (this.#isReceiving) throw new TypeError("receive() inside of an event");
    if (this.#isBusy) return start;
    this.#isReceiving = true;
    const stage = this.#stage;
    try {
      this.received.bytes += end - start;
      let taken = this.#decoder.feed(chunk, start, end);
      // An event has closed: the peer's close frame is wanted, and not what took a while.
      if (this.#stage !== stage && !this.isClosed) taken = this.#decoder.feed(chunk, taken, end);
      this.received.bytes -= end - taken;
      // What follows a close frame is not read.
      return this.isClosed ? end : taken;
    } catch (error) {
      // Of a chunk that is not there any more, nothing is the peer's fault.
      this.#failFor(
        chunk.length < end ? new TypeError("chunk was transferred inside of an event") : error,
      );
      return end;
    } finally {
      this.#isReceiving = false;
      // Last: what is thrown there is no failure, and goes to whoever called.
      if (this.#received !== undefined) this.#tell("flushing");
    }
  }

  /** Goes on behind a message that took a while, or fails for it. */
  #resume(error: unknown): void {
    this.#isBusy = false;
    try {
      if (error !== undefined) this.#failFor(error);
    } finally {
      this.#notify("onResume");
    }
  }

  /** Tells of what is no part of what has come. What is thrown there fails the connection as well. */
  #notify(event: "onOutput" | "onResume"): void {
    try {
      this.#events[event]();
    } catch (error) {
      this.#failFor(error);
    }
  }

  /** Fails, and tells of it, whatever those who are told throw: each of them is told. */
  #failFor(error: unknown): void {
    // A limit of the opening handshake has an HTTP status: who throws it inside of an event is to blame for it.
    const isPeers =
      (error instanceof ProtocolError || error instanceof LimitError) &&
      error.status >= StatusNormalClosure;
    try {
      this.fail(
        error,
        isPeers ? error.status : StatusInternalServerError,
        isPeers ? "peer" : "local",
      );
    } finally {
      this.#events.onFail(error);
    }
  }

  /** Makes {@link receive} return after the present event, unless that closes. For the events. */
  stop(): void {
    this.#decoder.stop();
  }

  /**
   * Sends a text message. Nothing happens when the state is not "open".
   *
   * @param compress Whether an extension may compress it.
   * @throws {TypeError} `text` is no string.
   */
  sendText(text: string, compress = true): void {
    checkText("text", text);
    if (this.#stage === "open") this.#queue.addText(text, compress);
  }

  /**
   * Sends a binary message; the bytes are copied. As {@link sendText}.
   *
   * @throws {TypeError} They are no Uint8Array, or detached.
   */
  sendBinary(bytes: Uint8Array, compress = true): void {
    checkRange(bytes, 0, undefined);
    if (this.#stage === "open") this.#queue.addBinary(bytes, compress);
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
    if (this.#stage === "open") this.#queue.addPrepared(message);
  }

  /**
   * Says whether messages come piece by piece: the one under way too, if so, and from the next one on, if not. What has come of
   * it by now is told at once; what is thrown there fails the connection, as in {@link receive}.
   */
  stream(isStreaming: boolean): void {
    const isInside = this.#isReceiving;
    const isBusy = this.#isBusy;
    this.#isReceiving = true;
    try {
      this.#assembler.stream(isStreaming);
    } catch (error) {
      this.#failFor(error);
    } finally {
      this.#isReceiving = isInside;
    }
    if (isBusy && !isInside && !this.#isBusy && !this.isClosed) this.#notify("onResume");
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
    if (this.#stage !== "open") throw new ClosedError(this.closure);
    return new StreamedMessage(this.#queue, opcode, compress);
  }

  /**
   * Sends a message once it fits, in its order.
   *
   * @param limit Bytes in the output that it has to fit into.
   * @returns Where it waits; set its listener to hear what becomes of it.
   * @throws {ClosedError} The state is not "open".
   * @internal
   */
  sendWhenFits(
    data: string | Uint8Array | PreparedMessage,
    compress: boolean,
    limit: number,
  ): Queued {
    if (this.#stage !== "open") throw new ClosedError(this.closure);
    return this.#queue.addWhenFits(data, compress, limit);
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
    if (this.#stage === "open") this.output.addPing(payload);
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
    const body = newOwnCloseBody(status, reason);
    if (this.#stage !== "open") return;
    this.#initiator = "local";
    // First: those who are told that their message was given up are told that this is why.
    this.#stage = nextClosing(this.#stage, "sendClose");
    this.#assembler.drop();
    this.#queue.addClose(body);
    try {
      this.#tell("closeSent");
    } finally {
      if (this.#isBusy) {
        this.#isBusy = false;
        // Where this is an event's doing, it is told once all of them are.
        if (!this.#isReceiving) this.#notify("onResume");
      }
    }
  }

  /**
   * _Fail the WebSocket Connection_ (RFC 6455, 7.1.7): says why, then reads no more.
   *
   * @param status Sent where a close frame may still be sent; 0 sends none.
   * @throws {RangeError} A status that may not be sent; nothing has happened then.
   */
  fail(error: unknown, status: StatusCode, initiator: Initiator): void {
    const body = newOwnCloseBody(status, "");
    if (this.isClosed) return;
    this.#initiator ??= initiator;
    this.#error = error;
    this.#end(status ? body : undefined, "fail");
  }

  /**
   * Gives the connection up: nothing is read or sent any more, what is gathered included.
   *
   * @internal
   */
  drop(error: unknown): void {
    if (!this.isClosed) {
      this.#initiator ??= "local";
      this.#error = error;
      this.#end(undefined, "drop");
    } else {
      this.advance("drop");
    }
  }

  /**
   * Says what has become of the connection beside its frames; what follows is told by `onClosing`.
   *
   * @internal
   */
  advance(event: ClosingEvent): void {
    const stage = nextClosing(this.#stage, event);
    if (stage === this.#stage) return;
    this.#stage = stage;
    this.#tell(stage);
  }

  /** Tells of a stage, once: those who were told of what led to it may have moved on. */
  #tell(stage: ClosingStage): void {
    if (this.#stage === stage) this.#events.onClosing?.(stage);
  }

  /**
   * Nothing is read or sent any more; what is not in the output by now, nobody waits for.
   *
   * @param answer The close frame's body, sent where none was sent before.
   */
  #end(answer: Uint8Array | undefined, event: "receiveClose" | "fail" | "drop"): void {
    const isUnanswered = this.#stage === "open";
    const stage = nextClosing(this.#stage, event);
    this.#stage = stage;
    this.#decoder.stop();
    this.#assembler.drop();
    this.#isBusy = false;
    this.#queue.drop();
    // Whoever was told that it is dropped may have dropped the connection.
    if (isUnanswered && answer !== undefined && this.#stage === stage) this.output.addClose(answer);
    closeSessions(this.#extensions);
    // The peer's close frame is told of when receive() is done.
    if (event !== "receiveClose") this.#tell(stage);
  }

  #receiveControl(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === OpClose) {
      this.#receiveClose(bytes, start, end);
    } else if (opcode === OpPing) {
      if (this.#stage === "open") this.output.addPong(bytes, start, end);
      this.#events.onPing(bytes, start, end);
    } else {
      this.#events.onPong(bytes, start, end);
    }
  }

  #receiveClose(bytes: Uint8Array, start: number, end: number): void {
    const { status, reason } = parseCloseBody(bytes, start, end);
    if (end > start) checkCloseFrameData(status);
    // "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close
    // frame in response" (RFC 6455, 5.5.1)
    const body = copyOf(bytes, start, end);
    this.#received = { status: end > start ? status : StatusNoStatusRcvd, reason };
    this.#initiator ??= "peer";
    this.#end(body, "receiveClose");
  }
}
