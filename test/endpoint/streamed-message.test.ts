import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, noBytes } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions, type Side } from "../../src/endpoint/endpoint.ts";
import type { StreamedMessage } from "../../src/endpoint/streamed-message.ts";
import { ClosedError } from "../../src/errors.ts";
import type { SendExtension, Transform } from "../../src/extension/extension.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";
import { seededBytes, seededRandom } from "../support/cuts.ts";
import { close, counted, toHex } from "../support/frames.ts";
import { detached } from "../support/ranges.ts";
import { drain, frameLines, listen, sentFrames } from "../support/sent.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

function plainEndpoint(
  side: Side = "server",
  options?: EndpointOptions,
): { endpoint: Endpoint; lines: string[] } {
  const trace = new EventTrace();
  return { endpoint: new Endpoint(side, trace, options), lines: trace.lines };
}

function extendedEndpoint(shift: ShiftOptions = {}, side: Side = "server") {
  const extension = new ShiftExtension(shift);
  const options = { extensions: openSessions(extension) };
  return { extension, ...plainEndpoint(side, options) };
}

/** What a peer of an endpoint with such an extension, or without one, is told of bytes. */
function receivedBy(side: Side, bytes: Uint8Array, isExtended: boolean): string[] {
  const extensions = isExtended ? openSessions(new ShiftExtension()) : [];
  const { endpoint, lines } = plainEndpoint(side, { extensions });
  endpoint.receive(bytes.slice());
  return lines;
}

const bytesOf = (word: string): Uint8Array => encodeUtf8(word);
const plain = (word: string): string => toHex(bytesOf(word));
const wire = (word: string): string => toHex(shifted(bytesOf(word), 1));

describe("a message that is sent in pieces", () => {
  it("is a frame for each piece, and an empty one at its end if nothing is left", () => {
    const { endpoint } = plainEndpoint();
    const first = endpoint.beginMessage(OpText);
    expect(first.write(bytesOf("ab"))).toBe(true);
    expect(endpoint.isFree).toBe(false);
    expect(first.write(bytesOf(""))).toBe(true);
    expect(first.write(bytesOf("c"))).toBe(true);
    expect([first.isEnded, first.isReady]).toEqual([false, true]);
    expect(first.write(bytesOf(""), true)).toBe(true);
    expect([first.isEnded, first.isReady, endpoint.isFree]).toEqual([true, true, true]);
    endpoint.newStreamedMessage(OpBinary, true).write(bytesOf("d"), true);
    expect(sentFrames(endpoint)).toEqual([
      "text more 0 6162",
      "continuation more 0 63",
      "continuation fin 0",
      "binary fin 0 64",
    ]);
    expect(endpoint.sent).toMatchObject({ messages: 2, payload: 4, frames: 4 });
  });

  it("takes its place at its first piece, before that call returns, and not when it begins", () => {
    const { endpoint } = plainEndpoint();
    const message = endpoint.newStreamedMessage(OpText, true);
    expect(endpoint.isFree).toBe(true);
    endpoint.sendText("in front");
    message.write(bytesOf(""));
    endpoint.sendText("behind");
    message.write(bytesOf("piece"), true);
    expect(sentFrames(endpoint)).toEqual([
      `text fin 0 ${plain("in front")}`,
      `text fin 0 ${plain("piece")}`,
      `text fin 0 ${plain("behind")}`,
    ]);
  });

  it("copies what waits, so that the bytes may be changed as soon as a call returns", () => {
    const { endpoint } = plainEndpoint();
    const first = endpoint.newStreamedMessage(OpText, true);
    first.write(bytesOf("a"));
    const second = endpoint.newStreamedMessage(OpText, true);
    const bytes = bytesOf("b");
    second.write(bytes, true);
    bytes.fill(0);
    first.write(noBytes, true);
    expect(sentFrames(endpoint).at(-1)).toBe("text fin 0 62");
  });

  it("refuses pieces after its end", () => {
    const { endpoint } = plainEndpoint();
    const done = endpoint.newStreamedMessage(OpText, true);
    done.write(bytesOf("a"), true);
    expect(() => done.write(bytesOf("b"))).toThrow(TypeError);
    const front = endpoint.newStreamedMessage(OpText, true);
    front.write(bytesOf("c"));
    const waiting = endpoint.newStreamedMessage(OpText, true);
    waiting.write(bytesOf("d"), true);
    expect(() => waiting.write(bytesOf("e"), true)).toThrow(TypeError);
    front.write(noBytes, true);
    expect(sentFrames(endpoint)).toEqual([
      "text fin 0 61",
      "text more 0 63",
      "continuation fin 0",
      "text fin 0 64",
    ]);
  });

  it("goes through the extensions piece by piece, and is marked at its first frame", () => {
    const { endpoint } = extendedEndpoint();
    const message = endpoint.newStreamedMessage(OpText, true);
    message.write(bytesOf("one"));
    message.write(bytesOf("two"), true);
    endpoint.sendText("after");
    expect(sentFrames(endpoint)).toEqual([
      `text more 2 ${wire("one")}`,
      `continuation fin 0 ${wire("two")}`,
      `text fin 2 ${wire("after")}`,
    ]);
  });

  it("does not go through extensions if it is not to be compressed", () => {
    const { endpoint } = extendedEndpoint();
    endpoint.newStreamedMessage(OpText, false).write(bytesOf("one"), true);
    expect(sentFrames(endpoint)).toEqual([`text fin 0 ${plain("one")}`]);
  });

  it("begins with the first frame that an extension makes of it, however many pieces that takes", () => {
    // It keeps all back until the end, as a compressor may.
    const kept: Uint8Array[] = [];
    const transform: Transform = {
      write(bytes, start, end, isLast, into) {
        kept.push(bytes.slice(start, end));
        if (isLast) for (const piece of kept) into.add(piece, 0, piece.length);
        return true;
      },
      goOn: () => expect.fail("nothing is left to do"),
      whenReady: () => expect.fail("nothing is left to do"),
    };
    const send: SendExtension = { setBits() {}, beginMessage: () => transform };
    const { endpoint } = plainEndpoint("server", { extensions: [{ send }] });
    const message = endpoint.newStreamedMessage(OpText, true);
    expect([message.write(bytesOf("a")), message.write(bytesOf("b"))]).toEqual([true, true]);
    expect([endpoint.output.unsent, message.takeBack()]).toEqual([0, false]);
    message.write(bytesOf("c"), true);
    expect(sentFrames(endpoint)).toEqual(["text fin 0 616263"]);
  });

  it("says if an extension takes its time, and the next piece waits in its place all the same", () => {
    const { endpoint, extension, lines } = extendedEndpoint({ slice: 2 });
    const message = endpoint.newStreamedMessage(OpText, true);
    expect(message.write(bytesOf("one"))).toBe(false);
    expect(message.isReady).toBe(false);
    endpoint.sendText("behind");
    extension.next();
    expect([lines, message.isReady]).toEqual([["output"], true]);
    expect(message.write(bytesOf("two"))).toBe(false);
    expect(message.write(bytesOf("three"), true)).toBe(false);
    expect([message.isEnded, message.isReady]).toEqual([true, false]);
    for (let i = 0; i < 20; i++) extension.next();
    expect(sentFrames(endpoint)).toEqual([
      `text more 2 ${wire("one")}`,
      `continuation more 0 ${wire("two")}`,
      `continuation fin 0 ${wire("three")}`,
      `text fin 2 ${wire("behind")}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });
});

describe("several messages that are sent in pieces at once", () => {
  it.each(["server", "client"] as const)("keep their places: 1a 2a 1b 2b, sent by a %s", (side) => {
    const { endpoint } = plainEndpoint(side);
    const one = endpoint.newStreamedMessage(OpText, true);
    const two = endpoint.newStreamedMessage(OpText, true);
    const three = endpoint.newStreamedMessage(OpBinary, true);
    expect(one.write(bytesOf("1a"))).toBe(true);
    expect(two.write(bytesOf("2a"))).toBe(false);
    expect(three.write(bytesOf("3a"), true)).toBe(false);
    expect([two.isReady, three.isReady]).toEqual([false, false]);
    expect(one.write(bytesOf("1b"), true)).toBe(true);
    expect([two.isReady, three.isReady]).toEqual([true, false]);
    expect(two.write(bytesOf("2b"), true)).toBe(true);
    expect([endpoint.isFree, endpoint.output.unsent > 0]).toEqual([true, true]);
    expect(sentFrames(endpoint)).toEqual([
      `text more 0 ${plain("1a")}`,
      `continuation fin 0 ${plain("1b")}`,
      `text more 0 ${plain("2a")}`,
      `continuation fin 0 ${plain("2b")}`,
      `binary fin 0 ${plain("3a")}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });

  type Step = "text" | "ping" | "slice" | "drain" | number;
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.nat(3) },
    { weight: 3, arbitrary: fc.constantFrom<Step>("text", "ping", "slice", "drain") },
  );

  it("arrive whole, in the order of their first pieces, whatever else is sent, at work or taken", () => {
    const slices = fc.constantFrom(undefined, Infinity, 1, 3);
    const sides = fc.constantFrom<Side>("server", "client");
    fc.assert(
      fc.property(sides, slices, fc.array(step, { maxLength: 60 }), (side, slice, steps) => {
        const isExtended = slice !== undefined;
        const { endpoint, extension } = extendedEndpoint({ slice: slice ?? Infinity }, side);
        const under = isExtended ? endpoint : plainEndpoint(side).endpoint;
        const writers: (StreamedMessage | undefined)[] = [];
        const contents: string[] = [];
        const expected: string[] = [];
        const writes: Uint8Array[] = [];
        const told: string[] = [];
        let waited = 0;
        const write = (index: number, isLast: boolean): void => {
          let writer = writers[index];
          if (writer === undefined) {
            writer = under.newStreamedMessage(OpText, true);
            writers[index] = writer;
            contents[index] = "";
            // Its place; its content follows.
            expected.push(`writer ${index}`);
          }
          const piece = `${index}${"abcdefg".slice(0, contents[index]!.length % 7)} `;
          contents[index] += piece;
          const pending = writer.enqueue(bytesOf(piece), isLast, Infinity);
          if (pending !== undefined) listen(pending, String(waited++), told);
          if (!isLast) return;
          expected[expected.indexOf(`writer ${index}`)] = `text ${contents[index]}`;
          writers[index] = undefined;
        };
        for (const [at, what] of steps.entries()) {
          if (typeof what === "number") write(what, at % 5 === 0);
          else if (what === "ping") under.sendPing(noBytes);
          else if (what === "slice") extension.next();
          else if (what === "drain") writes.push(...drain(under.output));
          else {
            under.sendText(`whole ${at}`);
            expected.push(`text whole ${at}`);
          }
        }
        for (const [index, writer] of writers.entries())
          if (writer !== undefined) write(index, true);
        for (let i = 0; i < 1000 && extension.waiting.length > 0; i++) extension.next();
        writes.push(...drain(under.output));
        expect([under.isFree, under.output.unsent]).toEqual([true, 0]);
        const peer = side === "server" ? "client" : "server";
        const received = receivedBy(peer, concat(writes), isExtended);
        expect(received.filter((line) => !line.startsWith("ping"))).toEqual(expected);
        const sent = told.map((line) => Number(line.replace(" sent", "")));
        expect(sent.sort((a, b) => a - b)).toEqual(Array.from({ length: waited }, (_, i) => i));
      }),
      { numRuns: 300 },
    );
  });
});

describe("whoever waits for a piece", () => {
  it("hears of that piece alone, whatever output comes from elsewhere meanwhile", () => {
    const { endpoint, extension, lines } = extendedEndpoint({ slice: 2 });
    const told: string[] = [];
    const message = endpoint.newStreamedMessage(OpBinary, true);
    listen(message.enqueue(counted(6), false, Infinity), "first", told);
    for (let slice = 0; slice < 2; slice++) {
      endpoint.sendPing(counted(1));
      drain(endpoint.output);
      endpoint.onRoom();
      endpoint.sendText("behind");
      expect([told, message.isReady, lines]).toEqual([[], false, []]);
      if (slice === 0) extension.next();
    }
    listen(message.enqueue(counted(2), false, Infinity), "second", told);
    extension.next();
    expect(told).toEqual(["first sent", "second sent"]);
    expect(endpoint.output.unsent).toBeGreaterThan(0);
    message.write(noBytes, true);
    extension.next();
    expect(told).toEqual(["first sent", "second sent"]);
  });

  it("may write the next one at once, and nothing is lost while slices are at work and pings overtake", () => {
    const random = seededRandom(19);
    const payload = seededBytes(60_000, 19);
    for (const side of ["server", "client"] as const) {
      const { endpoint, extension } = extendedEndpoint({ slice: 700 }, side);
      const writes: Uint8Array[] = [];
      const message = endpoint.newStreamedMessage(OpBinary, true);
      let at = 0;
      const writeOn = (): void => {
        while (at < payload.length) {
          const size = 1 + Math.floor(random() * 5000);
          const isLast = at + size >= payload.length;
          const piece = payload.slice(at, at + size);
          at += size;
          const pending = message.enqueue(piece, isLast, Infinity);
          piece.fill(0);
          if (pending === undefined) continue;
          pending.listener = { onSent: writeOn, onDropped: () => expect.fail("it was dropped") };
          return;
        }
      };
      writeOn();
      endpoint.sendText("behind");
      for (let turn = 0; turn < 1000 && !endpoint.isFree; turn++) {
        if (random() < 0.5) endpoint.sendPing(counted(1));
        if (random() < 0.5) writes.push(...drain(endpoint.output));
        endpoint.onRoom();
        extension.next();
      }
      writes.push(...drain(endpoint.output));
      const peer = side === "server" ? "client" : "server";
      const received = receivedBy(peer, concat(writes), true);
      const messages = received.filter((line) => !line.startsWith("ping"));
      expect(messages.map((line) => line.length)).toEqual([7 + 2 * payload.length, 11]);
      expect(messages[0] === `binary ${toHex(payload)}`).toBe(true);
    }
  });

  it("waits for room if a limit was given, before all that was written later", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    const message = endpoint.newStreamedMessage(OpBinary, true);
    // Into an empty output everything fits, however large.
    expect(message.enqueue(counted(1000), false, 500)).toBeUndefined();
    listen(message.enqueue(counted(10), false, 500), "first", told);
    listen(message.enqueue(counted(1), false, Infinity), "second", told);
    listen(message.enqueue(counted(600), true, 500), "large", told);
    endpoint.sendText("behind");
    endpoint.onRoom();
    expect([told, message.isReady]).toEqual([[], false]);
    expect(endpoint.output.unsent).toBe(1004 + 10 + 1 + 600 + 6 + 4 * 64);
    expect(frameLines(concat(drain(endpoint.output)))).toHaveLength(1);
    endpoint.onRoom();
    expect(told).toEqual(["first sent", "second sent"]);
    expect(endpoint.output.gathered).toBe(12 + 3);
    drain(endpoint.output);
    endpoint.onRoom();
    expect(told).toEqual(["first sent", "second sent", "large sent"]);
    expect(sentFrames(endpoint)).toEqual([
      `continuation fin 0 ${toHex(counted(600))}`,
      `text fin 0 ${plain("behind")}`,
    ]);
  });

  it("waits no longer than until it just fits, the longest header included", () => {
    const { endpoint } = plainEndpoint();
    endpoint.sendBinary(counted(98));
    const message = endpoint.newStreamedMessage(OpBinary, true);
    expect(message.enqueue(counted(20), false, 100 + 14 + 20 - 1)).toBeDefined();
    const other = plainEndpoint().endpoint;
    other.sendBinary(counted(98));
    const fitting = other.newStreamedMessage(OpBinary, true);
    expect(fitting.enqueue(counted(20), false, 100 + 14 + 20)).toBeUndefined();
  });
});

describe("a message in pieces that is taken back", () => {
  it("leaves no trace if nothing was written yet", () => {
    const { endpoint } = plainEndpoint();
    const message = endpoint.newStreamedMessage(OpText, true);
    expect(message.takeBack(new Error("no"))).toBe(true);
    expect(() => message.write(bytesOf("a"))).toThrow("no");
    expect([endpoint.isFree, endpoint.output.unsent]).toEqual([true, 0]);
  });

  it("is reported as taken back if no reason was given, as long as the connection is open", () => {
    const { endpoint } = plainEndpoint();
    const message = endpoint.newStreamedMessage(OpText, true);
    expect(message.takeBack()).toBe(true);
    expect(() => message.write(bytesOf("a"))).toThrow(new TypeError("Message was taken back"));
    endpoint.close(1000, "");
    expect(() => message.write(bytesOf("a"))).toThrow(ClosedError);
  });

  it("leaves no frame if it waits behind another one, and its listeners hear why, once", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    const front = endpoint.newStreamedMessage(OpText, true);
    front.write(bytesOf("a"));
    const message = endpoint.newStreamedMessage(OpText, true);
    listen(message.enqueue(bytesOf("b"), false, Infinity), "first", told);
    listen(message.enqueue(bytesOf("c"), true, Infinity), "second", told);
    endpoint.sendText("behind");
    expect(message.takeBack(new Error("no"))).toBe(true);
    expect(message.takeBack(new Error("again"))).toBe(true);
    expect(told).toEqual(["first dropped Error: no", "second dropped Error: no"]);
    expect(() => message.write(bytesOf("d"))).toThrow("no");
    // Its place counts until it is reached.
    expect(endpoint.output.unsent).toBe(3 + 64 + (64 + 6));
    front.write(noBytes, true);
    expect(sentFrames(endpoint)).toEqual([
      "text more 0 61",
      "continuation fin 0",
      `text fin 0 ${plain("behind")}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
    endpoint.close(1000, "");
    expect(told).toHaveLength(2);
  });

  it("makes way at once if its first piece waits for room", () => {
    const { endpoint } = extendedEndpoint();
    const told: string[] = [];
    endpoint.sendBinary(counted(100), false);
    const message = endpoint.newStreamedMessage(OpText, true);
    expect(message.write(noBytes)).toBe(true);
    listen(message.enqueue(bytesOf("b"), false, 50), "piece", told);
    endpoint.sendText("behind", false);
    expect(message.takeBack()).toBe(true);
    expect([told, endpoint.isFree]).toEqual([["piece dropped"], true]);
    expect(() => message.write(bytesOf("c"))).toThrow("Message was taken back");
    expect(sentFrames(endpoint).slice(1)).toEqual([`text fin 0 ${plain("behind")}`]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("stays once its first frame is in the output, or an extension has got a piece, or it is complete", () => {
    const { endpoint, extension } = extendedEndpoint({ slice: 2 });
    const message = endpoint.newStreamedMessage(OpText, true);
    message.write(bytesOf("abc"));
    expect(message.takeBack()).toBe(false);
    extension.next();
    expect(message.takeBack()).toBe(false);
    message.write(bytesOf("d"), true);
    expect(message.takeBack()).toBe(false);
    expect(sentFrames(endpoint)).toEqual([
      `text more 2 ${wire("abc")}`,
      `continuation fin 0 ${wire("d")}`,
    ]);
  });
});

describe("a message in pieces of which a part has left", () => {
  it.each<[what: string, end: (endpoint: Endpoint) => void]>([
    [
      "this side has closed",
      (endpoint) => {
        endpoint.close(1000, "");
      },
    ],
    [
      "the connection has failed",
      (endpoint) => {
        endpoint.fail(new Error("no"), 1011, "local");
      },
    ],
  ])("cannot be taken back once %s, either", (_, end) => {
    const { endpoint } = plainEndpoint();
    const message = endpoint.beginMessage(OpText);
    message.write(bytesOf("a"));
    end(endpoint);
    expect(message.takeBack()).toBe(false);
    const waiting = plainEndpoint().endpoint;
    waiting.beginMessage(OpText).write(bytesOf("a"));
    const behind = waiting.beginMessage(OpText);
    behind.write(bytesOf("b"));
    end(waiting);
    expect(behind.takeBack()).toBe(true);
  });

  it("refuses a detached array", () => {
    const { endpoint } = plainEndpoint();
    const message = endpoint.beginMessage(OpBinary);
    expect(() => message.write(detached(), true)).toThrow(/detached/);
    expect(message.isEnded).toBe(false);
  });
});

describe("a message in pieces on a connection that is no longer open", () => {
  const ways: [what: string, end: (endpoint: Endpoint) => void, status: string][] = [
    ["this side closes", (endpoint) => endpoint.close(1000, ""), "03e8"],
    ["the peer closes", (endpoint) => endpoint.receive(close(1001, "", { masked: true })), "03e9"],
    ["it fails", (endpoint) => endpoint.fail(new Error("no"), 1011, "local"), "03f3"],
  ];

  it.each(ways)("can neither begin nor go on, from any place in it, once %s", (_, end, status) => {
    for (const place of ["unplaced", "front", "waiting"]) {
      const { endpoint } = plainEndpoint();
      const told: string[] = [];
      const front = endpoint.newStreamedMessage(OpText, true);
      if (place !== "unplaced") front.write(bytesOf("a"));
      const message = place === "waiting" ? endpoint.newStreamedMessage(OpText, true) : front;
      if (place === "waiting") listen(message.enqueue(bytesOf("b"), false, Infinity), "it", told);
      end(endpoint);
      const sent = sentFrames(endpoint);
      expect(sent.at(-1), place).toBe(`close fin 0 ${status}`);
      expect(sent, place).toHaveLength(place === "unplaced" ? 1 : 2);
      expect(told).toEqual(place === "waiting" ? ["it dropped"] : []);
      for (const isLast of [false, true, true]) {
        expect(() => message.write(bytesOf("c"), isLast), place).toThrow(ClosedError);
      }
      expect(() => endpoint.newStreamedMessage(OpText, true)).toThrow(ClosedError);
      expect([sentFrames(endpoint), endpoint.output.unsent, endpoint.isFree]).toEqual([
        [],
        0,
        true,
      ]);
    }
  });

  it("is dropped while an extension is at work on it, and its listener hears so, once", () => {
    const { endpoint, extension } = extendedEndpoint({ slice: 2 });
    const told: string[] = [];
    const message = endpoint.newStreamedMessage(OpText, true);
    listen(message.enqueue(bytesOf("one"), false, Infinity), "at work", told);
    listen(message.enqueue(bytesOf("two"), false, Infinity), "waiting", told);
    endpoint.close(1000, "");
    expect(told).toEqual(["at work dropped", "waiting dropped"]);
    for (let i = 0; i < 5; i++) extension.next();
    endpoint.fail(new Error("no"), 1011, "local");
    expect(told).toHaveLength(2);
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03e8"]);
    expect([message.isReady, endpoint.output.unsent]).toEqual([true, 0]);
  });

  it("is completed all the same if its end was given before this side closed", () => {
    const { endpoint, extension } = extendedEndpoint({ slice: 2 });
    const told: string[] = [];
    const message = endpoint.newStreamedMessage(OpText, true);
    message.write(bytesOf("one"));
    listen(message.enqueue(bytesOf("two"), true, Infinity), "end", told);
    endpoint.close(1000, "");
    expect(told).toEqual([]);
    for (let i = 0; i < 5; i++) extension.next();
    expect(told).toEqual(["end sent"]);
    expect(sentFrames(endpoint)).toEqual([
      `text more 2 ${wire("one")}`,
      `continuation fin 0 ${wire("two")}`,
      "close fin 0 03e8",
    ]);
  });
});

describe("a tracer that is told of a piece", () => {
  /** An endpoint whose tracer does something at the frame of that number, once. */
  function tracedEndpoint(at: number, act: (endpoint: Endpoint) => void): Endpoint {
    let frames = 0;
    const { endpoint } = plainEndpoint("client", {
      trace(direction) {
        if (direction === "sent" && ++frames === at) act(endpoint);
      },
    });
    return endpoint;
  }

  it("may write the next one, which is a continuation after the reported one", () => {
    const endpoint = tracedEndpoint(1, () => message.write(bytesOf("b")));
    const message = endpoint.newStreamedMessage(OpText, true);
    message.write(bytesOf("a"));
    message.write(bytesOf("c"), true);
    expect(sentFrames(endpoint)).toEqual([
      "text more 0 61",
      "continuation more 0 62",
      "continuation fin 0 63",
    ]);
  });

  it("finds the message complete at its last frame, and may send or close after it", () => {
    const told: unknown[] = [];
    const endpoint = tracedEndpoint(2, () => {
      told.push(message.isEnded);
      expect(() => message.write(bytesOf("no"))).toThrow(TypeError);
      endpoint.sendText("behind");
      endpoint.close(1000, "");
    });
    const message = endpoint.newStreamedMessage(OpText, true);
    message.write(bytesOf("a"));
    message.write(bytesOf("b"), true);
    expect(told).toEqual([true]);
    expect(sentFrames(endpoint)).toEqual([
      "text more 0 61",
      "continuation fin 0 62",
      `text fin 0 ${plain("behind")}`,
      "close fin 0 03e8",
    ]);
  });

  it("may end the connection, and the message is dropped, wherever it is", () => {
    for (const at of [1, 2]) {
      const endpoint = tracedEndpoint(at, () => {
        endpoint.fail(new Error("no"), 1011, "local");
      });
      const message = endpoint.newStreamedMessage(OpText, true);
      expect(message.write(bytesOf("a"))).toBe(true);
      if (at === 2) message.write(bytesOf("b"), true);
      expect(() => message.write(bytesOf("c"))).toThrow(ClosedError);
      expect(sentFrames(endpoint).at(-1)).toBe("close fin 0 03f3");
      expect([endpoint.isFree, endpoint.output.unsent]).toEqual([true, 0]);
    }
  });
});
