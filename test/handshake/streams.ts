import {
  memoryPair,
  type MemoryOptions,
  type MemoryTransport,
} from "../../adapters/memory/index.ts";
import { concat, encodeUtf8, latin1, writeLatin1 } from "../../src/bytes.ts";
import { Deadlines } from "../../src/clock.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import { TransportStream } from "../../src/io/transport-stream.ts";
import type { TransportHandler } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { exampleKey } from "../support/peer.ts";

/** A text's bytes, one a character. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

export function textOf(...parts: readonly Uint8Array[]): string {
  const whole = concat(parts);
  return latin1(whole, 0, whole.length);
}

/** A valid request for `target`, with lines behind the usual ones. */
export function requestFor(target: string, ...lines: readonly string[]): Uint8Array {
  const usual = [
    `GET ${target} HTTP/1.1`,
    "Host: a.example",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${exampleKey}`,
  ];
  return latin1Bytes([...usual, ...lines, "", ""].join("\r\n"));
}

/** The lines of the answer to a valid request, up to the accept value. */
export const switching = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/** Blanks that RFC 6455, 9.1 implies around `,`, `;` and `=` (RFC 2616, 2.1), in a value as it is on the wire. */
export const spacedExtensions = [
  "x; y=12",
  "x; y =12",
  "x; y= 12",
  "x; y = 12",
  "x; y\t=\t12",
  "x;y \t = \t 12",
  "x ; y = 12",
  'x; y = "12"',
  "x; y = 12 ,",
  ", ,x \t;\ty  =  12\t,",
];

/** Blanks where none may be, and other white space. */
export const misspacedExtensions = [
  "x; y 12",
  "x y; y=12",
  "x; y = 1 2",
  "x; y = ",
  "x; y =",
  "x; = 12",
  'x; y = "1 2"',
  'x; y = " 12"',
  "x; y =\u00A012",
];

/** The key of a client's request. */
export function keyIn(request: string): string {
  return /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)?.[1] ?? "";
}

/** A right answer to a client's request, with lines behind the usual ones. */
export function answerTo(request: string, ...lines: readonly string[]): Uint8Array {
  const usual = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(keyIn(request))}`,
  ];
  return encodeUtf8([...usual, ...lines, "", ""].join("\r\n"));
}

/** What comes when all pieces have been read: the end, an error, or nothing until the stream is closed. */
export type Ending = "end" | "open" | Error;

/** What a peer sends: pieces, or an answer to what has been written when the first byte is read. */
export type Script = readonly Uint8Array[] | ((written: string) => readonly Uint8Array[]);

/** A stream that gives one piece a read, now at once and now later, and counts how often it is closed. */
export class ScriptedStream implements ByteStream {
  readonly written: Uint8Array[] = [];
  closes = 0;
  readonly #script: Script;
  readonly #ending: Ending;
  #pieces: Uint8Array[] | undefined;
  #reads = 0;
  #release: () => void = () => {};

  constructor(script: Script = [], ending: Ending = "open") {
    this.#script = script;
    this.#ending = ending;
  }

  /** All that was written. */
  get text(): string {
    return textOf(...this.written);
  }

  read(into: Uint8Array): number | Promise<number> {
    const { text } = this;
    this.#pieces ??= [
      ...(typeof this.#script === "function" ? this.#script(text) : this.#script),
    ].filter((bytes) => bytes.length > 0);
    const piece = this.#pieces.shift();
    if (piece === undefined) return this.#end();
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    return this.#reads++ % 2 === 0 ? count : Promise.resolve(count);
  }

  #end(): number | Promise<number> {
    if (this.#ending === "end" || this.closes > 0) return 0;
    if (this.#ending !== "open") return Promise.reject(this.#ending);
    return new Promise((resolve) => {
      this.#release = () => {
        resolve(0);
      };
    });
  }

  write(from: Uint8Array): number {
    this.written.push(from.slice());
    return from.length;
  }

  close(): void {
    this.closes++;
    this.#release();
  }
}

/** The other end of a stream: it writes down what comes, and ends when the stream does. */
export class Remote implements TransportHandler {
  readonly transport: MemoryTransport;
  #chunks: Uint8Array[] = [];
  hasEnded = false;

  constructor(transport: MemoryTransport) {
    this.transport = transport;
    transport.handler = this;
  }

  get text(): string {
    return textOf(...this.#chunks);
  }

  send(...parts: readonly Uint8Array[]): void {
    const bytes = concat(parts);
    this.transport.write(bytes);
  }

  onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
  }

  onDrain(): void {}

  onEnd(): void {
    this.hasEnded = true;
    this.transport.end();
  }

  onClose(): void {}
}

/** A stream over a network in memory, with time of its own. */
export function network(options?: MemoryOptions): {
  readonly stream: TransportStream;
  readonly remote: Remote;
  readonly clock: FakeClock;
  readonly deadlines: Deadlines;
} {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const [ours, theirs] = memoryPair(options);
  return {
    stream: new TransportStream(ours, { deadlines }),
    remote: new Remote(theirs),
    clock,
    deadlines,
  };
}

/** What a promise came to, so that errors can be compared like results. */
export async function settled<Value>(
  promise: Promise<Value>,
): Promise<{ readonly value?: Value; readonly error?: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}
