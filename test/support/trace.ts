import type { EndpointEvents, MessageEvents } from "../../src/endpoint/endpoint-events.ts";
import type { AssemblerOwner } from "../../src/endpoint/message.ts";
import type { FrameSink } from "../../src/frame/decoder.ts";
import { type Header, maskKeyBytes } from "../../src/frame/header.ts";
import { toHex } from "./frames.ts";

const names: Readonly<Record<number, string>> = {
  0x0: "continuation",
  0x1: "text",
  0x2: "binary",
  0x8: "close",
  0x9: "ping",
  0xa: "pong",
};

function nameOf(opcode: number): string {
  return names[opcode] ?? `opcode ${opcode}`;
}

/** A header in one line, such as "text fin rsv 0 mask 37fa213d length 5". */
export function headerLine(header: Header): string {
  const mask = header.masked ? toHex(maskKeyBytes(header.maskKey)) : "none";
  const fin = header.fin ? "fin" : "more";
  return `${nameOf(header.opcode)} ${fin} rsv ${header.rsv} mask ${mask} length ${header.length}`;
}

/** Writes down frames: header, payload as one line of hexadecimal digits however it was cut, "end". */
export class FrameTrace implements FrameSink {
  readonly lines: string[] = [];
  #inPayload = false;

  frameHeader(header: Header): void {
    this.#inPayload = false;
    this.lines.push(headerLine(header));
  }

  framePayload(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) this.lines.push(`empty piece ${start} ${end}`);
    const digits = toHex(bytes, start, end);
    if (this.#inPayload) this.lines[this.lines.length - 1] += digits;
    else this.lines.push(digits);
    this.#inPayload = true;
  }

  frameEnd(): void {
    this.#inPayload = false;
    this.lines.push("end");
  }
}

/** Writes down messages: "text Hello", "binary 0102", "ping 00". */
export class MessageTrace implements MessageEvents, AssemblerOwner {
  readonly lines: string[] = [];
  /** Of each binary message: the array it came in, and whether that was given away. */
  readonly binaries: { readonly bytes: Uint8Array; readonly isOwned: boolean }[] = [];

  onText(data: string): void {
    this.lines.push(`text ${data}`);
  }

  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.lines.push(`binary ${toHex(bytes, start, end)}`);
    this.binaries.push({ bytes, isOwned });
  }

  onMessageBegin(isText: boolean): void {
    this.lines.push(isText ? "begin text" : "begin binary");
  }

  onMessagePiece(bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`piece ${toHex(bytes, start, end)}`);
  }

  onMessageEnd(): void {
    this.lines.push("end");
  }

  onControl(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`${nameOf(opcode)} ${toHex(bytes, start, end)}`);
  }

  onWork(): void {
    this.lines.push("stopped");
  }

  onWorked(error?: unknown): void {
    this.lines.push(error === undefined ? "resumed" : `resumed ${codeOf(error)}`);
  }
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string }).code ?? String(error);
}

/** Writes down what an endpoint tells: messages as {@link MessageTrace} does, and "fail INVALID_UTF8". */
export class EventTrace implements EndpointEvents {
  readonly lines: string[] = [];

  onMessageBegin(isText: boolean): void {
    this.lines.push(isText ? "begin text" : "begin binary");
  }

  onMessagePiece(bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`piece ${toHex(bytes, start, end)}`);
  }

  onMessageEnd(): void {
    this.lines.push("end");
  }

  onText(data: string): void {
    this.lines.push(`text ${data}`);
  }

  onBinary(bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`binary ${toHex(bytes, start, end)}`);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`ping ${toHex(bytes, start, end)}`);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.lines.push(`pong ${toHex(bytes, start, end)}`);
  }

  onFail(error: unknown): void {
    this.lines.push(`fail ${codeOf(error)}`);
  }

  onResume(): void {
    this.lines.push("resume");
  }

  onOutput(): void {
    this.lines.push("output");
  }
}

/** Who is told of nothing, and throws what an endpoint fails with. */
export const silentEvents: EndpointEvents = {
  onText() {},
  onBinary() {},
  onPing() {},
  onPong() {},
  onFail(error) {
    throw error;
  },
  onResume() {},
  onOutput() {},
};
