import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, noBytes } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions, type Side } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import type { StreamedMessage } from "../../src/endpoint/streamed-message.ts";
import { ClosedError } from "../../src/errors.ts";
import type { ExtensionSession, Transform } from "../../src/extension/extension.ts";
import { OpBinary, type Opcode, OpText } from "../../src/frame/opcode.ts";
import { close, counted, toHex } from "../support/frames.ts";
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

function newEndpoint(shift: ShiftOptions = {}, side: Side = "server", options?: EndpointOptions) {
  const extension = new ShiftExtension(shift);
  const extensions = openSessions(extension);
  return { extension, ...plainEndpoint(side, { ...options, extensions }) };
}

/** Lets an extension go on until nothing waits for it. */
function finish(extension: ShiftExtension): void {
  for (let i = 0; i < 1000 && extension.waiting.length > 0; i++) extension.next();
  expect(extension.waiting).toEqual([]);
}

const bytesOf = (word: string): Uint8Array => encodeUtf8(word);
const plain = (word: string): string => toHex(bytesOf(word));
const wire = (word: string): string => toHex(shifted(bytesOf(word), 1));

/** Counts the items in the arrays whose methods are called that go through all of them, while something is done. */
function countMoves(work: () => void): number {
  const own = Array.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const methods = Object.fromEntries(
    ["shift", "unshift", "splice", "slice", "indexOf", "find", "filter"].map((name) => [
      name,
      own[name]!,
    ]),
  );
  let moved = 0;
  for (const [name, method] of Object.entries(methods)) {
    own[name] = function (this: unknown[], ...args) {
      moved += this.length;
      return Reflect.apply(method, this, args) as unknown;
    };
  }
  try {
    work();
  } finally {
    Object.assign(own, methods);
  }
  return moved;
}

/** Begins a message as the connection level does, with what is not for everybody's use. */
function begin(endpoint: Endpoint, opcode: Opcode, compress = true): StreamedMessage {
  return endpoint.newStreamedMessage(opcode, compress);
}

/** Opens the front of a queue: what is sent from now on waits until that message is complete. */
function openWriter(endpoint: Endpoint): StreamedMessage {
  const writer = begin(endpoint, OpText);
  writer.write(bytesOf("a"));
  return writer;
}

describe("an endpoint that sends through an extension", () => {
  it.each(["server", "client"] as const)("marks what the extension has made, as a %s", (side) => {
    const { endpoint } = newEndpoint({}, side);
    endpoint.sendText("Hello €");
    endpoint.sendBinary(counted(3));
    endpoint.sendText("");
    expect(sentFrames(endpoint)).toEqual([
      `text fin 2 ${wire("Hello €")}`,
      "binary fin 2 010203",
      "text fin 2",
    ]);
  });

  it("leaves as it is what is not to be compressed, and control frames", () => {
    const { endpoint } = newEndpoint();
    endpoint.sendText("a", false);
    endpoint.sendBinary(counted(2), false);
    endpoint.sendPing(counted(1));
    endpoint.close(1000, "");
    expect(sentFrames(endpoint)).toEqual([
      "text fin 0 61",
      "binary fin 0 0001",
      "ping fin 0 00",
      "close fin 0 03e8",
    ]);
  });

  it.each([100, 8 * 1024, 8 * 1024 + 1, 200_000])("takes a text of %i characters", (length) => {
    const { endpoint } = newEndpoint();
    endpoint.sendText("ä".repeat(length));
    expect(sentFrames(endpoint)).toEqual([`text fin 2 ${"c4a5".repeat(length)}`]);
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
    expect(sentFrames(endpoint)).toEqual(["ping fin 0 00"]);
    extension.next();
    expect(lines).toEqual(["output"]);
    expect(sentFrames(endpoint)).toEqual([`text fin 2 ${wire("abcdef")}`, "text fin 0 67"]);
    extension.next();
    expect(sentFrames(endpoint)).toEqual(["binary fin 2 0203040506", `text fin 2 ${wire("h")}`]);
    expect(lines).toEqual(["output", "output"]);
  });

  it("counts what is at work and what waits as unsent, until it is in the output", () => {
    const { endpoint, extension } = newEndpoint({ slice: 4 });
    endpoint.sendText("abcdef");
    endpoint.sendBinary(counted(3));
    expect([endpoint.output.unsent, endpoint.output.gathered]).toEqual([6 + (3 + 64), 0]);
    extension.next();
    expect([endpoint.output.unsent, endpoint.output.gathered]).toEqual([8 + 5, 8 + 5]);
    drain(endpoint.output);
    expect(endpoint.output.unsent).toBe(0);
  });
});

describe("what waits behind a message in pieces", () => {
  it("keeps its order; control frames go past it, between two frames", () => {
    const { endpoint } = plainEndpoint();
    const writer = openWriter(endpoint);
    endpoint.sendText("text");
    endpoint.sendText("x".repeat(9000));
    endpoint.sendBinary(bytesOf("bin"));
    endpoint.sendPrepared(new PreparedMessage("prepared"));
    endpoint.sendPing(bytesOf("p"));
    expect(endpoint.output.unsent).toBe(3 + 4 + 9000 + 3 + 8 + 4 * 64 + 3);
    writer.write(bytesOf("b"), true);
    const lines = sentFrames(endpoint).map((line) => line.slice(0, 40));
    expect(lines).toEqual([
      "text more 0 61",
      "ping fin 0 70",
      "continuation fin 0 62",
      `text fin 0 ${plain("text")}`,
      `text fin 0 ${"78".repeat(15)}`.slice(0, 40),
      `binary fin 0 ${plain("bin")}`,
      `text fin 0 ${plain("prepared")}`,
    ]);
    expect(endpoint.output.unsent).toBe(0);
    expect(endpoint.sent).toMatchObject({ messages: 5, payload: 2 + 4 + 9000 + 3 + 8, frames: 7 });
  });

  it.each(["server", "client"] as const)(
    "may be prepared messages, whole or changed by an extension, as a %s",
    (side) => {
      for (const isExtended of [false, true]) {
        const { endpoint } = isExtended ? newEndpoint({}, side) : plainEndpoint(side);
        const message = new PreparedMessage("hi");
        const writer = openWriter(endpoint);
        endpoint.sendPrepared(message);
        endpoint.sendPrepared(new PreparedMessage(counted(3), false));
        writer.write(bytesOf("b"), true);
        expect(sentFrames(endpoint).slice(2)).toEqual([
          isExtended ? `text fin 2 ${wire("hi")}` : `text fin 0 ${plain("hi")}`,
          "binary fin 0 000102",
        ]);
        expect(message.bytes).toEqual(bytesOf("hi"));
      }
    },
  );

  it("lends a prepared message's frame out as it lies, where it is alone once it is its turn", () => {
    const { endpoint } = plainEndpoint();
    const message = new PreparedMessage("hi");
    const writer = begin(endpoint, OpText);
    endpoint.sendPing(noBytes);
    writer.enqueue(bytesOf("ab"), false, 1);
    endpoint.sendPrepared(message);
    drain(endpoint.output);
    writer.takeBack();
    expect(endpoint.output.lend()!.buffer).toBe(message.content.frame.buffer);
  });

  it("costs the same however much waits already, and counts 64 bytes a message though all are empty", () => {
    const count = 200_000;
    const { endpoint } = plainEndpoint();
    const writer = openWriter(endpoint);
    const movedIn = countMoves(() => {
      for (let i = 0; i < count; i++) endpoint.sendBinary(noBytes);
    });
    expect([movedIn, endpoint.output.unsent]).toEqual([0, 3 + 64 * count]);
    const movedOut = countMoves(() => {
      writer.write(noBytes, true);
    });
    expect(movedOut).toBeLessThan(4 * count);
    expect([endpoint.sent.messages, endpoint.output.unsent]).toEqual([count + 1, 5 + 2 * count]);
  });
});

describe("a message that waits until it fits", () => {
  it("waits for room, in its order, whatever it is made of", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    const bytes = counted(3);
    endpoint.sendBinary(counted(100));
    listen(endpoint.sendWhenFits("text", true, 100), "text", told);
    listen(endpoint.sendWhenFits(bytes, true, 100), "bytes", told);
    listen(endpoint.sendWhenFits(new PreparedMessage("all"), true, 100), "prepared", told);
    endpoint.sendText("behind");
    bytes.fill(9);
    endpoint.onRoom();
    expect(told).toEqual([]);
    expect(endpoint.output.unsent).toBe(102 + 4 + 3 + 3 + 6 + 4 * 64);
    drain(endpoint.output);
    expect(endpoint.isFree).toBe(false);
    endpoint.onRoom();
    expect(told).toEqual(["text sent", "bytes sent", "prepared sent"]);
    expect(endpoint.isFree).toBe(true);
    expect(sentFrames(endpoint)).toEqual([
      `text fin 0 ${plain("text")}`,
      "binary fin 0 000102",
      `text fin 0 ${plain("all")}`,
      `text fin 0 ${plain("behind")}`,
    ]);
    endpoint.onRoom();
    expect(told).toHaveLength(3);
  });

  it("fits into an empty output however large it is, and goes on only as far as there is room", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    endpoint.sendBinary(counted(10));
    for (const name of ["first", "second"]) {
      listen(endpoint.sendWhenFits(counted(5000), false, 100), name, told);
    }
    for (const expected of [["first sent"], ["first sent", "second sent"]]) {
      drain(endpoint.output);
      endpoint.onRoom();
      expect(told).toEqual(expected);
    }
  });

  it("is told when an extension that takes its time is done with it", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    endpoint.sendBinary(counted(10), false);
    listen(endpoint.sendWhenFits("abc", true, 10), "it", told);
    drain(endpoint.output);
    endpoint.onRoom();
    expect(told).toEqual([]);
    extension.next();
    expect(told).toEqual(["it sent"]);
    expect(sentFrames(endpoint)).toEqual([`text fin 2 ${wire("abc")}`]);
  });

  it("is refused where the connection is not open", () => {
    const { endpoint } = plainEndpoint();
    endpoint.close(1000, "");
    expect(() => endpoint.sendWhenFits("a", true, 10)).toThrow(ClosedError);
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03e8"]);
  });
});

describe("the close frame of this side", () => {
  it("leaves behind what waits", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    endpoint.sendText("abcdef");
    endpoint.sendText("ghi");
    endpoint.close(1001, "");
    expect([sentFrames(endpoint), endpoint.state]).toEqual([[], "closeSent"]);
    finish(extension);
    expect(sentFrames(endpoint)).toEqual([
      `text fin 2 ${wire("abcdef")}`,
      `text fin 2 ${wire("ghi")}`,
      "close fin 0 03e9",
    ]);
  });

  it("leaves behind a message in pieces that was completed, and all that waited behind it", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    const writer = begin(endpoint, OpText);
    listen(writer.enqueue(bytesOf("abc"), false, Infinity), "piece", told);
    endpoint.sendText("def");
    const second = begin(endpoint, OpText);
    listen(second.enqueue(bytesOf("ghi"), true, Infinity), "second", told);
    listen(writer.enqueue(noBytes, true, Infinity), "end", told);
    endpoint.close(1000, "");
    expect(told).toEqual([]);
    finish(extension);
    expect(told).toEqual(["piece sent", "end sent", "second sent"]);
    expect(sentFrames(endpoint)).toEqual([
      `text more 2 ${wire("abc")}`,
      "continuation fin 0",
      `text fin 2 ${wire("def")}`,
      `text fin 2 ${wire("ghi")}`,
      "close fin 0 03e8",
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("leaves behind what waits for room, too", () => {
    const { endpoint } = plainEndpoint();
    endpoint.sendBinary(counted(100));
    endpoint.sendWhenFits("waits", true, 10);
    endpoint.close(1000, "");
    expect(sentFrames(endpoint)).toHaveLength(1);
    endpoint.onRoom();
    expect(sentFrames(endpoint)).toEqual([`text fin 0 ${plain("waits")}`, "close fin 0 03e8"]);
  });

  it("takes the place of a message in pieces that has begun and is not complete, and of all behind it", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    const front = openWriter(endpoint);
    listen(endpoint.sendWhenFits("behind", true, Infinity), "behind", told);
    const complete = begin(endpoint, OpText);
    listen(complete.enqueue(bytesOf("c"), true, Infinity), "complete", told);
    endpoint.close(1000, "");
    expect(told).toEqual(["behind dropped", "complete dropped"]);
    expect(() => front.write(bytesOf("b"), true)).toThrow(ClosedError);
    expect(sentFrames(endpoint)).toEqual(["text more 0 61", "close fin 0 03e8"]);
    expect([endpoint.output.unsent, endpoint.isFree]).toEqual([0, true]);
  });

  it("gives up those that wait and are not complete, and nothing else", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    endpoint.sendText("abc");
    const incomplete = begin(endpoint, OpText);
    listen(incomplete.enqueue(bytesOf("incomplete"), false, Infinity), "incomplete", told);
    endpoint.sendText("def");
    const complete = begin(endpoint, OpText);
    listen(complete.enqueue(bytesOf("ghi"), true, Infinity), "complete", told);
    const another = begin(endpoint, OpText);
    another.write(bytesOf("another"));
    endpoint.close(1000, "");
    expect(told).toEqual(["incomplete dropped"]);
    finish(extension);
    expect(told).toEqual(["incomplete dropped", "complete sent"]);
    expect(sentFrames(endpoint)).toEqual([
      `text fin 2 ${wire("abc")}`,
      `text fin 2 ${wire("def")}`,
      `text fin 2 ${wire("ghi")}`,
      "close fin 0 03e8",
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("gives up one in front that has not begun, and sends what waits behind it", () => {
    const { endpoint } = plainEndpoint();
    const told: string[] = [];
    endpoint.sendBinary(counted(100));
    const front = begin(endpoint, OpText);
    listen(front.enqueue(bytesOf("no room"), false, 10), "front", told);
    endpoint.sendText("behind");
    endpoint.close(1000, "");
    expect(told).toEqual(["front dropped"]);
    expect(sentFrames(endpoint).slice(1)).toEqual([
      `text fin 0 ${plain("behind")}`,
      "close fin 0 03e8",
    ]);
    expect(endpoint.output.unsent).toBe(0);
  });

  it("is in its place when somebody is told that a message was given up, and why", () => {
    const seen: unknown[] = [];
    const { endpoint } = plainEndpoint();
    endpoint.sendBinary(counted(100));
    const front = begin(endpoint, OpText);
    const waiting = begin(endpoint, OpText);
    const first = front.enqueue(bytesOf("a"), false, 10)!;
    const second = waiting.enqueue(bytesOf("b"), false, 10)!;
    first.listener = {
      onSent: () => expect.fail("it was sent"),
      onDropped() {
        seen.push(endpoint.state, endpoint.closure.initiator, waiting.takeBack());
        seen.push(frameLines(concat(drain(endpoint.output))).at(-1));
      },
    };
    second.listener = {
      onSent: () => expect.fail("it was sent"),
      onDropped: () => seen.push("second"),
    };
    endpoint.close(1000, "");
    // Whoever takes back what was given up tells the second one first.
    expect(seen).toEqual(["second", "closeSent", "local", true, "close fin 0 03e8"]);
    expect(sentFrames(endpoint)).toEqual([]);
  });
});

describe("what waits when the connection ends", () => {
  it("leaves before the answer when the peer closes", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 }, "client");
    endpoint.sendText("abcdef");
    endpoint.sendText("ghi");
    endpoint.receive(close(1000));
    expect([sentFrames(endpoint), endpoint.state]).toEqual([[], "answering"]);
    endpoint.sendText("too late");
    finish(extension);
    expect(sentFrames(endpoint)).toEqual([
      `text fin 2 ${wire("abcdef")}`,
      `text fin 2 ${wire("ghi")}`,
      "close fin 0 03e8",
    ]);
    expect([endpoint.state, endpoint.output.unsent, extension.closed]).toEqual(["closed", 0, 1]);
  });

  it("leaves before the close frame of this side, when both sides close", () => {
    const { endpoint, extension } = newEndpoint({ slice: 2 }, "client");
    endpoint.sendText("abcdef");
    endpoint.close(1001, "");
    endpoint.receive(close(1000));
    expect([sentFrames(endpoint), endpoint.state]).toEqual([[], "answering"]);
    finish(extension);
    expect(sentFrames(endpoint)).toEqual([`text fin 2 ${wire("abcdef")}`, "close fin 0 03e9"]);
    expect(endpoint.closure).toMatchObject({ clean: true, status: 1000, initiator: "local" });
  });

  it("is dropped behind a message in pieces that is not complete, when the peer closes", () => {
    const { endpoint } = newEndpoint({ slice: 2 }, "client");
    const told: string[] = [];
    const front = begin(endpoint, OpText);
    listen(front.enqueue(bytesOf("one"), false, Infinity), "at work", told);
    listen(endpoint.sendWhenFits("whole", true, 10), "whole", told);
    endpoint.receive(close(1000));
    expect(told).toEqual(["at work dropped", "whole dropped"]);
    expect([sentFrames(endpoint), endpoint.state]).toEqual([["close fin 0 03e8"], "closed"]);
  });

  it.each<[what: string, end: (endpoint: Endpoint) => void]>([
    ["it fails", (endpoint) => endpoint.fail(new Error("no"), 1011, "local")],
    ["it is dropped", (endpoint) => endpoint.drop(undefined)],
    ["the time is over", (endpoint) => endpoint.advance("deadline")],
    ["the socket is gone", (endpoint) => endpoint.advance("socketClosed")],
  ])("is told so, once, when the peer has closed and then %s", (_, end) => {
    const { endpoint, extension } = newEndpoint({ slice: 2 }, "client");
    const told: string[] = [];
    endpoint.sendText("abcdef");
    listen(endpoint.sendWhenFits("whole", true, 10), "whole", told);
    endpoint.receive(close(1000));
    expect(told).toEqual([]);
    end(endpoint);
    expect([told, extension.closed]).toEqual([["whole dropped"], 1]);
    finish(extension);
    endpoint.onRoom();
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03e8"]);
    expect([told, endpoint.isFree, extension.closed]).toEqual([["whole dropped"], true, 1]);
  });

  it.each<[what: string, end: (endpoint: Endpoint) => void]>([
    ["it fails", (endpoint) => endpoint.fail(new Error("no"), 1011, "local")],
    ["it is lost", (endpoint) => endpoint.fail(new Error("no"), 0, "transport")],
  ])("is told so, each once, when %s", (_, end) => {
    const { endpoint, extension } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    const front = begin(endpoint, OpText);
    listen(front.enqueue(bytesOf("one"), false, Infinity), "at work", told);
    listen(front.enqueue(bytesOf("two"), true, Infinity), "piece", told);
    listen(endpoint.sendWhenFits("whole", true, 10), "whole", told);
    const waiting = begin(endpoint, OpText);
    listen(waiting.enqueue(bytesOf("three"), false, Infinity), "waiting", told);
    const taken = begin(endpoint, OpText);
    listen(taken.enqueue(bytesOf("four"), false, Infinity), "taken", told);
    taken.takeBack("why");
    end(endpoint);
    const expected = ["taken dropped why", "at work dropped", "piece dropped", "whole dropped"];
    expect(told).toEqual([...expected, "waiting dropped"]);
    endpoint.fail(new Error("again"), 1011, "local");
    endpoint.close(1000, "");
    finish(extension);
    endpoint.onRoom();
    expect(told).toHaveLength(5);
    expect(endpoint.output.unsent).toBe(endpoint.output.gathered);
    expect(endpoint.isFree).toBe(true);
  });
});

/** An extension that fails where it is told to: when it is asked, at a call, or in a later slice. */
function failing(where: "ask" | "write"): ExtensionSession {
  const error = new Error("broken");
  const transform: Transform = {
    write() {
      throw error;
    },
    goOn: () => expect.fail("nothing is left to do"),
    whenReady: () => expect.fail("nothing is left to do"),
  };
  return {
    send: {
      setBits() {},
      beginMessage({ compress }) {
        if (!compress) return undefined;
        if (where === "ask") throw error;
        return transform;
      },
    },
  };
}

describe("an extension that fails on the way out", () => {
  it("fails the connection with 1011 where it fails later", () => {
    const { endpoint, extension, lines } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    endpoint.sendText("abcdef");
    listen(endpoint.sendWhenFits("behind", true, Infinity), "behind", told);
    extension.error = new Error("broken");
    extension.next();
    expect(lines).toEqual(["fail Error: broken"]);
    expect(told).toEqual(["behind dropped"]);
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03f3"]);
    expect([endpoint.isClosed, extension.closed]).toEqual([true, 1]);
  });

  it("does so too where it fails at once for what comes next, while nobody sends", () => {
    const { endpoint, extension, lines } = newEndpoint({ slice: 2 });
    const told: string[] = [];
    const front = begin(endpoint, OpText);
    const piece = front.enqueue(bytesOf("abc"), true, Infinity)!;
    listen(endpoint.sendWhenFits("next", true, Infinity), "next", told);
    piece.listener = {
      onSent() {
        extension.error = new Error("broken");
      },
      onDropped: () => expect.fail("it was dropped"),
    };
    extension.next();
    expect([told, lines]).toEqual([["next dropped"], ["fail Error: broken", "output"]]);
    expect(sentFrames(endpoint)).toEqual([`text fin 2 ${wire("abc")}`, "close fin 0 03f3"]);
  });

  it.each(["ask", "write"] as const)(
    "fails the connection with 1011 where it fails at once: %s",
    (where) => {
      for (const kind of ["text", "binary", "prepared", "piece"]) {
        const { endpoint, lines } = plainEndpoint("server", { extensions: [failing(where)] });
        if (kind === "text") endpoint.sendText("a");
        else if (kind === "binary") endpoint.sendBinary(bytesOf("a"));
        else if (kind === "prepared") endpoint.sendPrepared(new PreparedMessage("a"));
        else {
          const message = begin(endpoint, OpText);
          expect(() => message.write(bytesOf("a"))).toThrow(ClosedError);
        }
        expect(lines, kind).toEqual(["fail Error: broken"]);
        expect(sentFrames(endpoint), kind).toEqual(["close fin 0 03f3"]);
        expect([endpoint.isFree, endpoint.output.unsent], kind).toEqual([true, 0]);
      }
    },
  );

  it.each(["ask", "write"] as const)(
    "tells whoever waits where it fails for what has waited: %s",
    (where) => {
      for (const kind of ["whole", "piece"]) {
        const { endpoint, lines } = plainEndpoint("server", { extensions: [failing(where)] });
        const told: string[] = [];
        const front = begin(endpoint, OpText, false);
        front.write(bytesOf("a"));
        const message = begin(endpoint, OpBinary);
        if (kind === "whole") listen(endpoint.sendWhenFits("b", true, Infinity), "it", told);
        else listen(message.enqueue(bytesOf("b"), true, Infinity), "it", told);
        listen(endpoint.sendWhenFits("c", false, Infinity), "behind", told);
        front.write(noBytes, true);
        expect(told.toSorted(), kind).toEqual(["behind dropped", "it dropped"]);
        expect(lines).toEqual(["fail Error: broken"]);
        expect(sentFrames(endpoint)).toEqual([
          "text more 0 61",
          "continuation fin 0",
          "close fin 0 03f3",
        ]);
        expect([endpoint.isFree, endpoint.output.unsent]).toEqual([true, 0]);
      }
    },
  );
});

describe("a tracer that acts from inside of a frame", () => {
  const acts: [what: string, act: (endpoint: Endpoint) => void][] = [
    ["sends a message", (endpoint) => endpoint.sendText("traced")],
    [
      "sends a prepared message",
      (endpoint) => endpoint.sendPrepared(new PreparedMessage("traced")),
    ],
    ["sends a ping", (endpoint) => endpoint.sendPing(noBytes)],
    [
      "sends a message in pieces",
      (endpoint) => {
        if (endpoint.stage !== "open") return;
        const message = begin(endpoint, OpText);
        message.write(bytesOf("tra"));
        message.write(bytesOf("ced"), true);
      },
    ],
    ["closes", (endpoint) => endpoint.close(1000, "")],
    ["fails it", (endpoint) => endpoint.fail(new Error("no"), 1011, "local")],
    [
      "drops it",
      (endpoint) => {
        endpoint.fail(new Error("no"), 0, "local");
        endpoint.output.abandon();
      },
    ],
  ];

  it.each(acts)(
    "breaks nothing, whichever frame it is and whatever is under way: %s",
    (what, act) => {
      for (const slice of [undefined, Infinity, 2]) {
        for (const side of ["server", "client"] as const) {
          for (let at = 1; at <= 9; at++) {
            let frames = 0;
            const options: EndpointOptions = {
              trace(direction) {
                if (direction === "sent" && ++frames === at) act(endpoint);
              },
            };
            const extension = new ShiftExtension({ slice: slice ?? Infinity });
            const extensions = slice === undefined ? [] : openSessions(extension);
            const { endpoint } = plainEndpoint(side, { ...options, extensions });
            const told: string[] = [];
            let waited = 0;
            const watch = (pending: Parameters<typeof listen>[0]): void => {
              if (pending !== undefined) listen(pending, String(waited++), told);
            };
            const name = `${what}, slice ${slice}, ${side}, frame ${at}`;
            try {
              endpoint.sendText("whole");
              const one = begin(endpoint, OpText);
              watch(one.enqueue(bytesOf("1a"), false, Infinity));
              const two = begin(endpoint, OpText);
              watch(two.enqueue(bytesOf("2ab"), false, Infinity));
              watch(endpoint.sendWhenFits("fits", true, 1000));
              endpoint.sendPing(noBytes);
              watch(one.enqueue(bytesOf("1bc"), true, Infinity));
              finish(extension);
              watch(two.enqueue(bytesOf("2b"), true, Infinity));
              endpoint.sendPrepared(new PreparedMessage("prepared"));
            } catch (error) {
              expect(error, name).toBeInstanceOf(ClosedError);
            }
            finish(extension);
            endpoint.close(1000, "");
            finish(extension);
            expect(told.length, name).toBe(waited);
            expect(new Set(told.map((line) => line.split(" ")[0])).size, name).toBe(waited);
            expect([endpoint.isFree, endpoint.output.unsent], name).toEqual([
              true,
              endpoint.output.gathered,
            ]);
            const isDropped = what === "drops it" && frames >= at;
            const peer = plainEndpoint(side === "server" ? "client" : "server", {
              extensions: slice === undefined ? [] : openSessions(new ShiftExtension()),
            });
            peer.endpoint.receive(concat(drain(endpoint.output)));
            expect(
              peer.lines.filter((line) => line.startsWith("fail")),
              name,
            ).toEqual([]);
            expect(peer.endpoint.closure.clean, name).toBe(!isDropped);
            const hasAll = /sends/.test(what) && peer.lines.includes("text traced");
            if (hasAll) {
              for (const word of ["whole", "1a1bc", "2ab2b", "fits", "prepared"]) {
                expect(peer.lines, name).toContain(`text ${word}`);
              }
            }
          }
        }
      }
    },
  );
});
