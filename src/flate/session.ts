/**
 * permessage-deflate at work on one connection: messages compressed and decompressed (RFC 7692, 6 and 7.2).
 *
 * @module
 */

import type {
  ExtensionSession,
  OutgoingMessage,
  RecvExtension,
  SendExtension,
  Transform,
} from "../extension/extension.ts";
import type { Growing } from "../extension/growing.ts";
import type { Header } from "../frame/header.ts";
import type { Contexts, Entry } from "./contexts.ts";
import type { Context, Deflater, Inflater } from "./engine.ts";
import { MessageState } from "./message.ts";
import type { FlateSide } from "./negotiate.ts";

/** What a {@link FlateSession} is told. */
export interface FlateSessionOptions {
  readonly contexts: Contexts;
  /** Of what this side compresses. */
  readonly deflate: FlateSide;
  /** Of what the peer has compressed. */
  readonly inflate: FlateSide;
  /** Bytes of payload from which a message is compressed. */
  readonly threshold: number;
  /** Names the parameters that tell what becomes of a message. */
  readonly cacheKey: string;
}

/** One connection's permessage-deflate. */
export class FlateSession implements ExtensionSession {
  readonly recv: FlateRecv;
  readonly send: FlateSend;
  readonly #contexts: Contexts;
  #isClosed = false;

  constructor(options: FlateSessionOptions) {
    this.#contexts = options.contexts;
    this.recv = new FlateRecv(options);
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

/** Decompresses messages whose first frame has RSV1. */
class FlateRecv implements RecvExtension, Transform {
  readonly #contexts: Contexts;
  readonly #side: FlateSide;
  readonly #state = new MessageState();
  #entry: Entry<Inflater> | undefined;
  #isLast = false;
  /** Who waits for the next slice. */
  #task: (() => void) | undefined;

  constructor({ contexts, inflate }: FlateSessionOptions) {
    this.#contexts = contexts;
    this.#side = inflate;
  }

  unsetBits(header: Header): void {
    this.#state.unsetBits(header);
  }

  beginMessage(): Transform | undefined {
    if (!this.#state.isCompressed) return undefined;
    const { windowBits, takeover } = this.#side;
    if (this.#entry === undefined) this.#entry = this.#contexts.inflater(windowBits, !takeover);
    else this.#contexts.begin(this.#entry);
    return this;
  }

  write(bytes: Uint8Array, start: number, end: number, isLast: boolean, into: Growing): boolean {
    this.#isLast = isLast;
    const { context } = openEntry(this.#entry);
    return this.#afterCall(context.inflate(bytes, start, end, isLast, into));
  }

  goOn(into: Growing): boolean {
    this.#task = undefined;
    return this.#afterCall(openEntry(this.#entry).context.goOn(into));
  }

  whenReady(task: () => void): void {
    this.#task = task;
    this.#entry!.context.whenReady(task);
  }

  close(): void {
    if (this.#entry !== undefined) this.#contexts.close(this.#entry);
    this.#entry = undefined;
    wake(this.#task);
  }

  #afterCall(isDone: boolean): boolean {
    if (!isDone || !this.#isLast) return isDone;
    this.#contexts.end(this.#entry!);
    if (!this.#side.takeover) this.#entry = undefined;
    return true;
  }
}

/** Compresses messages, as a rule, and says so by RSV1. */
class FlateSend implements SendExtension, Transform {
  readonly #contexts: Contexts;
  readonly #side: FlateSide;
  readonly #threshold: number;
  readonly #cacheKey: string;
  readonly #state = new MessageState();
  /** With takeover this connection's own; else lent, while a message is at work. */
  #entry: Entry<Deflater> | undefined;
  #isLast = false;
  /** Who waits for the next slice. */
  #task: (() => void) | undefined;
  /** Of a message for many connections: where the result is kept, and the result where it is there. */
  #cache: Map<string, Uint8Array> | undefined;
  #cached: Uint8Array | undefined;

  constructor({ contexts, deflate, threshold, cacheKey }: FlateSessionOptions) {
    this.#contexts = contexts;
    this.#side = deflate;
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
    // What is the same on all connections refers to nothing that went before on one of them. Nor does what follows it,
    // where this compressor has not seen it.
    if (cache !== undefined) this.#entry?.context.reset();
    if (this.#cached === undefined) this.#beginEntry();
    return this;
  }

  #beginEntry(): void {
    const { windowBits, takeover } = this.#side;
    if (this.#entry === undefined) {
      this.#entry = this.#contexts.deflater(windowBits, !takeover);
      return;
    }
    // A message that was given up is none that the next one may refer to.
    if (this.#entry.isAtWork) this.#entry.context.reset();
    this.#contexts.begin(this.#entry);
  }

  write(bytes: Uint8Array, start: number, end: number, isLast: boolean, into: Growing): boolean {
    if (this.#cached !== undefined) {
      into.add(this.#cached, 0, this.#cached.length);
      return true;
    }
    this.#isLast = isLast;
    const { context } = openEntry(this.#entry);
    return this.#afterCall(context.deflate(bytes, start, end, isLast, into), into);
  }

  goOn(into: Growing): boolean {
    this.#task = undefined;
    return this.#afterCall(openEntry(this.#entry).context.goOn(into), into);
  }

  whenReady(task: () => void): void {
    this.#task = task;
    this.#entry!.context.whenReady(task);
  }

  close(): void {
    if (this.#entry !== undefined) this.#contexts.close(this.#entry);
    this.#entry = undefined;
    wake(this.#task);
  }

  #afterCall(isDone: boolean, into: Growing): boolean {
    if (!isDone || !this.#isLast) return isDone;
    // Messages for many connections come whole, so that `into` holds nothing else.
    this.#cache?.set(this.#cacheKey, into.bytes.slice(0, into.size));
    this.#cache = undefined;
    this.#contexts.end(this.#entry!);
    if (!this.#side.takeover) this.#entry = undefined;
    return true;
  }
}

/** A Reader or Writer that waits for a slice when the connection is closed must not wait for ever. */
function wake(task: (() => void) | undefined): void {
  if (task !== undefined) queueMicrotask(task);
}

/** Gives the context that a message is at work with. */
function openEntry<Kind extends Context>(entry: Entry<Kind> | undefined): Entry<Kind> {
  if (entry === undefined) throw new TypeError("The connection was closed inside a message");
  return entry;
}
