/**
 * The one queue out: it keeps the order of all messages, of the pieces of messages that are sent in pieces, and of the close
 * frame (RFC 6455, 5.4, 6.1 and 9).
 *
 * Theory of operation. As a rule a message is in the output when the call returns. It waits here behind
 *
 * - a message on which an extension still works (compression in slices),
 * - a message that is sent in pieces and is not complete: frames of two messages must not mix,
 * - another waiting message, or until it fits within the limit that it was given.
 *
 * A waiting message keeps its place. Its listener, if it has one, is told once what happened to it. Control frames do not wait
 * here: they go between two frames of the message under way.
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

/** The methods of the closer (closer.ts) that a queue calls. */
export interface QueueCloser {
  /** The output has got more outside a call, or an extension is done. */
  notify(event: "onOutput"): void;
  /** An extension has failed. Nothing can follow, so that the queue will be dropped. */
  failFor(error: unknown): void;
  /** Whether anything may be sent. */
  readonly isOpen: boolean;
  /** How the connection ended; while it is open, how it would end now. */
  readonly closure: Closure;
  /** Puts this side's close frame into the output. */
  gatherClose(body: Uint8Array): void;
}

/** An entry that waits; a Uint8Array is the body of a close frame. */
type QueueEntry = Queued | StreamedMessage | Uint8Array;

/** Passes messages through the extensions in their order, and gives them to the output. */
export class SendQueue implements PieceQueue {
  readonly #output: WriteBuffer;
  readonly #traffic: Traffic;
  readonly #extensions: SendChain | undefined;
  readonly #closer: QueueCloser;
  /** The waiting entries, in their order; undefined while none waits. */
  #waiting: Fifo<QueueEntry> | undefined;
  /** The entry that was added last. */
  #last: QueueEntry | undefined;
  /** The message in pieces whose turn it is, and the transform of its payload. */
  #front: StreamedMessage | undefined;
  #frontTransform: Transform | undefined;
  /** The opcode of the front message's next frame. */
  #frontOpcode: Opcode = OpText;
  /** The message, or the piece of the front message, on which an extension still works. */
  #work: Work | undefined;
  /** Bytes of waiting entries and of `#work`, which the output counts as unsent. */
  #held = 0;
  /** The callback of slow work, made at its first use. */
  #goOn: (() => void) | undefined;

  constructor(output: WriteBuffer, extensions: SendChain | undefined, closer: QueueCloser) {
    this.#output = output;
    this.#traffic = output.traffic;
    this.#extensions = extensions;
    this.#closer = closer;
  }

  /**
   * Whether the next message goes to the output at once: nothing waits, no extension works, no message in pieces is under way.
   */
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
      // Not encoded into the output directly: the text may go through an extension, or wait.
      const encoded = borrowBoundedBuffer(Infinity);
      encoded.room(3 * text.length);
      const size = encodeUtf8Into(text, encoded.bytes, 0);
      this.#add(OpText, encoded.bytes, size, compress, undefined);
      returnBoundedBuffer(encoded);
    }
  }

  /** Adds a message of bytes, which are copied: OpBinary, or OpText if they are UTF-8. */
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
   * Adds a message that waits until it fits. The bytes are copied; those of a prepared message are shared.
   *
   * @param limit Bytes that the output may hold, this message included. An empty output takes any message.
   * @param isText Whether bytes are the UTF-8 of a text message.
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
   * Tells the listener what happens to the message that was added last, at once if it is in the output.
   *
   * A listener that the message already has is told as well.
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

  /** Takes a message back, if no part of it has left. For {@link StreamedMessage}. */
  takeBack(message: StreamedMessage, reason: unknown): boolean {
    if (message.hasBegun) return false;
    this.#takeOut(message, reason);
    tellDropped(message);
    // Its place is empty now: the entry behind it may be next.
    this.advance();
    return true;
  }

  /** Says whether an extension works on a piece of this message. For {@link StreamedMessage}. */
  isAtWorkOn(message: StreamedMessage): boolean {
    return this.#front === message && this.#work !== undefined;
  }

  /**
   * Adds a close frame behind everything that was added before. A message in pieces that is not complete cannot be completed any
   * more and is dropped. If it has begun to leave, everything behind it is dropped too, since no data frame may come between.
   */
  addClose(body: Uint8Array): void {
    const front = this.#front;
    const incomplete: StreamedMessage[] = [];
    if (front !== undefined && !front.isEnded) {
      if (front.hasBegun) this.drop();
      else incomplete.push(front);
    }
    for (const entry of this.#waiting ?? []) {
      if (entry instanceof StreamedMessage && !entry.isEnded) incomplete.push(entry);
    }
    for (const message of incomplete) this.#takeOut(message, undefined);
    this.#push(body);
    this.advance();
    // Last, so that the listeners find the queue in its new order.
    for (const message of incomplete) tellDropped(message);
  }

  /** Drops everything that is not in the output yet, except this side's own close frame: it is then in the output. */
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
    for (const entry of waiting ?? []) {
      if (entry instanceof Uint8Array) this.#output.addClose(entry);
      else if (entry instanceof StreamedMessage) giveUp(entry);
      else entry.listener?.onDropped();
    }
  }

  /** Sends waiting entries as far as possible. Called when the output has room, or the entry in front is done. */
  advance(): void {
    while (this.#work === undefined) {
      const from: Fifo<QueueEntry> | undefined = this.#front?.pieces ?? this.#waiting;
      const next = from?.first;
      if (next === undefined) {
        // A writer has to add the next piece, or nothing waits any more.
        if (this.#front === undefined) this.#waiting = undefined;
        return;
      }
      if (next instanceof Queued && !this.#fits(next.bytes.length, next.limit)) return;
      from!.shift();
      if (next === this.#last) this.#last = undefined;
      if (next instanceof Uint8Array) this.#closer.gatherClose(next);
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

  /** Adds a message, or a piece of the front message, that has waited. */
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

  /** Adds a message whose turn it is. @returns Whether it is in the output now. */
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

  /** Adds a piece of the front message. @returns Whether it is in the output now. */
  #addFront(bytes: Uint8Array, isLast: boolean): boolean {
    const size = bytes.length;
    // An empty frame that does not end its message has no use.
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

  /** Adds what a transform makes of a message or piece. @returns Whether it is in the output now, and no work is left. */
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

  /** Adds a frame of the message whose turn it is, whole or in pieces. An empty frame is added only as the last one. */
  #addMade(opcode: Opcode, bytes: Uint8Array, size: number, isLast: boolean): void {
    const front = this.#front;
    if (front === undefined) {
      this.#addFrame(opcode, bytes, size, true);
      return;
    }
    if (size === 0 && !isLast) return;
    // First, because the tracer of the frame may write the next piece.
    this.#frontOpcode = OpContinuation;
    this.#addFrame(opcode, bytes, size, isLast);
    // The tracer may also have ended the connection.
    if (!isLast || this.#front === undefined) return;
    this.#front = undefined;
    this.#frontTransform = undefined;
    this.#traffic.messages++;
  }

  #addFrame(opcode: Opcode, bytes: Uint8Array, size: number, fin: boolean): void {
    // Each question gets a new header: an extension may send a message while it answers, or keep the header.
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

  /** Gives a message in pieces its place, at its first piece. */
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

  /** Makes a message in pieces the front message, unless it was dropped. */
  #reach(message: StreamedMessage): void {
    this.#hold(-entryCost);
    if (message.state !== "waiting") return;
    message.state = "front";
    this.#front = message;
  }

  /** Drops a message that has not begun. Its pieces count no longer; its empty place stays in the queue until its turn. */
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

  /** Says whether a payload of so many bytes fits into the output within the limit. An empty output takes any payload. */
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
    // The queue was dropped meanwhile.
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
      // If the work is not done, its listener is told with the rest of the queue.
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

/** Tells the listeners of a message's waiting pieces that the pieces were dropped. */
function tellDropped(message: StreamedMessage): void {
  for (const piece of message.pieces.takeAll()) piece.listener?.onDropped(message.reason);
}
