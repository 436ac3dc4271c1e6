import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint, type Side } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";
import { close, counted, toHex } from "../support/frames.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { EventTrace, FrameTrace } from "../support/trace.ts";

function newEndpoint(shift: ShiftOptions = {}, side: Side = "server") {
  const extension = new ShiftExtension(shift);
  const trace = new EventTrace();
  const endpoint = new Endpoint(side, trace, { extensions: openSessions(extension) });
  return { extension, endpoint, lines: trace.lines };
}

/** What has been sent, frame by frame: "text rsv 2 68656c". */
function sentLines({ output }: Endpoint): string[] {
  const writes: Uint8Array[] = [];
  for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
    writes.push(bytes.slice());
    output.giveBack();
  }
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(concat(writes));
  const lines: string[] = [];
  for (const line of trace.lines) {
    const header = /^(\w+) fin rsv (\d)/.exec(line);
    if (header !== null) lines.push(`${header[1]} rsv ${header[2]}`);
    else if (line !== "end") lines[lines.length - 1] += ` ${line}`;
  }
  return lines;
}

function wire(message: string): string {
  return toHex(shifted(encodeUtf8(message), 1));
}

describe("an endpoint that sends through an extension", () => {
  it.each(["server", "client"] as const)("marks what the extension has made, as a %s", (side) => {
    const { endpoint } = newEndpoint({}, side);
    endpoint.sendText("Hello €");
    endpoint.sendBinary(counted(3));
    endpoint.sendText("");
    expect(sentLines(endpoint)).toEqual([
      `text rsv 2 ${wire("Hello €")}`,
      "binary rsv 2 010203",
      "text rsv 2",
    ]);
  });

  it("leaves as it is what is not to be compressed, and control frames", () => {
    const { endpoint } = newEndpoint();
    endpoint.sendText("a", false);
    endpoint.sendBinary(counted(2), false);
    endpoint.sendPing(counted(1));
    endpoint.close(1000, "");
    expect(sentLines(endpoint)).toEqual([
      "text rsv 0 61",
      "binary rsv 0 0001",
      "ping rsv 0 00",
      "close rsv 0 03e8",
    ]);
  });

  it.each([100, 8 * 1024, 8 * 1024 + 1, 200_000])("takes a text of %i characters", (length) => {
    const { endpoint } = newEndpoint();
    endpoint.sendText("ä".repeat(length));
    expect(sentLines(endpoint)).toEqual([`text rsv 2 ${"c4a5".repeat(length)}`]);
  });

  it("keeps the order of messages behind one that takes a while; control frames go past", () => {
    const { endpoint, extension, lines } = newEndpoint({ slice: 4 });
    endpoint.sendText("abcdef");
    endpoint.sendText("g", false);
    const changed = Uint8Array.of(1, 2, 3, 4, 5);
    endpoint.sendBinary(changed);
    changed.fill(0);
    endpoint.sendPrepared(new PreparedMessage("h"));
    endpoint.sendPing(counted(1));
    expect(sentLines(endpoint)).toEqual(["ping rsv 0 00"]);
    extension.next();
    expect(lines).toEqual(["output"]);
    expect(sentLines(endpoint)).toEqual([`text rsv 2 ${wire("abcdef")}`, "text rsv 0 67"]);
    extension.next();
    expect(sentLines(endpoint)).toEqual(["binary rsv 2 0203040506", `text rsv 2 ${wire("h")}`]);
    expect(lines).toEqual(["output", "output"]);
  });

  it("counts what waits as unsent, until it is in the output", () => {
    const { endpoint, extension } = newEndpoint({ slice: 4 });
    endpoint.sendText("abcdef");
    endpoint.sendBinary(counted(3));
    expect(endpoint.output.unsent).toBe(9);
    extension.next();
    expect(endpoint.output.unsent).toBe(8 + 5);
    sentLines(endpoint);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("sends the close frame behind what waits", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    endpoint.sendText("abcdef");
    endpoint.sendText("ghi");
    endpoint.close(1001, "");
    expect([sentLines(endpoint), endpoint.state]).toEqual([[], "closeSent"]);
    while (extension.waiting.length > 0) extension.next();
    expect(sentLines(endpoint)).toEqual([
      `text rsv 2 ${wire("abcdef")}`,
      `text rsv 2 ${wire("ghi")}`,
      "close rsv 0 03e9",
    ]);
  });

  it("drops what waits when the peer closes, and answers", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 }, "client");
    endpoint.sendText("abcdef");
    endpoint.sendText("ghi");
    endpoint.receive(close(1000));
    expect(sentLines(endpoint)).toEqual(["close rsv 0 03e8"]);
    expect(endpoint.output.unsent).toBe(0);
    extension.next();
    expect(sentLines(endpoint)).toEqual([]);
  });

  it("drops what waits, and not its close frame, when both sides close", () => {
    const { endpoint } = newEndpoint({ slice: 2 }, "client");
    endpoint.sendText("abcdef");
    endpoint.close(1001, "");
    endpoint.receive(close(1000));
    expect(sentLines(endpoint)).toEqual(["close rsv 0 03e9"]);
    expect(endpoint.closure).toMatchObject({ clean: true, status: 1000, initiator: "local" });
  });

  it("fails the connection with 1011 where the extension fails later", () => {
    const { endpoint, extension, lines } = newEndpoint({ slice: 2 });
    endpoint.sendText("abcdef");
    extension.error = new Error("broken");
    extension.next();
    expect(lines).toEqual(["fail Error: broken"]);
    expect(sentLines(endpoint)).toEqual(["close rsv 0 03f3"]);
    expect([endpoint.isClosed, extension.closed]).toEqual([true, 1]);
  });
});

/** What has been sent, with FIN: "text more 6f6e65", "continuation fin 6f". */
function fragments({ output }: Endpoint): string[] {
  const writes: Uint8Array[] = [];
  for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
    writes.push(bytes.slice());
    output.giveBack();
  }
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(concat(writes));
  const lines: string[] = [];
  for (const line of trace.lines) {
    const header = /^(\w+) (fin|more) rsv (\d)/.exec(line);
    if (header !== null) lines.push(`${header[1]} ${header[2]} ${header[3]}`);
    else if (line !== "end") lines[lines.length - 1] += ` ${line}`;
  }
  return lines;
}

const bytesOf = (word: string): Uint8Array => encodeUtf8(word);

describe("a message that is sent in pieces", () => {
  function plainEndpoint(): { endpoint: Endpoint; lines: string[] } {
    const trace = new EventTrace();
    return { endpoint: new Endpoint("server", trace), lines: trace.lines };
  }

  it("is a frame for each piece, and an empty one at its end where there is nothing left", () => {
    const { endpoint } = plainEndpoint();
    expect(endpoint.isFree).toBe(true);
    endpoint.beginMessage(OpText);
    expect(endpoint.isFree).toBe(false);
    expect(endpoint.sendPiece(bytesOf("ab"), false)).toBe(true);
    expect(endpoint.sendPiece(bytesOf(""), false)).toBe(true);
    expect(endpoint.sendPiece(bytesOf("c"), false)).toBe(true);
    expect(endpoint.sendPiece(bytesOf(""), true)).toBe(true);
    expect(endpoint.isFree).toBe(true);
    endpoint.beginMessage(OpBinary);
    endpoint.sendPiece(bytesOf("d"), true);
    expect(fragments(endpoint)).toEqual([
      "text more 0 6162",
      "continuation more 0 63",
      "continuation fin 0",
      "binary fin 0 64",
    ]);
    expect(endpoint.sent).toMatchObject({ messages: 2, payload: 4, frames: 4 });
  });

  it("holds back what is sent meanwhile, but for control frames", () => {
    const { endpoint } = plainEndpoint();
    endpoint.beginMessage(OpText);
    endpoint.sendPiece(bytesOf("a"), false);
    endpoint.sendText("text");
    endpoint.sendText("x".repeat(9000));
    endpoint.sendBinary(bytesOf("bin"));
    endpoint.sendPrepared(new PreparedMessage("prepared"));
    endpoint.sendPing(bytesOf("p"));
    expect(endpoint.output.unsent).toBeGreaterThan(9000);
    endpoint.sendPiece(bytesOf("b"), true);
    const lines = fragments(endpoint).map((line) => line.slice(0, 40));
    expect(lines).toEqual([
      "text more 0 61",
      "ping fin 0 70",
      "continuation fin 0 62",
      `text fin 0 ${toHex(bytesOf("text"))}`,
      `text fin 0 ${"78".repeat(15)}`.slice(0, 40),
      `binary fin 0 ${toHex(bytesOf("bin"))}`,
      `text fin 0 ${toHex(bytesOf("prepared"))}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
    expect(endpoint.sent.messages).toBe(5);
  });

  it("is given up, with what waits behind it, where this side closes", () => {
    const { endpoint } = plainEndpoint();
    endpoint.beginMessage(OpText);
    endpoint.sendPiece(bytesOf("a"), false);
    endpoint.sendText("waiting");
    endpoint.close(1000, "");
    expect(endpoint.sendPiece(bytesOf("b"), true)).toBe(true);
    expect(fragments(endpoint)).toEqual(["text more 0 61", "close fin 0 03e8"]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("goes through the extensions piece by piece, and is marked at its first frame", () => {
    const { endpoint } = newEndpoint();
    endpoint.beginMessage(OpText);
    endpoint.sendPiece(bytesOf("one"), false);
    endpoint.sendPiece(bytesOf("two"), true);
    endpoint.sendText("after");
    expect(fragments(endpoint)).toEqual([
      `text more 2 ${wire("one")}`,
      `continuation fin 0 ${wire("two")}`,
      `text fin 2 ${wire("after")}`,
    ]);
  });

  it("leaves extensions aside where it is not to be compressed", () => {
    const { endpoint } = newEndpoint();
    endpoint.beginMessage(OpText, false);
    endpoint.sendPiece(bytesOf("one"), true);
    expect(fragments(endpoint)).toEqual([`text fin 0 ${toHex(bytesOf("one"))}`]);
  });

  it("says where an extension takes its time, and when the next piece may follow", () => {
    const { endpoint, extension, lines } = newEndpoint({ slice: 2 });
    endpoint.beginMessage(OpText);
    expect(endpoint.sendPiece(bytesOf("one"), false)).toBe(false);
    endpoint.sendText("behind");
    while (!lines.includes("output")) extension.next();
    expect(endpoint.sendPiece(bytesOf("two"), true)).toBe(false);
    for (let i = 0; i < 20; i++) extension.next();
    expect(fragments(endpoint)).toEqual([
      `text more 2 ${wire("one")}`,
      `continuation fin 0 ${wire("two")}`,
      `text fin 2 ${wire("behind")}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("is given up while an extension is at work on it", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    endpoint.beginMessage(OpText);
    endpoint.sendPiece(bytesOf("one"), false);
    endpoint.close(1000, "");
    for (let i = 0; i < 5; i++) extension.next();
    expect(fragments(endpoint)).toEqual(["close fin 0 03e8"]);
    expect(endpoint.output.unsent).toBe(0);
  });
});
