import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { close, frame } from "../support/frames.ts";
import { upgradeRequest } from "../support/peer.ts";
import type { Raw } from "./actions.ts";
import { contentOf, type Data, joined } from "./content.ts";
import type { Entry } from "./journal.ts";
import type { Side } from "./side.ts";

/*
 * A client that speaks frames by itself, and not always as it should: it cuts messages into fragments and pings in
 * between, lets bytes drip, stops in the middle, breaks rules. What it sends and gets is noted as that of a client.
 */

/** What a peer must not send. */
const violations: readonly Uint8Array[] = [
  frame(0x3, "", { masked: true }),
  frame(0x1, "x", { masked: false }),
  frame(0x9, "x".repeat(126), { masked: true }),
  frame(0x1, "x", { masked: true, rsv: 4 }),
];

/** Of a pong that nobody has asked for; side.ts passes over what begins so. */
const unasked = "fw-unasked";

/** A write of so many bytes drips; a longer one would take too many turns. */
const mostToDrip = 60;

export class RawPeer implements TransportHandler {
  readonly #side: Side;
  readonly #transport: Transport;
  /** Whether it closes when it is asked to, and ends its stream when the server does. */
  readonly #isPolite: boolean;
  #received: Uint8Array = new Uint8Array(0);
  #isOpen = false;
  #pieces: Uint8Array[] = [];
  #isText = false;
  /** Whether nothing that it sends makes sense any more. */
  #isLost = false;
  #hasClosed = false;
  #under: { readonly entry: Entry; readonly pieces: Data[] } | undefined;
  #writing: Promise<void> = Promise.resolve();
  #drained: (() => void) | undefined;
  #count = 0;

  constructor(side: Side, transport: Transport, isPolite: boolean) {
    this.#side = side;
    this.#transport = transport;
    this.#isPolite = isPolite;
    transport.handler = this;
    this.#send(upgradeRequest());
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isLost && !this.#hasClosed;
  }

  /** Whether it is in the middle of a message, or of a frame. */
  get isInside(): boolean {
    return this.#isLost || this.#under !== undefined;
  }

  act(action: Raw): void {
    if (!this.isOpen) return;
    switch (action.what) {
      case "message":
      case "begin":
        this.#message(action);
        return;
      case "ping": {
        const payload = `cping${this.#count++}`;
        this.#side.sending.pings = [...this.#side.sending.pings, payload];
        this.#send(frame(0x9, payload, { masked: true }));
        return;
      }
      case "pong":
        this.#send(frame(0xa, unasked, { masked: true }));
        return;
      case "half":
        this.#half();
        return;
      case "bad":
        this.#send(violations[action.sizes.length % violations.length]!);
        this.#isLost = true;
        return;
      case "close":
        this.close();
        return;
      case "deaf":
        this.#transport.pause();
        void this.#side.after(5).then(() => {
          this.#transport.resume();
        });
    }
  }

  /** Begins the closing handshake, where that still makes sense; ends the stream otherwise. */
  close(): void {
    if (this.#hasClosed) return;
    this.#side.ownEnd ??= { at: this.#side.journal.stamp(), how: "close frame" };
    this.#side.hasCutShort = true;
    if (this.#isLost) {
      this.#transport.end();
      return;
    }
    this.#hasClosed = true;
    this.#send(close(1000, "", { masked: true }));
  }

  onData(chunk: Uint8Array): void {
    this.#received = concat([this.#received, chunk]);
    if (!this.#isOpen) {
      const end = latin1(this.#received, 0, this.#received.length).indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#isOpen = true;
      this.#received = this.#received.slice(end + 4);
    }
    while (this.#readFrame());
  }

  onDrain(): void {
    this.#drained?.();
  }

  onEnd(): void {
    this.#isLost = true;
    if (this.#isPolite) this.#transport.end();
  }

  onClose(): void {
    this.#isLost = true;
    this.#drained?.();
  }

  /** Sends a part of a frame, behind which nothing makes sense. */
  #half(): void {
    const opcode = this.#under === undefined ? 0x2 : 0x0;
    const { entry, pieces } = this.#under ?? this.#begin(false);
    const part = "half of it";
    pieces.push(entry.text ? part : encodeUtf8(part));
    entry.data = joined(pieces, entry.text);
    this.#send(frame(opcode, part, { masked: true, length: 100 }));
    this.#isLost = true;
  }

  /** Sends a message in as many fragments as it has pieces, or the first ones of it. */
  #message({ what, sizes, text, mixing, drip }: Raw): void {
    const under = this.#under ?? this.#begin(text);
    const { entry, pieces } = under;
    const all = sizes.length === 0 ? [0] : sizes;
    const frames = all.flatMap((size, index) => {
      const label = `${entry.label}.${pieces.length}`;
      const piece = contentOf({ label, size, text: entry.text, noise: false });
      const opcode = pieces.length > 0 ? 0x0 : entry.text ? 0x1 : 0x2;
      pieces.push(piece);
      const fin = what === "message" && index === all.length - 1;
      const fragment = frame(opcode, piece, { masked: true, fin });
      return mixing ? [frame(0xa, unasked, { masked: true }), fragment] : [fragment];
    });
    entry.data = joined(pieces, entry.text);
    const isLast = what === "message";
    this.#under = isLast ? undefined : under;
    this.#send(concat(frames), drip, () => {
      if (isLast) entry.completedAt = this.#side.journal.stamp();
    });
  }

  #begin(text: boolean): { readonly entry: Entry; readonly pieces: Data[] } {
    const at = this.#side.journal.stamp();
    const entry: Entry = {
      label: `c${++this.#count}`,
      text,
      data: joined([], text),
      placedFrom: at,
      placedTo: at,
      completedAt: Infinity,
      isVoid: false,
      isRefused: false,
    };
    this.#side.sending.entries.push(entry);
    return { entry, pieces: [] };
  }

  /** Sends bytes behind those before, at once, or a few in each turn. */
  #send(bytes: Uint8Array, drip = false, sent: () => void = () => {}): void {
    this.#writing = this.#writing.then(async () => {
      const step = drip && bytes.length <= mostToDrip ? 3 : Math.max(1, bytes.length);
      for (let at = 0; at < bytes.length; at += step) {
        await this.#write(bytes.slice(at, at + step));
        if (step < bytes.length) await this.#side.after(1);
      }
      sent();
    });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#transport.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Reads a frame of the server, which is never masked, where all of it is there. */
  #readFrame(): boolean {
    const bytes = this.#received;
    if (bytes.length < 2) return false;
    const short = bytes[1]! & 0x7f;
    const form = short < 126 ? 0 : short === 126 ? 2 : 8;
    if (bytes.length < 2 + form) return false;
    let length = form === 0 ? short : 0;
    for (const byte of bytes.subarray(2, 2 + form)) length = length * 256 + byte;
    const end = 2 + form + length;
    if (bytes.length < end) return false;
    this.#received = bytes.slice(end);
    this.#take(bytes[0]!, bytes.slice(2 + form, end));
    return true;
  }

  #take(first: number, payload: Uint8Array): void {
    const opcode = first & 0x0f;
    const { journal, pongsSeen, pingsSeen, receipts } = this.#side;
    journal.stamp();
    if (opcode === 0x8) this.#answerClose();
    else if (opcode === 0xa) pongsSeen.push(latin1(payload, 0, payload.length));
    else if (opcode === 0x9) {
      const text = latin1(payload, 0, payload.length);
      if (!text.startsWith("fw")) pingsSeen.push(text);
      if (this.isOpen) this.#send(frame(0xa, payload, { masked: true }));
    } else {
      if (opcode !== 0) this.#isText = opcode === 0x1;
      if ((opcode !== 0) !== (this.#pieces.length === 0)) {
        journal.found("client: a message begins inside of another one, or goes on without one");
      }
      this.#pieces.push(payload);
      if ((first & 0x80) === 0) return;
      const whole = concat(this.#pieces);
      const data = this.#isText ? new TextDecoder().decode(whole) : whole;
      receipts.push({ at: journal.stamp(), state: "whole", text: this.#isText, data });
      this.#pieces = [];
    }
  }

  #answerClose(): void {
    if (this.#hasClosed || this.#isLost || !this.#isPolite) return;
    this.#hasClosed = true;
    this.#send(close(1000, "", { masked: true }));
  }
}
