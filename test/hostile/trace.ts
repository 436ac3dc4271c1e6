import { Buffer } from "node:buffer";
import { expect } from "vitest";
import { latin1, noBytes } from "../../src/bytes.ts";
import { DialError } from "../../src/errors.ts";
import { type Case, type Outcome, type Role, show, showClose } from "./support.ts";

/** Everything that can be seen of one connection from outside the library. */
export interface Trace {
  readonly status: number;
  /** Names in lower case; several with one name are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a response other than 101, sent or received. */
  readonly body: string;
  readonly events: readonly string[];
  readonly replies: readonly string[];
  readonly end: Outcome["end"];
}

const opcodeNames: Readonly<Record<number, string>> = {
  1: "text",
  2: "binary",
  9: "ping",
  10: "pong",
};
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether the payload of a ping or pong, which may be anything, can be shown as text. */
function isUtf8(payload: Uint8Array): boolean {
  try {
    strictDecoder.decode(payload);
    return true;
  } catch {
    return false;
  }
}

/** Shows one frame; what nobody may send throws. */
function showFrame(opcode: number, payload: Uint8Array): string {
  if (opcode === 8) {
    if (payload.length === 0) return showClose();
    return showClose(payload[0]! * 256 + payload[1]!, strictDecoder.decode(payload.subarray(2)));
  }
  const name = opcodeNames[opcode];
  if (name === undefined) throw new Error(`Opcode ${opcode} was sent`);
  const isText = opcode === 1 || (opcode !== 2 && isUtf8(payload));
  return `${name} ${show(isText ? strictDecoder.decode(payload) : payload)}`;
}

/** Reads the frames of a server or a client as RFC 6455, 5.2 has them. */
export function showFrames(bytes: Uint8Array, sender: Role = "server"): string[] {
  const shown: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const maskBit = sender === "client" ? 0x80 : 0;
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    if ((first & 0xf0) !== 0x80 || (second & 0x80) !== maskBit)
      throw new Error(`The ${sender} sent a bad header: ${first}, ${second}`);
    const short = second & 0x7f;
    const keyAt = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const start = keyAt + maskBit / 0x20;
    const length =
      short < 126
        ? short
        : short === 126
          ? view.getUint16(at + 2)
          : Number(view.getBigUint64(at + 2));
    if (length > bytes.length - start) throw new Error(`The ${sender} sent a part of a frame`);
    const payload = bytes.slice(start, start + length);
    if (maskBit > 0) {
      for (let i = 0; i < length; i++) payload[i]! ^= bytes[keyAt + (i & 3)]!;
    }
    shown.push(showFrame(first & 15, payload));
    at = start + length;
  }
  return shown;
}

/** Where the empty line begins that ends a head; -1 where there is none. */
function headEndOf(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("\r\n\r\n");
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(": ");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 2);
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

/** Reads what came back to a client. */
function traceOfServer(output: Uint8Array, events: readonly string[], end: Outcome["end"]): Trace {
  const headEnd = headEndOf(output);
  if (headEnd < 0) {
    const body = latin1(output, 0, output.length);
    return { status: 0, headers: {}, body, events, replies: [], end };
  }
  const [statusLine, ...lines] = latin1(output, 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine!)?.[1]);
  const rest = output.slice(headEnd + 4);
  const isOpen = status === 101;
  const body = isOpen ? "" : latin1(rest, 0, rest.length);
  const headers = headersOf(lines);
  return { status, headers, body, events, replies: isOpen ? showFrames(rest) : [], end };
}

/** Reads what came back to a server, behind the request, and what the client's attempt failed with. */
function traceOfClient(
  output: Uint8Array,
  events: readonly string[],
  end: Outcome["end"],
  failure: unknown,
): Trace {
  const headEnd = headEndOf(output);
  const isOpen = events.includes("open");
  const error = failure instanceof DialError ? failure : undefined;
  return {
    status: isOpen ? 101 : (error?.status ?? 0),
    headers: headersOf(error?.headers.map((pair) => pair.join(": ")) ?? []),
    body: latin1(error?.body ?? noBytes, 0, error?.body.length ?? 0),
    events,
    replies: headEnd < 0 ? [] : showFrames(output.slice(headEnd + 4), "client"),
    end,
  };
}

/** What came of an input, not yet read. */
export interface Played {
  /** All that framewire sent. */
  readonly output: Uint8Array;
  readonly events: readonly string[];
  readonly end: Outcome["end"];
  /** What a client's attempt failed with, where it did. */
  readonly failure?: unknown;
}

/** Reads what came back to the peer. */
export function traceOf(role: Role, { output, events, end, failure }: Played): Trace {
  if (role === "server") return traceOfServer(output, events, end);
  return traceOfClient(output, events, end, failure);
}

/** Compares a trace with what the battery wants, and checks what holds for every connection. */
export function expectOutcome(trace: Trace, { outcome, role }: Case): void {
  const { status, events, replies, end } = trace;
  expect({ status, events, replies, end }).toEqual({
    status: outcome.status,
    events: outcome.events,
    replies: outcome.replies,
    end: outcome.end,
  });
  expectOneEnd(events);
  // A response that frames itself otherwise than by its length would let what follows be read as another one.
  if (role === "server" && status > 101)
    expect(trace.headers["content-length"]).toBe(String(trace.body.length));
  if (outcome.body !== undefined) expect(trace.body).toBe(outcome.body);
  // A client shows no headers of a response that it takes.
  if (role === "client" && status === 101) return;
  for (const [name, value] of Object.entries(outcome.headers)) {
    expect([name, trace.headers[name] ?? null]).toEqual([name, value]);
  }
}

/** One terminal event, the last one: `close` for each `open`, or one `refused`. */
export function expectOneEnd(events: readonly string[]): void {
  const ends = events.filter((event) => /^(close|refused) /.test(event));
  expect(ends).toHaveLength(1);
  expect(events.at(-1)).toBe(ends[0]);
  expect(events.filter((event) => event === "open")).toHaveLength(
    ends[0]!.startsWith("close") ? 1 : 0,
  );
}
