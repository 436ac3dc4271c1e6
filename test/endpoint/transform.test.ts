import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions } from "../../src/endpoint/endpoint.ts";
import { cuts } from "../support/cuts.ts";
import { binary, close, continuation, counted, ping, text, toHex } from "../support/frames.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

const marked = { rsv: 2 };
const begun = { rsv: 2, fin: false };

function newEndpoint(shift: ShiftOptions = {}, options: EndpointOptions = {}) {
  const extension = new ShiftExtension(shift);
  const trace = new EventTrace();
  const extensions = openSessions(extension);
  const endpoint = new Endpoint("client", trace, { ...options, extensions });
  return { extension, endpoint, trace, lines: trace.lines };
}

/** What a text looks like on the wire. */
function wireText(message: string): Uint8Array {
  return shifted(encodeUtf8(message), 1);
}

/** Gives pieces as they are taken: what is left while the endpoint is busy comes again after the next turn. */
function receiveAll(
  { endpoint, extension }: ReturnType<typeof newEndpoint>,
  pieces: readonly Uint8Array[],
): void {
  for (const piece of pieces) {
    let at = endpoint.receive(piece);
    while (at < piece.length || endpoint.isBusy) {
      extension.next();
      at = endpoint.receive(piece, at);
    }
    piece.fill(0xdb);
  }
}

describe("an endpoint with an extension", () => {
  const wire = concat([
    text(wireText("Hello €"), marked),
    text("as it is"),
    binary(shifted(counted(300), 1), marked),
    text(wireText("Hel"), begun),
    ping("p"),
    continuation(wireText("lo")),
    continuation("", { fin: true }),
    binary("", marked),
    binary(shifted(counted(40), 1), begun),
    continuation("", { fin: true }),
  ]);
  const lines = [
    "text Hello €",
    "text as it is",
    `binary ${toHex(counted(300))}`,
    "ping 70",
    "fail CONTINUATION_UNEXPECTED",
  ];

  it.each([
    ["at once", {}],
    ["in slices", { slice: 3 }],
    ["byte by byte", { slice: 1 }],
  ])(
    "delivers what the extension makes of messages, %s, wherever the stream is cut",
    (_, shift) => {
      const frames = concat([
        wire.subarray(0, 0),
        text(wireText("Hello €"), marked),
        text("as it is"),
        binary(shifted(counted(300), 1), marked),
        text(wireText("Hel"), begun),
        ping("p"),
        continuation(wireText("lo"), { fin: false }),
        continuation(""),
        binary("", marked),
        binary(shifted(counted(40), 1), begun),
        continuation("", { fin: false }),
        continuation(""),
      ]);
      for (const pieces of cuts(frames)) {
        const made = newEndpoint(shift);
        receiveAll(made, pieces);
        expect(made.lines.filter((line) => line !== "resume")).toEqual([
          ...lines.slice(0, 4),
          "text Hello",
          "binary ",
          `binary ${toHex(counted(40))}`,
        ]);
      }
    },
  );

  it("reads nothing after a message that takes a while, until it is done", () => {
    const { endpoint, extension, lines: seen } = newEndpoint({ slice: 4 });
    const chunk = concat([text(wireText("Hello"), marked), text("behind")]);
    const end = endpoint.receive(chunk);
    expect([end, endpoint.isBusy, seen]).toEqual([7, true, []]);
    expect(endpoint.receive(chunk, end)).toBe(end);
    extension.next();
    expect(seen).toEqual(["text Hello", "resume"]);
    expect(endpoint.receive(chunk, end)).toBe(chunk.length);
    expect(seen).toEqual(["text Hello", "resume", "text behind"]);
  });

  it("fails text at its first bad byte, while the message is not complete", () => {
    const { endpoint, lines: seen } = newEndpoint();
    endpoint.receive(text(shifted(Uint8Array.of(0x41, 0xff), 1), begun));
    expect(seen).toEqual(["fail INVALID_UTF8"]);
  });

  it("fails text at its first bad byte, while a slice is at work", () => {
    const { endpoint, extension, lines: seen } = newEndpoint({ slice: 2 });
    endpoint.receive(text(shifted(Uint8Array.of(0x41, 0x41, 0xff, 0x41, 0x41), 1), marked));
    expect(seen).toEqual([]);
    extension.next();
    expect(seen).toEqual(["fail INVALID_UTF8", "resume"]);
    expect(endpoint.isClosed).toBe(true);
  });

  it.each([
    ["at once", {}],
    ["in slices", { slice: 3 }],
  ])("fails text that is cut off inside a character, %s", (_, shift) => {
    const made = newEndpoint(shift);
    receiveAll(made, [text(shifted(Uint8Array.of(0x41, 0xe2, 0x82), 1), marked)]);
    expect(made.lines[0]).toBe("fail INVALID_UTF8");
  });

  it("checks each text by itself", () => {
    const made = newEndpoint({ slice: 3 });
    receiveAll(made, [text(wireText("a€b€"), begun), continuation(wireText("c"))]);
    receiveAll(made, [text(wireText("d€e"), begun), continuation(wireText("€"))]);
    expect(made.lines.filter((line) => line !== "resume")).toEqual(["text a€b€c", "text d€e€"]);
  });

  it("counts what the extension makes of a message against its limit", () => {
    const twice = newEndpoint({}, { maxMessageSize: 8 });
    receiveAll(twice, [binary(shifted(counted(8), 1), marked)]);
    expect(twice.lines).toEqual([`binary ${toHex(counted(8))}`]);
    receiveAll(twice, [binary(shifted(counted(5), 1), begun), continuation(counted(4))]);
    expect(twice.lines.at(-1)).toBe("fail MESSAGE_TOO_BIG");
  });

  it.each([
    ["at once", {}],
    ["in a later slice", { slice: 4 }],
  ])("fails the connection with 1011 where the extension itself fails, %s", (_, shift) => {
    const { endpoint, extension, lines: seen } = newEndpoint(shift);
    const error = new Error("broken");
    if ("slice" in shift) endpoint.receive(binary(counted(8), begun));
    extension.error = error;
    endpoint.receive(binary(counted(8), marked));
    extension.next();
    expect(seen[0]).toBe("fail Error: broken");
    expect(endpoint.closure).toMatchObject({ initiator: "local", error, clean: false });
    const sent = endpoint.output.take()!;
    expect([sent[0], (sent[6]! ^ sent[2]!) * 256 + (sent[7]! ^ sent[3]!)]).toEqual([0x88, 1011]);
  });

  it("refuses a reserved bit that the extension does not know", () => {
    const { endpoint, lines: seen } = newEndpoint();
    endpoint.receive(text("x", { rsv: 6 }));
    expect(seen).toEqual(["fail RSV_NOT_ZERO"]);
  });

  it("closes the extension once the connection is over, and only then", () => {
    const { endpoint, extension } = newEndpoint();
    endpoint.close(1000, "");
    expect(extension.closed).toBe(0);
    endpoint.receive(close(1000));
    expect([endpoint.isClosed, extension.closed]).toEqual([true, 1]);
  });

  it("drops a message at work when this side closes, and still reads the peer's close frame", () => {
    const { endpoint, extension, lines: seen } = newEndpoint({ slice: 4 });
    const chunk = concat([
      text(wireText("Hello"), marked),
      text(wireText("more"), marked),
      close(1000),
    ]);
    const end = endpoint.receive(chunk);
    endpoint.close(1000, "");
    // It goes on: what follows may be given, and nothing of the messages in it is told.
    expect([endpoint.isBusy, seen]).toEqual([false, ["resume"]]);
    extension.next();
    expect(endpoint.receive(chunk, end)).toBe(chunk.length);
    expect(seen).toEqual(["resume"]);
    expect(endpoint.closure).toMatchObject({ clean: true, status: 1000 });
  });

  it("reports nothing more once it has failed with a message at work", () => {
    const { endpoint, extension, lines: seen } = newEndpoint({ slice: 4 });
    endpoint.receive(text(wireText("Hello"), marked));
    endpoint.fail(new Error("gone"), 0, "transport");
    extension.next();
    expect([seen, extension.closed]).toEqual([[], 1]);
  });

  it("may be closed by what a slice delivers", () => {
    const { endpoint, extension, trace, lines: seen } = newEndpoint({ slice: 4 });
    trace.onText = () => {
      endpoint.close(1000, "");
    };
    endpoint.receive(text(wireText("Hello"), marked));
    extension.next();
    expect([endpoint.state, endpoint.isBusy, seen]).toEqual(["closeSent", false, ["resume"]]);
    expect(extension.waiting).toEqual([]);
  });

  it.each<[what: string, shift: ShiftOptions, wire: Uint8Array]>([
    ["the last piece", {}, binary(counted(9), marked)],
    ["a piece of text", {}, text(wireText("Hello"), marked)],
    ["a piece before the last", {}, concat([binary(counted(9), begun), continuation(counted(9))])],
    ["a slice", { slice: 4 }, binary(counted(9), marked)],
  ])("may be closed by an event for the pieces of a message: %s", (_, shift, wire) => {
    const { endpoint, extension, trace, lines: seen } = newEndpoint(shift);
    endpoint.setStreaming(true);
    trace.onMessagePiece = () => {
      endpoint.close(1000, "enough");
    };
    const at = endpoint.receive(wire);
    extension.next();
    if (at < wire.length) endpoint.receive(wire, at);
    endpoint.receive(close(1000));
    expect(seen.filter((line) => line.startsWith("fail") || line.startsWith("end"))).toEqual([]);
    expect(endpoint.closure).toEqual({ status: 1000, reason: "", clean: true, initiator: "local" });
  });

  it("gives away large messages, and lends small ones", () => {
    const owned: boolean[] = [];
    const { endpoint, trace } = newEndpoint();
    trace.onBinary = (_bytes: Uint8Array, _start: number, _end: number, isOwned?: boolean) => {
      owned.push(isOwned!);
    };
    endpoint.receive(binary(counted(64 * 1024), marked));
    endpoint.receive(binary(counted(64 * 1024 + 1), marked));
    expect(owned).toEqual([false, true]);
  });
});

/** What a message that came in pieces was, of a trace that holds nothing else of it. */
function streamed(lines: readonly string[]): string {
  return lines
    .filter((line) => line.startsWith("piece"))
    .map((line) => line.slice("piece ".length))
    .join("");
}

describe("an endpoint with an extension, of which messages are wanted in pieces", () => {
  const message = "Hello \u20AC and more of it";
  const frames = concat([
    text(wireText(message.slice(0, 8)), begun),
    continuation(wireText(message.slice(8)), { fin: false }),
    continuation("", { fin: true }),
  ]);

  it.each([{}, { slice: 3 }] as ShiftOptions[])(
    "passes on what the extension makes, as it makes it, with %j",
    (shift) => {
      for (const pieces of cuts(frames)) {
        const made = newEndpoint(shift);
        made.endpoint.setStreaming(true);
        receiveAll(made, pieces);
        expect(made.lines[0]).toBe("begin text");
        expect(made.lines.filter((line) => line === "end")).toHaveLength(1);
        expect(streamed(made.lines)).toBe(toHex(encodeUtf8(message)));
        expect(made.endpoint.received).toMatchObject({ messages: 1 });
      }
    },
  );

  it("takes over a message in its middle, with what has been made of it", () => {
    for (let at = 3; at < frames.length - 2; at++) {
      const made = newEndpoint();
      receiveAll(made, [frames.slice(0, at)]);
      made.endpoint.setStreaming(true);
      receiveAll(made, [frames.slice(at)]);
      expect(streamed(made.lines), `at ${at}`).toBe(toHex(encodeUtf8(message)));
      expect(made.lines.filter((line) => line.startsWith("text"))).toEqual([]);
    }
  });

  it("fails text that is not valid, in the middle or at its end", () => {
    for (const bytes of [Uint8Array.of(0x61, 0xff, 0x61), Uint8Array.of(0x61, 0xc3)]) {
      const made = newEndpoint();
      made.endpoint.setStreaming(true);
      receiveAll(made, [text(shifted(bytes, 1), marked)]);
      expect(made.lines.at(-1)).toBe("fail INVALID_UTF8");
      expect(made.lines).not.toContain("end");
    }
  });

  it("reports messages that are empty, or that no extension has changed", () => {
    const made = newEndpoint();
    made.endpoint.setStreaming(true);
    receiveAll(made, [concat([binary("", marked), text("as it is")])]);
    const plain = toHex(encodeUtf8("as it is"));
    expect(made.lines).toEqual(["begin binary", "end", "begin text", `piece ${plain}`, "end"]);
  });

  it("counts what is passed on against the limit", () => {
    const made = newEndpoint({}, { maxMessageSize: 10 });
    made.endpoint.setStreaming(true);
    receiveAll(made, [
      binary(shifted(counted(8), 1), begun),
      continuation(shifted(counted(8), 1), { fin: true }),
    ]);
    expect(made.lines.at(-1)).toBe("fail MESSAGE_TOO_BIG");
  });
});
