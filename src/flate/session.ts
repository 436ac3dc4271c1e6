/**
 * permessage-deflate on one connection: compresses and decompresses messages (RFC 7692, 6 and 7.2).
 *
 * Theory of operation. Each direction is a half, which borrows a context from `Contexts` at the first byte of a message. It keeps
 * the context if its window is kept between messages, and otherwise gives it back at the end of the message. Between two calls
 * `Contexts` may rest the context, if its engine allows that.
 *
 * @module
 */

import { copyOf } from "../bytes.ts";
import type {
  ExtensionSession,
  OutgoingMessage,
  RecvExtension,
  SendExtension,
  Transform,
} from "../extension/extension.ts";
import type { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Header } from "../frame/header.ts";
import type { Contexts, PooledContext } from "./contexts.ts";
import type { Context, Deflater, Inflater } from "./engine.ts";
import { MessageState } from "./message.ts";
import type { FlateSide } from "./negotiate.ts";

/** Settings of a {@link FlateSession}. */
export interface FlateSessionOptions {
  readonly contexts: Contexts;
  /** The window and the context takeover of this side's compressor. */
  readonly deflate: FlateSide;
  /** The window and the context takeover of the peer's compressor. */
  readonly inflate: FlateSide;
  /** Bytes of payload from which a message is compressed. */
  readonly threshold: number;
  /** Names the parameters on which the compressed bytes of a message depend. */
  readonly cacheKey: string;
}

/** permessage-deflate on one connection. */
export class FlateSession implements ExtensionSession {
  readonly recv: FlateRecv;
  readonly send: FlateSend;
  readonly #contexts: Contexts;
  #isClosed = false;

  constructor(options: FlateSessionOptions) {
    this.#contexts = options.contexts;
    this.recv = new FlateRecv(options.contexts, options.inflate);
    this.send = new FlateSend(options);
    this.#contexts.opened();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.recv.close();
    this.send.close();
    this.#contexts.closed();
  }
}

/**
 * The common part of both directions: a context, taken at a message's first byte, and given back at its end if no window is kept.
 */
abstract class FlateHalf<Kind extends Context> implements Transform {
  protected readonly contexts: Contexts;
  protected readonly side: FlateSide;
  /** With takeover it belongs to this connection; otherwise it is lent from the first byte of a message to its end. */
  protected entry: PooledContext<Kind> | undefined;
  #isLast = false;
  #isClosed = false;
  /** The callback that waits for the next slice. */
  #task: (() => void) | undefined;

  constructor(contexts: Contexts, side: FlateSide) {
    this.contexts = contexts;
    this.side = side;
  }

  write(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    // The beginning of a message without a payload byte must cost nothing.
    if (start === end && !isLast) return true;
    this.#isLast = isLast;
    const { context } = this.#use();
    return this.#afterCall(this.work(context, bytes, start, end, isLast, into), into);
  }

  goOn(into: BoundedBuffer): boolean {
    this.#task = undefined;
    return this.#afterCall(this.#use().context.goOn(into), into);
  }

  whenReady(task: () => void): void {
    this.#task = task;
    this.entry!.context.whenReady(task);
  }

  close(): void {
    this.#isClosed = true;
    if (this.entry !== undefined) this.contexts.closeContext(this.entry);
    this.entry = undefined;
    // If the connection is closed while a Reader or Writer waits for a slice, the wait must end.
    if (this.#task !== undefined) queueMicrotask(this.#task);
  }

  /** Gives a context, new or from the shelf. */
  protected abstract newEntry(): PooledContext<Kind>;

  /** Passes a piece of the message through the context. */
  protected abstract work(
    context: Kind,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean;

  /** Ends the message: `into` has the last of its output. */
  protected abstract onEnd(into: BoundedBuffer): void;

  #use(): PooledContext<Kind> {
    if (this.#isClosed) throw new TypeError("The connection was closed inside a message");
    const entry = (this.entry ??= this.newEntry());
    this.contexts.use(entry);
    return entry;
  }

  #afterCall(isDone: boolean, into: BoundedBuffer): boolean {
    if (!isDone || !this.#isLast) return isDone;
    this.onEnd(into);
    this.contexts.end(this.entry!);
    if (!this.side.takeover) this.entry = undefined;
    return true;
  }
}

/** Decompresses messages whose first frame has RSV1. */
class FlateRecv extends FlateHalf<Inflater> implements RecvExtension {
  readonly #state = new MessageState();

  unsetBits(header: Header): void {
    this.#state.unsetBits(header);
  }

  beginMessage(): Transform | undefined {
    return this.#state.isCompressed ? this : undefined;
  }

  protected newEntry(): PooledContext<Inflater> {
    return this.contexts.inflater(this.side.windowBits, !this.side.takeover);
  }

  protected work(
    context: Inflater,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    return context.inflate(bytes, start, end, isLast, into);
  }

  protected onEnd(): void {}
}

/** Compresses messages as a rule, and marks them with RSV1. */
class FlateSend extends FlateHalf<Deflater> implements SendExtension {
  readonly #threshold: number;
  readonly #cacheKey: string;
  readonly #state = new MessageState();
  // For a message to many connections: the cache for its compressed form, and that form if the cache has it.
  #cache: Map<string, Uint8Array> | undefined;
  #cached: Uint8Array | undefined;

  constructor({ contexts, deflate, threshold, cacheKey }: FlateSessionOptions) {
    super(contexts, deflate);
    this.#threshold = threshold;
    this.#cacheKey = cacheKey;
  }

  setBits(header: Header): void {
    this.#state.setBits(header);
  }

  beginMessage(message: OutgoingMessage): Transform | undefined {
    const { size, compress, cache } = message;
    const isCompressed = compress && (size === undefined || size >= this.#threshold);
    this.#state.setCompressed(isCompressed);
    if (!isCompressed) return undefined;
    this.#cache = cache;
    this.#cached = cache?.get(this.#cacheKey);
    // The compressor of a message for many connections begins with an empty window, so that the result is right for each of them.
    // If the result comes from the cache, this compressor has not seen the message: the next message must not refer to anything
    // before it. If the message before was given up halfway, the peer does not have all of it: the next message must not refer to
    // it either.
    if (cache !== undefined || this.entry?.isInMessage === true) this.entry?.context.reset();
    return this;
  }

  override write(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    if (this.#cached === undefined) return super.write(bytes, start, end, isLast, into);
    into.add(this.#cached, 0, this.#cached.length);
    return true;
  }

  protected newEntry(): PooledContext<Deflater> {
    return this.contexts.deflater(this.side.windowBits, !this.side.takeover);
  }

  protected work(
    context: Deflater,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    return context.deflate(bytes, start, end, isLast, into);
  }

  protected onEnd(into: BoundedBuffer): void {
    // Messages for many connections come in one piece, so that `into` holds nothing else.
    this.#cache?.set(this.#cacheKey, copyOf(into.bytes, 0, into.size));
    this.#cache = undefined;
  }
}
