/**
 * The one queue out: the order of all messages, of the pieces of those that are sent in pieces, and of the close frame
 * (RFC 6455, 5.4, 6.1 and 9).
 *
 * As a rule a message is in the output when the call returns. It waits here behind
 *
 * - a message that an extension takes its time for (compression in slices),
 * - a message that is sent in pieces and is not complete: frames of two messages must not mix,
 * - another one that waits, or the limit that it was told to wait for.
 *
 * What waits keeps its place. Its own listener, where it has one, is told once what became of it. Control frames do not wait here:
 * they go between two frames of the message under way.
 *
 * @module
 */

import { copyOf, encodeUtf8, encodeUtf8Into } from "../bytes.ts";
import { ClosedError, type Closure } from "../errors.ts";
import type { SendChain } from "../extension/chain.ts";
import type { Transform } from "../extension/extension.ts";
import { Fifo } from "../fifo.ts";
import { MaxHeaderSize, newHeader } from "../frame/header.ts";
import { OpBinary, OpContinuation, type Opcode, OpText } from "../frame/opcode.ts";
import { longText, type WriteBuffer } from "./write-buffer.ts";
import { borrowBoundedBuffer, returnBoundedBuffer } from "./pool.ts";
import type { PreparedContent, PreparedMessage } from "./prepared.ts";
import { both, entryCost, type Pending, Queued, type SendListener, type Work } from "./queued.ts";
import { type PieceQueue, StreamedMessage } from "./streamed-message.ts";
import type { Traffic } from "./traffic.ts";

/** What a queue asks of the end of its endpoint: closer.ts. */
export interface QueueCloser {
  /** The output has got more outside of a call, or what was at work is done. */
  notify(event: "onOutput"): void;
  /** An extension has failed: nothing can follow, and the queue is to be dropped. */
  failFor(error: unknown): void;
  /** Whether anything may be sent. */
  readonly isOpen: boolean;
  /** How the connection ended, or would now. */
  readonly closure: Closure;
}

/** What waits; bytes are the body of a close frame. */
type QueueEntry = Queued | StreamedMessage | Uint8Array;

/** Takes messages through the extensions, in their order, and gives them to the output. */
export class SendQueue implements PieceQueue {
  readonly #output: WriteBuffer;
  readonly #traffic: Traffic;
  readonly #extensions: SendChain | undefined;
  readonly #closer: QueueCloser;
  /** What waits, in its order; undefined where nothing does. */
  #waiting: Fifo<QueueEntry> | undefined;
  /** The last of it. */
  #last: QueueEntry | undefined;
  /** The message in pieces whose turn it is, and what its payload goes through. */
  #front: StreamedMessage | undefined;
  #frontTransform: Transform | undefined;
  /** The opcode of the front message's next frame. */
  #frontOpcode: Opcode = OpText;
  /** What an extension takes its time for: a whole message, or a piece of the one in front. */
  #work: Work | undefined;
  /** Bytes at work and of what waits, which the output counts as unsent. */
  #held = 0;
  /** Made at the first work that takes its time. */
  #goOn: (() => void) | undefined;

  constructor(output: WriteBuffer, extensions: SendChain | undefined, closer: QueueCloser) {
    this.#output = output;
    this.#traffic = output.traffic;
    this.#extensions = extensions;
    this.#closer = closer;
  }

  /** Whether nothing waits, is at work or is sent in pieces: what is added goes to the output at once. */
  get isFree(): boolean {
    return this.#work === undefined && this.#front === undefined && this.#waiting === undefined;
  }

  /** Adds a text message. */
  addText(text: string, compress: boolean): void {
    if (this.#extensions === undefined && this.isFree) {
      this.#traffic.addMessage(this.#output.addText(text));
    } else if (text.length > longText) {
      const bytes = encodeUtf8(text);
      this.#add(OpText, bytes, bytes.length, compress, undefined);
    } else {
      // Encoded by itself, since what becomes of it is not known before.
      const encoded = borrowBoundedBuffer(Infinity);
      encoded.room(3 * text.length);
      const size = encodeUtf8Into(text, encoded.bytes, 0);
      this.#add(OpText, encoded.bytes, size, compress, undefined);
      returnBoundedBuffer(encoded);
    }
  }

  /** Adds a message of bytes, which are copied: OpBinary, or OpText where they are UTF-8. */
  addBytes(opcode: Opcode, bytes: Uint8Array, compress: boolean): void {
    if (this.#extensions === undefined && this.isFree) {
      this.#traffic.addMessage(bytes.length);
      this.#output.add(opcode, bytes, 0, bytes.length);
      return;
    }
    this.#add(opcode, bytes, bytes.length, compress, undefined);
  }

  /** Adds a message that is prepared for many connections. */
  addPrepared(message: PreparedMessage): void {
    const { opcode, compress, content } = message;
    this.#add(opcode, content.bytes, content.bytes.length, compress, content);
  }

  /**
   * Adds a message that waits until it fits; the bytes are copied, those of a prepared one are shared.
   *
   * @param limit Bytes in the output, those of this message included, that it has to fit into; it fits into an empty one.
   * @param isText Whether bytes are those of a text.
   */
  addWhenFits(
    data: string | Uint8Array | PreparedMessage,
    compress: boolean,
    limit: number,
    isText: boolean,
  ): Queued {
    let opcode: Opcode = OpText;
    let content: PreparedContent | undefined;
    let bytes: Uint8Array;
    if (typeof data === "string") {
      bytes = encodeUtf8(data);
    } else if (data instanceof Uint8Array) {
      if (!isText) opcode = OpBinary;
      bytes = copyOf(data, 0, data.length);
    } else {
      ({ opcode, compress, content } = data);
      ({ bytes } = content);
    }
    const queued = new Queued(opcode, bytes, compress, content, true, limit);
    this.#wait(queued);
    return queued;
  }

  /**
   * Tells what becomes of the message that has just been added. Where it is in the output that is told at once.
   *
   * A listener that is told of it already stays.
   */
  watchLast(listener: SendListener): void {
    const pending = this.#last instanceof Queued ? this.#last : this.#work;
    if (pending === undefined) listener.onSent();
    else pending.listener = both(pending.listener, listener);
  }

  /** Adds a piece to a message of this queue. For {@link StreamedMessage}. */
  addPiece(
    message: StreamedMessage,
    bytes: Uint8Array,
    isLast: boolean,
    limit: number,
  ): Pending | undefined {
    if (!this.#closer.isOpen) message.state = "dropped";
    else if (message.state === "unplaced") this.#place(message);
    if (message.state === "dropped") {
      throw (
        message.reason ??
        (this.#closer.isOpen
          ? new TypeError("Message was taken back")
          : new ClosedError(this.#closer.closure))
      );
    }
    const isNext =
      this.#front === message && this.#work === undefined && message.pieces.length === 0;
    if (isNext && this.#fits(bytes.length, limit)) {
      let isSent: boolean;
      try {
        isSent = this.#addFront(bytes, isLast);
      } catch (error) {
        this.#closer.failFor(error);
        throw new ClosedError(this.#closer.closure);
      }
      if (!isSent) return this.#work;
      if (isLast) this.advance();
      return undefined;
    }
    const own = copyOf(bytes, 0, bytes.length);
    const queued = new Queued(message.opcode, own, message.compress, undefined, isLast, limit);
    message.pieces.push(queued);
    this.#hold(queued.cost);
    return queued;
  }

  /** Takes a message back, where nothing of it has left. For {@link StreamedMessage}. */
  takeBack(message: StreamedMessage, reason: unknown): boolean {
    if (message.hasBegun) return false;
    this.#takeOut(message, reason);
    tellDropped(message);
    // Its place is empty: what waited behind it may be next.
    this.advance();
    return true;
  }

  /** Tells whether an extension is at work on a piece of a message. For {@link StreamedMessage}. */
  isAtWorkOn(message: StreamedMessage): boolean {
    return this.#front === message && this.#work !== undefined;
  }

  /**
   * Adds a close frame behind what was added before. A message in pieces whose end was not given never gets one: it is given
   * up, and where it has begun, so is what waits behind it, since nothing may come in between.
   */
  addClose(body: Uint8Array): void {
    const front = this.#front;
    const incomplete: StreamedMessage[] = [];
    if (front !== undefined && !front.isEnded) {
      if (front.hasBegun) this.drop();
      else incomplete.push(front);
    }
    if (this.#waiting !== undefined) {
      for (const entry of this.#waiting) {
        if (entry instanceof StreamedMessage && !entry.isEnded) incomplete.push(entry);
      }
    }
    for (const message of incomplete) this.#takeOut(message, undefined);
    this.#push(body);
    this.advance();
    // Last, so that the listeners find everything in its place.
    for (const message of incomplete) tellDropped(message);
  }

  /** Drops what is not in the output yet; a close frame of this side's own is in it afterwards. */
  drop(): void {
    const work = this.#work;
    const front = this.#front;
    const waiting = this.#waiting;
    this.#hold(-this.#held);
    this.#work = undefined;
    this.#front = undefined;
    this.#frontTransform = undefined;
    this.#waiting = undefined;
    this.#last = undefined;
    work?.listener?.onDropped();
    if (front !== undefined) giveUp(front);
    if (waiting === undefined) return;
    for (const entry of waiting) {
      if (entry instanceof Uint8Array) this.#output.addClose(entry);
      else if (entry instanceof StreamedMessage) giveUp(entry);
      else entry.listener?.onDropped();
    }
  }

  /** Goes on with what waits, as far as it may: the output has got room, or what was in front is done. */
  advance(): void {
    while (this.#work === undefined) {
      const from: Fifo<QueueEntry> | undefined = this.#front?.pieces ?? this.#waiting;
      const next = from?.first;
      if (next === undefined) {
        // It is a writer's turn, or all is done.
        if (this.#front === undefined) this.#waiting = undefined;
        return;
      }
      if (next instanceof Queued && !this.#fits(next.bytes.length, next.limit)) return;
      from!.shift();
      if (next === this.#last) this.#last = undefined;
      if (next instanceof Uint8Array) this.#output.addClose(next);
      else if (next instanceof Queued) this.#addQueued(next);
      else this.#reach(next);
    }
  }

  #add(
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    compress: boolean,
    prepared: PreparedContent | undefined,
  ): void {
    if (!this.isFree) {
      const own = prepared === undefined ? copyOf(bytes, 0, size) : bytes;
      this.#wait(new Queued(opcode, own, compress, prepared, true, Infinity));
      return;
    }
    try {
      this.#addNow(opcode, bytes, size, compress, prepared);
    } catch (error) {
      this.#closer.failFor(error);
    }
  }

  /** Adds a message, or a piece of the one in front, that has waited. */
  #addQueued(queued: Queued): void {
    const { opcode, bytes, compress, prepared, isLast, listener } = queued;
    this.#hold(-queued.cost);
    let isSent: boolean;
    try {
      isSent =
        this.#front === undefined
          ? this.#addNow(opcode, bytes, bytes.length, compress, prepared)
          : this.#addFront(bytes, isLast);
    } catch (error) {
      this.#closer.failFor(error);
      listener?.onDropped();
      return;
    }
    if (isSent) listener?.onSent();
    else this.#work!.listener = listener;
  }

  /** Adds a message whose turn it is. @returns Whether it is in the output. */
  #addNow(
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    compress: boolean,
    prepared: PreparedContent | undefined,
  ): boolean {
    this.#traffic.addMessage(size);
    const transform = this.#extensions && this.#ask(opcode, size, compress, prepared?.cache);
    if (transform !== undefined) return this.#addThrough(transform, opcode, bytes, size, true);
    if (prepared !== undefined && this.#extensions === undefined && !this.#output.isMasked) {
      this.#output.addShared(prepared.frame, opcode, size);
    } else {
      this.#addFrame(opcode, bytes, size, true);
    }
    return true;
  }

  /** Adds a piece of the message in front. @returns Whether it is in the output. */
  #addFront(bytes: Uint8Array, isLast: boolean): boolean {
    const size = bytes.length;
    // An empty frame tells nobody anything.
    if (size === 0 && !isLast) return true;
    const front = this.#front!;
    if (!front.hasBegun) {
      front.hasBegun = true;
      this.#frontOpcode = front.opcode;
      this.#frontTransform =
        this.#extensions && this.#ask(front.opcode, undefined, front.compress, undefined);
    }
    this.#traffic.payload += size;
    const transform = this.#frontTransform;
    if (transform !== undefined)
      return this.#addThrough(transform, this.#frontOpcode, bytes, size, isLast);
    this.#addMade(this.#frontOpcode, bytes, size, isLast);
    return true;
  }

  /** Adds what a transform makes of a message or a piece. @returns Whether it is in the output: it may take its time. */
  #addThrough(
    transform: Transform,
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    isLast: boolean,
  ): boolean {
    const into = borrowBoundedBuffer(Infinity);
    if (transform.write(bytes, 0, size, isLast, into)) {
      this.#addMade(opcode, into.bytes, into.size, isLast);
      returnBoundedBuffer(into);
      return true;
    }
    this.#work = { transform, into, opcode, isLast, size, listener: undefined };
    this.#hold(size);
    this.#workLater();
    return false;
  }

  /** Adds a frame of the message whose turn it is, whole or in pieces; an empty one only where it is the last. */
  #addMade(opcode: Opcode, bytes: Uint8Array, size: number, isLast: boolean): void {
    const front = this.#front;
    if (front === undefined) {
      this.#addFrame(opcode, bytes, size, true);
      return;
    }
    if (size === 0 && !isLast) return;
    // First, because the listener of the frame may write the next piece.
    this.#frontOpcode = OpContinuation;
    this.#addFrame(opcode, bytes, size, isLast);
    // Or it may have ended the connection.
    if (!isLast || this.#front === undefined) return;
    this.#front = undefined;
    this.#frontTransform = undefined;
    this.#traffic.messages++;
  }

  #addFrame(opcode: Opcode, bytes: Uint8Array, size: number, fin: boolean): void {
    // A header of its own, as each question of #ask is: an extension may send a message from within, or keep what it was given.
    const header = newHeader(opcode, size);
    header.fin = fin;
    this.#extensions?.setBits(header);
    this.#output.add(opcode, bytes, 0, size, header.rsv, fin);
  }

  #ask(
    opcode: Opcode,
    size: number | undefined,
    compress: boolean,
    cache: Map<string, Uint8Array> | undefined,
  ): Transform | undefined {
    return this.#extensions!.beginMessage({ opcode, size, compress, cache });
  }

  /** Gives a message in pieces its place, at its first one. */
  #place(message: StreamedMessage): void {
    if (this.isFree) {
      message.state = "front";
      this.#front = message;
    } else {
      message.state = "waiting";
      this.#push(message);
      this.#hold(entryCost);
    }
  }

  /** It is the turn of a place, and of its message, unless that was given up. */
  #reach(message: StreamedMessage): void {
    this.#hold(-entryCost);
    if (message.state !== "waiting") return;
    message.state = "front";
    this.#front = message;
  }

  /** Gives a message up that has not begun. Its pieces count no longer; a place among others does until it is reached. */
  #takeOut(message: StreamedMessage, reason: unknown): void {
    for (const piece of message.pieces) this.#hold(-piece.cost);
    if (this.#front === message) this.#front = undefined;
    message.state = "dropped";
    message.reason ??= reason;
  }

  #push(entry: QueueEntry): void {
    this.#waiting ??= new Fifo<QueueEntry>();
    this.#waiting.push(entry);
    this.#last = entry;
  }

  #wait(queued: Queued): void {
    this.#push(queued);
    this.#hold(queued.cost);
  }

  /** Tells whether so many bytes of payload fit into what the output may hold; into an empty one all do. */
  #fits(size: number, limit: number): boolean {
    if (limit === Infinity) return true;
    const { gathered } = this.#output;
    return gathered === 0 || gathered + MaxHeaderSize + size <= limit;
  }

  #hold(count: number): void {
    this.#held += count;
    this.#output.hold(count);
  }

  #workLater(): void {
    this.#goOn ??= () => {
      this.#goOnWorking();
    };
    this.#work!.transform.whenReady(this.#goOn);
  }

  #goOnWorking(): void {
    const work = this.#work;
    // Dropped meanwhile.
    if (work === undefined) return;
    const { into, listener } = work;
    let isDone = false;
    try {
      isDone = work.transform.goOn(into);
      if (!isDone) {
        this.#workLater();
        return;
      }
      this.#work = undefined;
      this.#hold(-work.size);
      this.#addMade(work.opcode, into.bytes, into.size, work.isLast);
    } catch (error) {
      this.#closer.failFor(error);
      // What is still at work is told with the rest of the queue.
      if (isDone) listener?.onDropped();
      return;
    }
    returnBoundedBuffer(into);
    listener?.onSent();
    this.advance();
    this.#closer.notify("onOutput");
  }
}

function giveUp(message: StreamedMessage): void {
  message.state = "dropped";
  tellDropped(message);
}

/** Tells all who wait for pieces of a message that they wait for nothing. */
function tellDropped(message: StreamedMessage): void {
  for (const piece of message.pieces.takeAll()) piece.listener?.onDropped(message.reason);
}
