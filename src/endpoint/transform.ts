/**
 * Takes received messages through an extension, as a rule to decompress them (RFC 6455, 9).
 *
 * Theory of operation. The stage says how far the present message has come. A piece goes through the transform into a buffer. If
 * the transform has more to do, the stage becomes a working one, `onWork` is called, and a later turn goes on. When the last
 * piece is done, the buffer is delivered as one message; a streamed message is delivered after each piece instead. `drop` ends
 * the delivery at any stage.
 *
 * @module
 */

import { noBytes } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import type { Transform } from "../extension/extension.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import { checkUtf8, decodeText, Utf8Validator } from "../frame/utf8.ts";
import type { MessageEvents } from "./endpoint-events.ts";
import { borrowBoundedBuffer, isReturnable, returnBoundedBuffer } from "./pool.ts";
import type { Traffic } from "./traffic.ts";

/** The part of an endpoint that waits while an extension works on a message. */
export interface TransformOwner {
  /** The extension needs more time for what has come: no frame may follow before `onWorked`. */
  onWork(): void;
  /** The extension is done, or has failed with `error`: as a rule a ProtocolError or LimitError. */
  onWorked(error?: unknown): void;
}

/**
 * How far the present message has come.
 *
 * - "none": no message has begun.
 * - "open": a message has begun, and the next piece may be given.
 * - "working": the extension works on a piece.
 * - "endDue": the extension works on a piece, and the message's end has come meanwhile.
 * - "last": the last piece was given.
 * - "workingOnLast": the extension works on the last piece.
 */
type MessageStage = "none" | "open" | "working" | "endDue" | "last" | "workingOnLast";

/**
 * Takes the payload of one message after the other through a transform, and delivers what comes out.
 *
 * A call may leave work for a later turn of the event loop. It then calls `onWork`, and the caller must not give it more bytes
 * before `onWorked`.
 */
export class MessageTransform {
  readonly #events: MessageEvents;
  readonly #owner: TransformOwner;
  readonly #maxSize: number;
  readonly #traffic: Traffic;
  readonly #codec: TextCodec;
  readonly #isTextBytes: boolean;
  #transform!: Transform;
  #stage: MessageStage = "none";
  // The kind of the message and the way it is delivered; both are independent of the stage.
  #isText = false;
  #isStreamed = false;
  #into: BoundedBuffer | undefined;
  #utf8: Utf8Validator | undefined;
  /** Bytes of `into` that have passed the check of UTF-8. */
  #checked = 0;
  /** Whether messages are no longer wanted; independent of the stage. */
  #isDropped = false;
  #resume: (() => void) | undefined;

  constructor(
    events: MessageEvents,
    owner: TransformOwner,
    maxSize: number,
    traffic: Traffic,
    codec: TextCodec,
    isTextBytes: boolean,
  ) {
    this.#events = events;
    this.#owner = owner;
    this.#maxSize = maxSize;
    this.#traffic = traffic;
    this.#codec = codec;
    this.#isTextBytes = isTextBytes;
  }

  /** Whether a message has begun and is not delivered yet. */
  get isUnderWay(): boolean {
    return this.#stage !== "none";
  }

  /** Begins a message. */
  begin(transform: Transform, isText: boolean): void {
    this.#transform = transform;
    this.#isText = isText;
    this.#stage = "open";
    this.#isStreamed = false;
    this.#checked = 0;
    this.#utf8?.reset();
  }

  /** Whether the present message is delivered piece by piece. */
  get isStreamed(): boolean {
    return this.#isStreamed;
  }

  /** Delivers the present message piece by piece, beginning with what has been made of it so far. */
  stream(): void {
    if (this.#isDropped) return;
    this.#isStreamed = true;
    this.#events.onMessageBegin?.(this.#isText);
    if (this.#into !== undefined) this.#passOn(this.#into);
  }

  /**
   * Takes a piece of the payload.
   *
   * @param isWhole Whether the piece is the whole message.
   * @throws {ProtocolError} `INVALID_UTF8`, and what the transform throws.
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   */
  write(bytes: Uint8Array, start: number, end: number, isWhole: boolean): void {
    if (this.#isDropped) return;
    // A message that lies whole in one chunk is delivered before the next one comes: a lent buffer is enough.
    this.#into ??= isWhole ? borrowBoundedBuffer(this.#maxSize) : new BoundedBuffer(this.#maxSize);
    if (isWhole) this.#stage = "last";
    this.#waitOrGoOn(this.#transform.write(bytes, start, end, isWhole, this.#into));
  }

  /** Ends the message. @throws As {@link write}. */
  end(): void {
    if (this.#stage === "working") {
      this.#stage = "endDue";
    } else {
      this.write(noBytes, 0, 0, true);
    }
  }

  /** Delivers no more messages. */
  drop(): void {
    this.#isDropped = true;
    this.#into = undefined;
  }

  #waitOrGoOn(isDone: boolean): void {
    if (!isDone) {
      this.#workLater();
    } else if (this.#stage === "endDue") {
      this.write(noBytes, 0, 0, true);
    } else if (this.#stage === "last" || this.#stage === "workingOnLast") {
      this.#deliver();
    } else {
      this.#stage = "open";
      this.#afterPiece();
    }
  }

  #afterPiece(): void {
    if (this.#isText) this.#checkText();
    if (this.#isStreamed) this.#passOn(this.#into!);
  }

  #passOn(into: BoundedBuffer): void {
    if (into.size === 0) return;
    this.#events.onMessagePiece?.(into.bytes, 0, into.size);
    into.clear();
    this.#checked = 0;
  }

  #workLater(): void {
    if (this.#stage === "open" || this.#stage === "last") {
      this.#stage = this.#stage === "open" ? "working" : "workingOnLast";
      this.#owner.onWork();
    }
    this.#afterPiece();
    this.#resume ??= () => {
      this.#work();
    };
    this.#transform.whenReady(this.#resume);
  }

  #work(): void {
    if (this.#isDropped) return;
    try {
      this.#waitOrGoOn(this.#transform.goOn(this.#into!));
    } catch (error) {
      this.#owner.onWorked(error);
      return;
    }
    if (this.#isDropped) return;
    if (this.#stage === "open" || this.#stage === "none") this.#owner.onWorked();
  }

  /** Checks text. It fails at the first bad byte, even if the message is not complete. */
  #checkText(): void {
    const { bytes, size } = this.#into!;
    this.#utf8 ??= new Utf8Validator();
    if (!this.#utf8.write(bytes, this.#checked, size)) throw new ProtocolError("INVALID_UTF8");
    this.#checked = size;
  }

  #deliver(): void {
    const into = this.#into!;
    this.#stage = "none";
    this.#traffic.addMessage(into.cleared + into.size);
    if (this.#isStreamed) {
      this.#endStreamed();
      return;
    }
    this.#into = undefined;
    if (this.#isText && !this.#isTextBytes) {
      this.#events.onText(decodeText(into.bytes, 0, into.size, this.#codec));
    } else {
      if (this.#isText) checkUtf8(into.bytes, 0, into.size, this.#codec);
      if (isReturnable(into)) {
        this.#tellBytes(into.bytes, into.size, false);
      } else {
        const bytes = into.take();
        this.#tellBytes(bytes, bytes.length, true);
      }
    }
    returnBoundedBuffer(into);
  }

  #tellBytes(bytes: Uint8Array, size: number, isOwned: boolean): void {
    if (this.#isText) this.#events.onTextBytes?.(bytes, 0, size, isOwned);
    else this.#events.onBinary(bytes, 0, size, isOwned);
  }

  #endStreamed(): void {
    this.#afterPiece();
    // The handler of the piece may have closed the connection. The end of the message is then not delivered.
    if (this.#isDropped) return;
    if (this.#isText && !this.#utf8!.isComplete) throw new ProtocolError("INVALID_UTF8");
    const into = this.#into!;
    this.#into = undefined;
    returnBoundedBuffer(into);
    this.#events.onMessageEnd?.();
  }
}
