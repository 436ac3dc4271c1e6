/**
 * Makes messages of frames: their order, limits, UTF-8, and the gathering of messages that come in pieces (RFC 6455, 5.4 to 5.6).
 *
 * Theory of operation. Two variables say what to do with a payload byte: `#frame` for the frame under way, `#message` for the
 * message. Each header is checked, counted against the limits, and then sets both. A control frame between two fragments has its
 * own buffer and does not touch the message. `setStreaming(true)` turns a gathered message into a streamed one at any time.
 *
 * @module
 */

import { copy, copyOf, noBytes } from "../bytes.ts";
import { LimitError, ProtocolError } from "../errors.ts";
import type { RecvChain } from "../extension/chain.ts";
import { checkDecoded, type State, StateFragmented } from "../frame/check.ts";
import type { FrameSink } from "../frame/decoder.ts";
import { type Header, MaxControlFramePayloadSize } from "../frame/header.ts";
import { isControl, OpContinuation, type Opcode, OpText } from "../frame/opcode.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import { checkUtf8, decodeText, Utf8Validator } from "../frame/utf8.ts";
import type { MessageEvents } from "./endpoint-events.ts";
import type { MessageLimits } from "./limits.ts";
import { Traffic } from "./traffic.ts";
import { MessageTransform, type TransformOwner } from "./transform.ts";

const smallestGather = 1024;

// Bytes that a gathering buffer may have beyond twice what has come. The length of chunks and messages is often a power of two,
// and a chunk also holds a header: without these bytes the buffer would grow once more for the last few bytes of such a message.
const mostAhead = 64 * 1024;

/** Takes the control frames, and waits for extensions. */
export interface AssemblerOwner extends TransformOwner {
  /** A control frame is complete; its payload is valid until the call returns. */
  onControl(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void;
}

/**
 * What happens to the payload of the frame under way: "control" and "data" frames gather it; "done" says that it was already
 * passed on.
 */
type FrameState = "control" | "data" | "done";

/**
 * What happens to the message under way: "none" means that no message is under way; "gathered" waits until it is whole;
 * "streamed" is passed on in pieces; "transformed" goes through an extension, and `MessageTransform` then knows the rest.
 */
type MessageState = "none" | "gathered" | "streamed" | "transformed";

/** What assemblers of many connections share. */
export interface AssemblerSettings extends MessageLimits {
  /** StateServerSide or StateClientSide, with StateExtended if there are extensions. */
  readonly state: State;
  /** Decodes text. */
  readonly codec: TextCodec;
  /** Whether text is passed on as bytes, not decoded. */
  readonly isTextBytes: boolean;
}

/** Counts the frames of no connection. */
const noTraffic: Traffic = /* @__PURE__ */ new Traffic();

/** The events after `drop`: they ignore the messages. */
const nobody: MessageEvents = { onText() {}, onBinary() {} };

/**
 * Assembles the frames of one side into messages.
 *
 * A message that lies whole in one chunk is passed on without a copy. Other messages are copied piece by piece into one buffer,
 * which grows with the bytes received, never with the length that a header declares.
 */
export class MessageAssembler implements FrameSink {
  #events: MessageEvents;
  /** Undefined while the assembler belongs to no connection. */
  #owner: AssemblerOwner | undefined;
  #settings: AssemblerSettings;
  readonly #extensions: RecvChain | undefined;
  #traffic: Traffic;
  #state: State;

  // The frame under way.
  #frame: FrameState = "data";
  #frameOpcode: Opcode = 0;
  #frameLength = 0;

  // The message under way.
  #message: MessageState = "none";
  #isText = false;
  /** Whether the last frame of the message has begun. */
  #isFinal = false;
  #length = 0;
  #fragments = 0;
  #gathered = noBytes;
  #gatheredSize = 0;
  #utf8: Utf8Validator | undefined;
  // Made at the first message that goes through an extension.
  #transform: MessageTransform | undefined;
  // Whether messages are passed on in pieces.
  #isStreaming = false;

  // A control frame that comes in pieces. It may stand between the frames of a message.
  #control: Uint8Array = noBytes;
  #controlSize = 0;

  /**
   * @param extensions Transform the messages.
   * @param traffic Counts the messages.
   */
  constructor(
    events: MessageEvents,
    owner: AssemblerOwner,
    settings: AssemblerSettings,
    extensions?: RecvChain,
    traffic: Traffic = new Traffic(),
  ) {
    this.#events = events;
    this.#owner = owner;
    this.#settings = settings;
    this.#extensions = extensions;
    this.#traffic = traffic;
    this.#state = settings.state;
  }

  /** Serves another connection from now on. Only for an assembler without extensions, and between two messages. */
  join(
    events: MessageEvents,
    owner: AssemblerOwner,
    settings: AssemblerSettings,
    traffic: Traffic,
  ): void {
    this.#events = events;
    this.#owner = owner;
    this.#settings = settings;
    this.#traffic = traffic;
    this.#state = settings.state;
    this.#isStreaming = false;
  }

  /** Serves no connection any more, and keeps nothing of the one that it has served. */
  leave(): void {
    this.#events = nobody;
    this.#owner = undefined;
    this.#traffic = noTraffic;
  }

  /** Whether a message has begun that is not complete. */
  get isInMessage(): boolean {
    return this.#message === "transformed" ? this.#transform!.isUnderWay : this.#message !== "none";
  }

  /**
   * Says whether messages are passed on piece by piece: `true` holds from the message under way on, `false` from the next one on.
   */
  setStreaming(isStreaming: boolean): void {
    this.#isStreaming = isStreaming;
    if (isStreaming && this.isInMessage && !this.#isStreamed) this.#beginStreamed();
  }

  /** Delivers no more messages. Frames that still come are checked, but no extension works on them. */
  drop(): void {
    this.#events = nobody;
    this.#transform?.drop();
  }

  frameHeader(header: Header): void {
    this.#traffic.addFrame(header);
    checkDecoded(header, this.#state);
    this.#extensions?.unsetBits(header);
    this.#frameOpcode = header.opcode;
    this.#frameLength = header.length;
    if (isControl(header.opcode)) {
      this.#frame = "control";
      this.#controlSize = 0;
    } else {
      this.#frame = "data";
      this.#beginDataFrame(header);
    }
  }

  framePayload(bytes: Uint8Array, start: number, end: number): void {
    if (this.#frame === "control") {
      this.#controlPayload(bytes, start, end);
      return;
    }
    const isWhole = this.#isFinal && end - start === this.#length;
    if (this.#message === "gathered") {
      if (isWhole) this.#deliver(bytes, start, end, false);
      else this.#gather(bytes, start, end);
    } else if (this.#message === "streamed") {
      if (this.#isText) this.#checkText(bytes, start, end);
      this.#events.onMessagePiece?.(bytes, start, end);
    } else {
      if (isWhole) this.#frame = "done";
      this.#transform!.write(bytes, start, end, isWhole);
    }
  }

  frameEnd(): void {
    if (this.#frame === "control") {
      this.#owner!.onControl(this.#frameOpcode, this.#control, 0, this.#controlSize);
    } else if (this.#frame === "done" || !this.#isFinal) {
      return;
    } else if (this.#message === "gathered") {
      this.#deliverGathered();
    } else if (this.#message === "streamed") {
      this.#endStreamed();
    } else {
      this.#transform!.end();
    }
  }

  /** Whether the message under way is passed on in pieces. */
  get #isStreamed(): boolean {
    return this.#message === "transformed"
      ? this.#transform!.isStreamed
      : this.#message === "streamed";
  }

  #beginStreamed(): void {
    if (this.#message === "transformed") {
      this.#transform!.stream();
      return;
    }
    this.#message = "streamed";
    this.#events.onMessageBegin?.(this.#isText);
    if (this.#gatheredSize > 0) {
      const bytes = this.#gathered;
      const size = this.#gatheredSize;
      this.#gathered = noBytes;
      this.#gatheredSize = 0;
      this.#events.onMessagePiece?.(bytes, 0, size);
    }
  }

  #endStreamed(): void {
    if (this.#isText && this.#utf8?.isComplete === false) throw new ProtocolError("INVALID_UTF8");
    this.#message = "none";
    this.#traffic.addMessage(this.#length);
    this.#events.onMessageEnd?.();
  }

  /** Checks text. It fails at the first bad byte, even if the message or the frame is not complete. */
  #checkText(bytes: Uint8Array, start: number, end: number): void {
    this.#utf8 ??= new Utf8Validator();
    if (!this.#utf8.write(bytes, start, end)) throw new ProtocolError("INVALID_UTF8");
  }

  #beginDataFrame(header: Header): void {
    const limits = this.#settings;
    if (header.opcode !== OpContinuation) {
      this.#isText = header.opcode === OpText;
      this.#length = 0;
      this.#fragments = 0;
      this.#message = "gathered";
      if (this.#extensions !== undefined) this.#beginTransform(this.#extensions);
      if (this.#isStreaming) this.#beginStreamed();
    }
    if (header.length > limits.maxFrameSize) {
      throw new LimitError("FRAME_TOO_BIG", limits.maxFrameSize, header.length);
    }
    const length = this.#length + header.length;
    this.#length = length;
    if (length > limits.maxMessageSize) {
      throw new LimitError("MESSAGE_TOO_BIG", limits.maxMessageSize, length);
    }
    if (++this.#fragments > limits.maxFragments) {
      throw new LimitError("TOO_MANY_FRAGMENTS", limits.maxFragments, this.#fragments);
    }
    this.#isFinal = header.fin;
    this.#state = header.fin ? this.#state & ~StateFragmented : this.#state | StateFragmented;
  }

  #beginTransform(extensions: RecvChain): void {
    const transform = extensions.beginMessage();
    if (transform === undefined) return;
    this.#message = "transformed";
    this.#transform ??= new MessageTransform(
      this.#events,
      this.#owner!,
      this.#settings.maxMessageSize,
      this.#traffic,
      this.#settings.codec,
      this.#settings.isTextBytes,
    );
    this.#transform.begin(transform, this.#isText);
  }

  #controlPayload(bytes: Uint8Array, start: number, end: number): void {
    if (end - start === this.#frameLength) {
      this.#frame = "done";
      this.#owner!.onControl(this.#frameOpcode, bytes, start, end);
      return;
    }
    if (this.#control === noBytes) this.#control = new Uint8Array(MaxControlFramePayloadSize);
    copy(this.#control, this.#controlSize, bytes, start, end);
    this.#controlSize += end - start;
  }

  #gather(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isText) this.#checkText(bytes, start, end);
    const size = this.#gatheredSize + end - start;
    if (size > this.#gathered.length) this.#growTo(size);
    copy(this.#gathered, this.#gatheredSize, bytes, start, end);
    this.#gatheredSize = size;
  }

  /**
   * Makes room for twice what has come, and up to 64 KiB more if the message's end is known. The buffer never grows past that
   * end, so that the buffer itself can be given away.
   */
  #growTo(size: number): void {
    let room = Math.max(2 * size, smallestGather);
    if (this.#isFinal) room = Math.min(room + Math.min(room, mostAhead), this.#length);
    const grown = new Uint8Array(room);
    copy(grown, 0, this.#gathered, 0, this.#gatheredSize);
    this.#gathered = grown;
  }

  #deliverGathered(): void {
    const bytes = this.#gathered;
    const size = this.#gatheredSize;
    this.#gathered = noBytes;
    this.#gatheredSize = 0;
    // A buffer with more room than the message needs would be kept alive with it.
    this.#deliver(size === bytes.length ? bytes : copyOf(bytes, 0, size), 0, size, true);
  }

  #deliver(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.#frame = "done";
    this.#message = "none";
    this.#traffic.addMessage(end - start);
    if (!this.#isText) {
      this.#events.onBinary(bytes, start, end, isOwned);
    } else if (!this.#settings.isTextBytes) {
      this.#events.onText(decodeText(bytes, start, end, this.#settings.codec));
    } else {
      checkUtf8(bytes, start, end, this.#settings.codec);
      this.#events.onTextBytes?.(bytes, start, end, isOwned);
    }
  }
}
