/**
 * Messages on their way out: through the extensions, in order, to the output (RFC 6455, 6.1 and 9).
 *
 * @module
 */

import { encodeUtf8, encodeUtf8Into } from "../bytes.ts";
import type { SendChain } from "../extension/chain.ts";
import type { OutgoingMessage, Transform } from "../extension/extension.ts";
import type { Growing } from "../extension/growing.ts";
import { type Header, newHeader } from "../frame/header.ts";
import { OpBinary, OpContinuation, type Opcode, OpText } from "../frame/opcode.ts";
import { longText, type Output } from "./output.ts";
import { borrowGrowing, returnGrowing } from "./pool.ts";
import type { PreparedMessage } from "./prepared.ts";
import type { Traffic } from "./traffic.ts";

/** What is asked of the extensions. */
interface Question extends OutgoingMessage {
  opcode: Opcode;
  size: number | undefined;
  compress: boolean;
  cache: Map<string, Uint8Array> | undefined;
}

/** One for all messages, so that none is made for each: what extensions make of it they make at once. */
const question: Question = { opcode: OpText, size: 0, compress: true, cache: undefined };

/** Of the frame that is being added. */
const header: Header = /* @__PURE__ */ newHeader();

/** What is told of work that was done outside of a call. */
export interface OutgoingEvents {
  /** The output has got more, or what was at work is done. */
  onOutput(): void;
  /** An extension has failed: nothing can follow. */
  onSendFailed(error: unknown): void;
}

/** A message that waits for the one before it; a close frame where it has no opcode. */
interface Waiting {
  readonly opcode: Opcode | undefined;
  readonly bytes: Uint8Array;
  readonly compress: boolean;
  readonly cache: Map<string, Uint8Array> | undefined;
}

/**
 * Takes messages through the extensions and gives them to the output.
 *
 * As a rule that is done when a call returns. What an extension cannot do at once, and a message that is sent in pieces,
 * hold back the messages behind them, and the close frame; control frames go past.
 */
export class Outgoing {
  readonly #output: Output;
  readonly #traffic: Traffic;
  readonly #extensions: SendChain | undefined;
  readonly #events: OutgoingEvents;
  // The message, or piece of one, at work, and what has become of it so far.
  #transform: Transform | undefined;
  #into: Growing | undefined;
  #opcode: Opcode = OpText;
  #size = 0;
  // The message that is sent in pieces.
  #isStreaming = false;
  #streamed: Transform | undefined;
  #isLast = true;
  /** Bytes at work and of messages that wait, which the output counts as unsent. */
  #held = 0;
  // Made at the first one.
  #waiting: Waiting[] | undefined;
  #goOn: (() => void) | undefined;

  constructor(output: Output, extensions: SendChain | undefined, events: OutgoingEvents) {
    this.#output = output;
    this.#traffic = output.traffic;
    this.#extensions = extensions;
    this.#events = events;
  }

  /** Whether nothing is at work and no message is sent in pieces. */
  get isFree(): boolean {
    return this.#transform === undefined && !this.#isStreaming;
  }

  /** Adds a text message. */
  addText(text: string, compress: boolean): void {
    if (this.#extensions === undefined && !this.#isStreaming) {
      this.#traffic.addMessage(this.#output.addText(text));
    } else if (text.length > longText) {
      const bytes = encodeUtf8(text);
      this.#add(OpText, bytes, bytes.length, compress, undefined);
    } else {
      // Encoded by itself, since what becomes of it is not known before.
      const encoded = borrowGrowing(Infinity);
      encoded.room(3 * text.length);
      const size = encodeUtf8Into(text, encoded.bytes, 0);
      this.#add(OpText, encoded.bytes, size, compress, undefined);
      returnGrowing(encoded);
    }
  }

  /** Adds a binary message; the bytes are copied. */
  addBinary(bytes: Uint8Array, compress: boolean): void {
    if (this.#extensions === undefined && !this.#isStreaming) {
      this.#traffic.addMessage(bytes.length);
      this.#output.addFrame(OpBinary, bytes, 0, bytes.length);
      return;
    }
    this.#add(OpBinary, bytes, bytes.length, compress, undefined);
  }

  /** Adds a message that is prepared for many connections. */
  addPrepared(message: PreparedMessage): void {
    const { opcode, bytes, compress, cache } = message;
    if (this.#extensions === undefined && !this.#isStreaming && !this.#output.isMasked) {
      this.#traffic.addMessage(bytes.length);
      this.#output.addShared(message.frame, opcode, bytes.length);
      return;
    }
    this.#add(opcode, bytes, bytes.length, compress, cache);
  }

  /** Begins a message that is sent in pieces. Only where {@link isFree} says so. */
  begin(opcode: Opcode, compress: boolean): void {
    this.#isStreaming = true;
    this.#opcode = opcode;
    this.#size = 0;
    this.#streamed = this.#extensions && this.#ask(opcode, undefined, compress, undefined);
  }

  /**
   * Adds a piece of that message; the bytes are copied. Not while one before it is at work.
   *
   * @param isLast Whether the message ends with it.
   * @returns Whether it is in the output; where it is not, `onOutput` follows.
   */
  addPiece(bytes: Uint8Array, isLast: boolean): boolean {
    this.#isLast = isLast;
    this.#traffic.payload += bytes.length;
    if (this.#streamed === undefined) {
      this.#addFragment(bytes, bytes.length);
      return true;
    }
    this.#size = bytes.length;
    return this.#take(this.#streamed, bytes, bytes.length, isLast);
  }

  /** Adds a close frame, behind what was added before; a message that is sent in pieces is given up. */
  addClose(body: Uint8Array): void {
    if (this.#isStreaming) this.drop();
    if (this.#transform === undefined) this.#output.addClose(body);
    else this.#wait({ opcode: undefined, bytes: body, compress: false, cache: undefined });
  }

  /** Drops messages that are not in the output yet; a close frame behind them is in it afterwards. */
  drop(): void {
    this.#hold(-this.#held);
    this.#transform = undefined;
    this.#into = undefined;
    this.#isStreaming = false;
    this.#streamed = undefined;
    const close = this.#waiting?.find(({ opcode }) => opcode === undefined);
    this.#waiting = undefined;
    if (close !== undefined) this.#output.addClose(close.bytes);
  }

  #add(
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    compress: boolean,
    cache: Map<string, Uint8Array> | undefined,
  ): void {
    if (!this.isFree) {
      this.#wait({ opcode, bytes: bytes.slice(0, size), compress, cache });
      this.#hold(size);
      return;
    }
    this.#traffic.addMessage(size);
    const transform = this.#extensions && this.#ask(opcode, size, compress, cache);
    if (transform === undefined) {
      this.#addFrame(opcode, bytes, size, true);
      return;
    }
    this.#opcode = opcode;
    this.#size = size;
    this.#isLast = true;
    this.#take(transform, bytes, size, true);
  }

  #ask(
    opcode: Opcode,
    size: number | undefined,
    compress: boolean,
    cache: Map<string, Uint8Array> | undefined,
  ): Transform | undefined {
    question.opcode = opcode;
    question.size = size;
    question.compress = compress;
    question.cache = cache;
    const transform = this.#extensions!.beginMessage(question);
    // Whose message it was.
    question.cache = undefined;
    return transform;
  }

  #wait(message: Waiting): void {
    this.#waiting ??= [];
    this.#waiting.push(message);
  }

  /** Takes bytes through the extensions, or begins to. */
  #take(transform: Transform, bytes: Uint8Array, size: number, isLast: boolean): boolean {
    const into = borrowGrowing(Infinity);
    if (transform.write(bytes, 0, size, isLast, into)) {
      this.#addMade(into);
      return true;
    }
    this.#transform = transform;
    this.#into = into;
    this.#hold(size);
    this.#workLater();
    return false;
  }

  /** Adds what the extensions have made of a message, or of a piece. */
  #addMade(into: Growing): void {
    if (this.#isStreaming) this.#addFragment(into.bytes, into.size);
    else this.#addFrame(this.#opcode, into.bytes, into.size, true);
    returnGrowing(into);
  }

  /** Adds a frame of the message that is sent in pieces; an empty one only where it is the last. */
  #addFragment(bytes: Uint8Array, size: number): void {
    if (size > 0 || this.#isLast) {
      this.#addFrame(this.#opcode, bytes, size, this.#isLast);
      this.#opcode = OpContinuation;
    }
    if (!this.#isLast) return;
    this.#isStreaming = false;
    this.#streamed = undefined;
    this.#traffic.messages++;
    this.#addWaiting();
  }

  #addFrame(opcode: Opcode, bytes: Uint8Array, size: number, fin: boolean): void {
    header.opcode = opcode;
    header.fin = fin;
    header.rsv = 0;
    header.length = size;
    this.#extensions?.setBits(header);
    this.#output.addFrame(opcode, bytes, 0, size, header.rsv, fin);
  }

  #hold(count: number): void {
    this.#held += count;
    this.#output.hold(count);
  }

  #workLater(): void {
    this.#goOn ??= () => {
      this.#work();
    };
    this.#transform!.whenReady(this.#goOn);
  }

  #work(): void {
    const into = this.#into;
    // Dropped meanwhile.
    if (into === undefined) return;
    try {
      if (!this.#transform!.goOn(into)) {
        this.#workLater();
        return;
      }
    } catch (error) {
      this.#events.onSendFailed(error);
      return;
    }
    this.#transform = undefined;
    this.#into = undefined;
    this.#hold(-this.#size);
    this.#addMade(into);
    this.#addWaiting();
    this.#events.onOutput();
  }

  #addWaiting(): void {
    while (this.isFree) {
      const next = this.#waiting?.shift();
      if (next === undefined) return;
      const { opcode, bytes, compress, cache } = next;
      if (opcode === undefined) {
        this.#output.addClose(bytes);
      } else {
        this.#hold(-bytes.length);
        this.#add(opcode, bytes, bytes.length, compress, cache);
      }
    }
  }
}
