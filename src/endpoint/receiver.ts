/**
 * The way in: chunks of the peer's bytes become events (RFC 6455, 5 and 6.2).
 *
 * Theory of operation. `FrameDecoder` cuts a chunk into frames. `MessageAssembler` makes messages of the frames and calls the
 * user's events. The receiver answers control frames. An error thrown anywhere on this way reaches the one `catch` of `receive`,
 * which fails the connection.
 *
 * @module
 */

import { checkRange } from "../arguments.ts";
import { copyOf } from "../bytes.ts";
import { recvChain } from "../extension/chain.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { checkCloseFrameData, type State, StateExtended } from "../frame/check.ts";
import { parseCloseBody } from "../frame/close.ts";
import type { FrameDecoderOptions } from "../frame/decoder.ts";
import { OpClose, type Opcode, OpPing } from "../frame/opcode.ts";
import { type TextCodec, webText } from "../frame/text-codec.ts";
import { StatusNoStatusRcvd } from "../status.ts";
import { Assembly, borrowAssembly, returnAssembly } from "./assembly.ts";
import type { Closer } from "./closer.ts";
import type { EndpointEvents } from "./endpoint-events.ts";
import {
  defaultMessageLimits,
  type MessageLimits,
  type PartialLimits,
  resolveLimits,
} from "./limits.ts";
import { type AssemblerOwner, type AssemblerSettings, MessageAssembler } from "./message.ts";
import type { Traffic } from "./traffic.ts";
import type { WriteBuffer } from "./write-buffer.ts";

/**
 * Says whether a receiver takes bytes.
 *
 * - "ready": it takes the next chunk.
 * - "telling": events are called for a chunk. Another chunk would overtake the rest of this one.
 * - "busy": an extension works on a message. Nothing is taken until it is done.
 * - "tellingBusy": both.
 */
type ReceiverState = "ready" | "telling" | "busy" | "tellingBusy";

/**
 * What changes the state: calls of events begin ("tell") or end ("told"); an extension begins ("work") or ends ("worked") its
 * work.
 */
type ReceiverEvent = "tell" | "told" | "work" | "worked";

/** The state that follows each event; an event that is not named changes nothing. */
const transitions: Readonly<
  Record<ReceiverState, Readonly<Partial<Record<ReceiverEvent, ReceiverState>>>>
> = {
  ready: { tell: "telling", work: "busy" },
  telling: { told: "ready", work: "tellingBusy" },
  busy: { tell: "tellingBusy", worked: "ready" },
  tellingBusy: { told: "busy", worked: "telling" },
};

/** The options of an endpoint that concern received bytes. */
export interface ReceiverOptions extends PartialLimits<MessageLimits>, FrameDecoderOptions {
  readonly extensions?: readonly ExtensionSession[] | undefined;
  readonly codec?: TextCodec | undefined;
  readonly autoPong?: boolean | undefined;
  readonly textAs?: "string" | "bytes" | undefined;
}

/** What the receivers of many connections share. */
interface ReceiverSettings extends AssemblerSettings {
  readonly strictLength: boolean;
  readonly answersPings: boolean;
}

/** The settings of the receiver that was made last. As a rule the next one is made with the same options, and shares them. */
let latest: ReceiverSettings | undefined;

/** @throws {RangeError} A limit is not a whole number from 0 on, or Infinity. */
function settingsOf(state: State, options: ReceiverOptions): ReceiverSettings {
  const { maxFrameSize, maxMessageSize, maxFragments } = resolveLimits(
    options,
    defaultMessageLimits,
  );
  const settings: ReceiverSettings = {
    state,
    maxFrameSize,
    maxMessageSize,
    maxFragments,
    codec: options.codec ?? webText,
    isTextBytes: options.textAs === "bytes",
    strictLength: options.strictLength ?? false,
    answersPings: options.autoPong ?? true,
  };
  if (latest === undefined || !isSame(latest, settings)) latest = settings;
  return latest;
}

function isSame(one: ReceiverSettings, other: ReceiverSettings): boolean {
  return (
    one.state === other.state &&
    one.maxFrameSize === other.maxFrameSize &&
    one.maxMessageSize === other.maxMessageSize &&
    one.maxFragments === other.maxFragments &&
    one.codec === other.codec &&
    one.isTextBytes === other.isTextBytes &&
    one.strictLength === other.strictLength &&
    one.answersPings === other.answersPings
  );
}

/** Takes the peer's bytes of one connection, and calls the events for them. */
export class Receiver implements AssemblerOwner {
  readonly #events: EndpointEvents;
  readonly #output: WriteBuffer;
  readonly #closer: Closer;
  readonly #traffic: Traffic;
  readonly #settings: ReceiverSettings;
  /** Whether there are extensions: then the assembly stays. */
  readonly #isExtended: boolean;
  /** What makes messages of the bytes; undefined between two messages. */
  #assembly: Assembly | undefined;
  #isStreaming = false;
  /** Whether messages are no longer delivered. */
  #isDropping = false;
  #state: ReceiverState = "ready";

  /**
   * @param side StateServerSide or StateClientSide.
   * @param output Takes the pongs.
   * @param traffic Counts what comes.
   * @throws {RangeError} A limit is not a whole number from 0 on, or Infinity.
   */
  constructor(
    side: State,
    events: EndpointEvents,
    options: ReceiverOptions,
    closer: Closer,
    output: WriteBuffer,
    traffic: Traffic,
  ) {
    this.#events = events;
    this.#output = output;
    this.#closer = closer;
    this.#traffic = traffic;
    const extensions = recvChain(options.extensions ?? []);
    this.#isExtended = extensions !== undefined;
    this.#settings = settingsOf(this.#isExtended ? side | StateExtended : side, options);
    if (extensions === undefined) return;
    const { strictLength } = this.#settings;
    this.#assembly = new Assembly(
      new MessageAssembler(events, this, this.#settings, extensions, traffic),
      strictLength,
    );
  }

  /** Whether an extension works on a message, so that nothing is taken. */
  get isBusy(): boolean {
    return this.#state === "busy" || this.#state === "tellingBusy";
  }

  /** Whether a message has begun that is not complete. */
  get isInMessage(): boolean {
    return this.#assembly?.assembler.isInMessage === true;
  }

  /** As `Endpoint.receive`. */
  receive(chunk: Uint8Array, start: number, end?: number): number {
    end = checkRange(chunk, start, end, "chunk");
    const closer = this.#closer;
    if (!closer.isReading) return end;
    if (this.isTelling) throw new TypeError("receive() must not be called inside an event");
    if (this.#state === "busy") return start;
    // Assigned here and below without the table, since this runs for each chunk: a look-up costs more.
    this.#state = "telling";
    const { stage } = closer;
    try {
      this.#traffic.bytes += end - start;
      const assembly = (this.#assembly ??= this.#borrow());
      let taken = assembly.decoder.feed(chunk, start, end);
      // An event has closed. The peer's close frame is still wanted, and the rest of the chunk may hold it.
      if (closer.stage !== stage && closer.isReading) {
        taken = assembly.decoder.feed(chunk, taken, end);
      }
      if (assembly.isAtRest && !this.#isExtended) {
        this.#assembly = undefined;
        returnAssembly(assembly);
      }
      this.#traffic.bytes -= end - taken;
      // What follows a close frame is not read.
      return closer.isReading ? taken : end;
    } catch (error) {
      // If an event took the chunk away, an error in what was decoded after that is not the peer's fault.
      closer.failFor(
        chunk.length < end ? new TypeError("chunk was transferred inside an event") : error,
      );
      return end;
    } finally {
      if (this.#state === "telling") this.#state = "ready";
      else this.#move("told");
      // Last, because an error thrown there is no failure of the connection: it goes to the caller.
      closer.tell();
    }
  }

  /** Makes `receive` return after the present event. */
  stop(): void {
    this.#assembly?.decoder.stop();
  }

  /** As `Endpoint.setStreaming`. */
  setStreaming(isStreaming: boolean): void {
    const before = this.#state;
    this.#isStreaming = isStreaming;
    this.#move("tell");
    try {
      this.#assembly?.assembler.setStreaming(isStreaming);
    } catch (error) {
      this.#closer.failFor(error);
    } finally {
      if (before === "ready" || before === "busy") this.#move("told");
    }
    // An event has closed, which also ended the work that the user waits for.
    if (before === "busy" && this.#state === "ready" && this.#closer.isReading) {
      this.#closer.notify("onResume");
    }
  }

  /** Delivers no more messages. Frames are still checked, since the peer's close frame is wanted. */
  drop(): void {
    this.#isDropping = true;
    this.#assembly?.assembler.drop();
  }

  /** Stops waiting for an extension whose message was dropped. */
  stopWaiting(): void {
    const wasBusy = this.#state === "busy";
    this.#move("worked");
    // Inside an event, `receive` or `setStreaming` goes on without a call of `onResume`.
    if (wasBusy) this.#closer.notify("onResume");
  }

  /** Reads nothing more. */
  end(): void {
    this.stop();
    this.drop();
    this.#move("worked");
  }

  onControl(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === OpClose) {
      this.#receiveClose(bytes, start, end);
    } else if (opcode === OpPing) {
      if (this.#settings.answersPings && this.#closer.isOpen)
        this.#output.addPong(bytes, start, end);
      this.#events.onPing(bytes, start, end);
    } else {
      this.#events.onPong(bytes, start, end);
    }
  }

  onWork(): void {
    this.#move("work");
    this.stop();
  }

  onWorked(error: unknown): void {
    this.#move("worked");
    try {
      if (error !== undefined) this.#closer.failFor(error);
    } finally {
      this.#closer.notify("onResume");
    }
  }

  #borrow(): Assembly {
    const assembly = borrowAssembly(this.#events, this, this.#settings, this.#traffic);
    if (this.#isStreaming) assembly.assembler.setStreaming(true);
    if (this.#isDropping) assembly.assembler.drop();
    return assembly;
  }

  get isTelling(): boolean {
    return this.#state === "telling" || this.#state === "tellingBusy";
  }

  #move(event: ReceiverEvent): void {
    this.#state = transitions[this.#state][event] ?? this.#state;
  }

  #receiveClose(bytes: Uint8Array, start: number, end: number): void {
    const { status, reason } = parseCloseBody(bytes, start, end);
    if (end > start) checkCloseFrameData(status);
    this.#closer.receiveClose(
      { status: end > start ? status : StatusNoStatusRcvd, reason },
      copyOf(bytes, start, end),
    );
  }
}
