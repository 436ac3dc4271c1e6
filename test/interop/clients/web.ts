/**
 * The cases for every client that has the WebSocket class of the WHATWG standard.
 *
 * It runs in Node, in Deno and in Bun, so it uses nothing that one of them lacks.
 *
 * @module
 */

import type { Content, PlacedCase, Result } from "../cases.ts";

/** What the cases need of a WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  readonly extensions: string;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: CloseReport) => void) | null;
  onerror: ((event: object) => void) | null;
  send(data: string | Uint8Array): void;
  close(status?: number, reason?: string): void;
}

/** How a connection ended, as `close` events tell it. */
interface CloseReport {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** A WebSocket class, and what it can do beyond the standard. */
export interface Implementation {
  connect(url: string, offered: string[]): WebSocketLike;
  /** Sends a ping, and resolves with the payload of the pong. */
  ping?(ws: WebSocketLike, payload: Uint8Array): Promise<Uint8Array>;
  sendFragment?(ws: WebSocketLike, type: Content["type"], bytes: Uint8Array, fin: boolean): void;
}

const caseDeadline = 15_000;

/** Runs cases one after the other, each on its own connection. */
export async function* runCases(
  implementation: Implementation,
  cases: readonly PlacedCase[],
): AsyncGenerator<Result, void> {
  for (const one of cases) {
    const connection = new Connection(implementation, one);
    try {
      await withDeadline(runCase(connection, one));
      yield { case: one.name, ok: true, detail: "" };
    } catch (error) {
      yield { case: one.name, ok: false, detail: (error as Error).message };
      connection.ws.close();
    }
  }
}

async function withDeadline(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Not done within ${caseDeadline} ms`));
    }, caseDeadline);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function runCase(connection: Connection, one: PlacedCase): Promise<void> {
  await connection.opened;
  switch (one.action) {
    case "echo":
      connection.ws.send(contentOf(one));
      checkSame(await connection.nextMessage(), contentOf(one));
      break;
    case "fragments":
      connection.sendInFragments(one, one.chunk);
      checkSame(await connection.nextMessage(), contentOf(one));
      break;
    case "ping": {
      const payload = new TextEncoder().encode(one.payload);
      checkSame(await connection.ping(payload), payload);
      break;
    }
    case "subprotocol":
      checkEqual("protocol", connection.ws.protocol, one.agreed);
      break;
    case "extensions":
      checkEqual("extension", /^[^;]*/.exec(connection.ws.extensions)![0], one.agreed);
      break;
    case "many":
      for (let n = 0; n < one.count; n++) connection.ws.send(String(n));
      for (let n = 0; n < one.count; n++) checkSame(await connection.nextMessage(), String(n));
      break;
    case "closed":
      return connection.checkClosed(one.status, one.reason);
    case "close":
      return connection.close(one.status, one.reason);
  }
  await connection.close(1000, "");
}

/** A connection whose messages can be awaited. */
class Connection {
  readonly ws: WebSocketLike;
  readonly opened: Promise<void>;
  readonly #implementation: Implementation;
  readonly #closed: Promise<CloseReport>;
  readonly #messages: unknown[] = [];
  #wake: (() => void) | undefined;

  constructor(implementation: Implementation, one: PlacedCase) {
    const offered = one.action === "subprotocol" ? [...one.offered] : [];
    const ws = implementation.connect(
      one.action === "closed" ? `${one.url}close` : one.url,
      offered,
    );
    this.#implementation = implementation;
    this.ws = ws;
    ws.binaryType = "arraybuffer";
    ws.onmessage = ({ data }) => {
      this.#messages.push(data);
      this.#wake?.();
    };
    // What an error event tells comes again as a close event; without a listener ws would throw it.
    ws.onerror = () => undefined;
    this.#closed = new Promise((resolve) => {
      ws.onclose = resolve;
    });
    this.opened = new Promise((resolve, reject) => {
      ws.onopen = resolve;
      void this.#closed.then((report) => {
        reject(closedEarly(report));
      });
    });
  }

  /** The next message, as a string or as bytes. */
  async nextMessage(): Promise<unknown> {
    if (this.#messages.length === 0) {
      const came = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const early = await Promise.race([came, this.#closed]);
      if (early !== undefined) throw closedEarly(early);
    }
    const data = this.#messages.shift();
    return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  }

  sendInFragments(content: Content, size: number): void {
    const { sendFragment } = this.#implementation;
    if (sendFragment === undefined) throw new Error("This client sends no fragments");
    const whole = contentOf(content);
    const bytes = typeof whole === "string" ? new TextEncoder().encode(whole) : whole;
    for (let at = 0; at < bytes.length; at += size) {
      const end = Math.min(at + size, bytes.length);
      sendFragment(this.ws, content.type, bytes.subarray(at, end), end === bytes.length);
    }
  }

  ping(payload: Uint8Array): Promise<Uint8Array> {
    const { ping } = this.#implementation;
    if (ping === undefined) throw new Error("This client sends no pings");
    return ping(this.ws, payload);
  }

  /** Closes, and checks that the server closed with the same status and reason. */
  async close(status: number, reason: string): Promise<void> {
    this.ws.close(status, reason);
    await this.checkClosed(status, reason);
  }

  /** Waits for the end, and checks what the server's close frame said. */
  async checkClosed(status: number, reason: string): Promise<void> {
    const report = await this.#closed;
    checkEqual("status", report.code, status);
    checkEqual("reason", report.reason, reason);
    checkEqual("wasClean", report.wasClean, true);
    checkEqual("messages left over", this.#messages.length, 0);
  }
}

function closedEarly({ code, reason }: CloseReport): Error {
  return new Error(`Closed with ${code} ${reason} before the case was done`);
}

function contentOf(content: Content): string | Uint8Array {
  if (content.type === "text") return content.text.repeat(content.times);
  const bytes = new Uint8Array(content.size);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at % 251;
  return bytes;
}

function checkSame(actual: unknown, expected: string | Uint8Array): void {
  if (typeof expected === "string") {
    if (typeof actual !== "string") throw new Error("Expected text, got bytes");
    if (actual !== expected) throw new Error(`Text differs: ${actual.slice(0, 80)}`);
    return;
  }
  if (!(actual instanceof Uint8Array)) throw new Error("Expected bytes, got text");
  checkEqual("length", actual.length, expected.length);
  for (let at = 0; at < expected.length; at++) {
    if (actual[at] !== expected[at]) throw new Error(`Byte ${at} differs`);
  }
}

function checkEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual === expected) return;
  throw new Error(`Expected ${what} ${String(expected)}, got ${String(actual)}`);
}
