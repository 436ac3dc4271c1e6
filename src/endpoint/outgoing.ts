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
import { OpBinary, type Opcode, OpText } from "../frame/opcode.ts";
import { longText, type Output } from "./output.ts";
import { borrowGrowing, returnGrowing } from "./pool.ts";
import type { PreparedMessage } from "./prepared.ts";

/** What is asked of the extensions: one object for all messages, so that none is made for each. */
interface Question extends OutgoingMessage {
  opcode: Opcode;
  size: number;
  compress: boolean;
  cache: Map<string, Uint8Array> | undefined;
}

/** What is told of work that was done outside of a call. */
export interface OutgoingEvents {
  /** The output has got more. */
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
 * As a rule that is done when a call returns. What an extension cannot do at once holds back the messages behind it,
 * and the close frame; control frames go past.
 */
export class Outgoing {
  readonly #output: Output;
  readonly #extensions: SendChain | undefined;
  readonly #events: OutgoingEvents;
  readonly #header: Header = newHeader();
  readonly #question: Question = { opcode: OpText, size: 0, compress: true, cache: undefined };
  // The message at work, and what has become of it so far.
  #transform: Transform | undefined;
  #into: Growing | undefined;
  #opcode: Opcode = OpText;
  #size = 0;
  /** Bytes of it and of those behind it, which the output counts as unsent. */
  #held = 0;
  readonly #waiting: Waiting[] = [];
  #goOn: (() => void) | undefined;

  constructor(output: Output, extensions: SendChain | undefined, events: OutgoingEvents) {
    this.#output = output;
    this.#extensions = extensions;
    this.#events = events;
  }

  /** Adds a text message. */
  addText(text: string, compress: boolean): void {
    if (this.#extensions === undefined) {
      this.#output.addText(text);
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
    this.#add(OpBinary, bytes, bytes.length, compress, undefined);
  }

  /** Adds a message that is prepared for many connections. */
  addPrepared(message: PreparedMessage): void {
    const { opcode, bytes, compress, cache } = message;
    this.#add(opcode, bytes, bytes.length, compress, cache);
  }

  /** Adds a close frame, behind what was added before. */
  addClose(body: Uint8Array): void {
    if (this.#transform === undefined) this.#output.addClose(body);
    else this.#waiting.push({ opcode: undefined, bytes: body, compress: false, cache: undefined });
  }

  /** Drops messages that are not in the output yet; a close frame behind them is in it afterwards. */
  drop(): void {
    this.#hold(-this.#held);
    this.#transform = undefined;
    this.#into = undefined;
    const close = this.#waiting.find(({ opcode }) => opcode === undefined);
    this.#waiting.length = 0;
    if (close !== undefined) this.#output.addClose(close.bytes);
  }

  #add(
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    compress: boolean,
    cache: Map<string, Uint8Array> | undefined,
  ): void {
    if (this.#extensions === undefined) {
      this.#output.addFrame(opcode, bytes, 0, size);
    } else if (this.#transform === undefined) {
      this.#begin(this.#extensions, opcode, bytes, size, compress, cache);
    } else {
      this.#waiting.push({ opcode, bytes: bytes.slice(0, size), compress, cache });
      this.#hold(size);
    }
  }

  /** Takes a message through the extensions, or begins to. */
  #begin(
    extensions: SendChain,
    opcode: Opcode,
    bytes: Uint8Array,
    size: number,
    compress: boolean,
    cache: Map<string, Uint8Array> | undefined,
  ): void {
    const question = this.#question;
    question.opcode = opcode;
    question.size = size;
    question.compress = compress;
    question.cache = cache;
    const transform = extensions.beginMessage(question);
    if (transform === undefined) {
      this.#addFrame(extensions, opcode, bytes, size);
      return;
    }
    const into = borrowGrowing(Infinity);
    if (transform.write(bytes, 0, size, true, into)) {
      this.#addFrame(extensions, opcode, into.bytes, into.size);
      returnGrowing(into);
      return;
    }
    this.#transform = transform;
    this.#into = into;
    this.#opcode = opcode;
    this.#size = size;
    this.#hold(size);
    this.#workLater();
  }

  #addFrame(extensions: SendChain, opcode: Opcode, bytes: Uint8Array, size: number): void {
    const header = this.#header;
    header.opcode = opcode;
    header.rsv = 0;
    header.length = size;
    extensions.setBits(header);
    this.#output.addFrame(opcode, bytes, 0, size, header.rsv);
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
    this.#addFrame(this.#extensions!, this.#opcode, into.bytes, into.size);
    returnGrowing(into);
    this.#addWaiting();
    this.#events.onOutput();
  }

  #addWaiting(): void {
    while (this.#transform === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const { opcode, bytes, compress, cache } = next;
      if (opcode === undefined) {
        this.#output.addClose(bytes);
      } else {
        this.#hold(-bytes.length);
        this.#begin(this.#extensions!, opcode, bytes, bytes.length, compress, cache);
      }
    }
  }
}
