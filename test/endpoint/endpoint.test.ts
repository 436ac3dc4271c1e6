import { compileFrame, maskFrame, newFrame } from "../../src/frame/frame.ts";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions } from "../../src/endpoint/endpoint.ts";
import type { EndpointEvents } from "../../src/endpoint/endpoint-events.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { OpBinary, OpContinuation, OpPing, OpText } from "../../src/frame/opcode.ts";
import { cuts } from "../support/cuts.ts";
import { newEndpoint, sent, sentLines } from "../support/endpoint.ts";
import {
  binary,
  close,
  continuation,
  counted,
  frame,
  hex,
  ping,
  pong,
  text,
  toHex,
} from "../support/frames.ts";
import { type TextCodec, webText } from "../../src/frame/text-codec.ts";
import { detached, expectRangesChecked } from "../support/ranges.ts";
import { sentFrames } from "../support/sent.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

const masked = { masked: true };
const more = { fin: false };

describe("the codec of an endpoint", () => {
  it("decodes received texts and encodes sent ones, except short ones of ASCII", () => {
    const calls: string[] = [];
    const codec: TextCodec = {
      decode(bytes, start, end) {
        calls.push(`decode ${end - start}`);
        return webText.decode(bytes, start, end);
      },
      encodeInto(text, target, at) {
        calls.push(`encode ${text.length}`);
        return webText.encodeInto(text, target, at);
      },
    };
    const { endpoint, lines } = newEndpoint("server", { codec });
    endpoint.receive(concat([text("short", masked), text("x".repeat(100), masked)]));
    for (const data of ["short", "\u20AC", "x".repeat(100)]) endpoint.sendText(data);
    expect(lines).toEqual(["text short", `text ${"x".repeat(100)}`]);
    expect(calls).toEqual(["decode 100", "encode 1", "encode 100"]);
  });
});

describe("Endpoint.receive()", () => {
  it("reports the same events in the same order, wherever the stream is cut", () => {
    const wire = concat([
      text("Hel", { ...masked, fin: false }),
      ping("p", masked),
      continuation("lo \u20AC", masked),
      binary(counted(300), masked),
      pong("q", masked),
      text("", masked),
      binary("", masked),
      close(1001, "bye", masked),
      ping("behind", masked),
      hex("ff ff"),
    ]);
    const expected = [
      "ping 70",
      "text Hello \u20AC",
      `binary ${toHex(counted(300))}`,
      "pong 71",
      "text ",
      "binary ",
    ];
    const answer = concat([pong("p"), close(1001, "bye")]);
    for (const pieces of cuts(wire)) {
      const { endpoint, lines } = newEndpoint("server");
      const taken = pieces.map((piece) => endpoint.receive(piece));
      expect(taken).toEqual(pieces.map((piece) => piece.length));
      expect(lines).toEqual(expected);
      expect(sent(endpoint)).toEqual(answer);
      expect(endpoint.closure).toEqual({
        status: 1001,
        reason: "bye",
        clean: true,
        initiator: "peer",
      });
    }
  });

  it("reads a range, and nothing outside it", () => {
    const chunk = concat([hex("ff ff"), text("a"), hex("ff")]);
    const { endpoint, lines } = newEndpoint();
    expect(endpoint.receive(chunk, 2, 5)).toBe(5);
    expect(lines).toEqual(["text a"]);
    expect(endpoint.state).toBe("open");
  });

  it("says of binary messages who owns the bytes", () => {
    const owned: boolean[] = [];
    const events: EndpointEvents = new EventTrace();
    events.onBinary = (_bytes, _start, _end, isOwned) => owned.push(isOwned);
    const endpoint = new Endpoint("client", events);
    endpoint.receive(concat([binary("abc"), binary("a", more), continuation("b")]));
    expect(owned).toEqual([false, true]);
  });

  it("fails the connection with 1011 if an event throws an error that the peer did not cause", () => {
    const events = new EventTrace();
    const error = new Error("bug");
    events.onText = () => {
      throw error;
    };
    const endpoint = new Endpoint("client", events);
    expect(endpoint.receive(concat([text("a"), text("b")]))).toBe(6);
    expect(sentLines(endpoint)).toEqual(["close fin rsv 0 masked length 2", "03f3", "end"]);
    expect(events.lines).toEqual(["fail Error: bug"]);
    expect(endpoint.closure).toMatchObject({ initiator: "local", error });
  });
});

/** What a peer may do wrong, as frames to a client, and what answers it. */
const violations: [what: string, frames: Uint8Array[], code: string, status: number][] = [
  ["a reserved opcode", [frame(3)], "OPCODE_RESERVED", 1002],
  ["a masked frame", [text("a", masked)], "MASK_UNEXPECTED", 1002],
  ["an RSV bit", [text("a", { rsv: 4 })], "RSV_NOT_ZERO", 1002],
  ["a long ping", [ping(counted(126))], "CONTROL_TOO_LONG", 1002],
  ["a fragmented ping", [ping("", more)], "CONTROL_NOT_FINAL", 1002],
  ["a continuation of nothing", [continuation("a")], "CONTINUATION_UNEXPECTED", 1002],
  ["a text in a message", [text("a", more), text("b")], "CONTINUATION_EXPECTED", 1002],
  ["a ping's long length", [ping("a", { lengthForm: 2 })], "LENGTH_NOT_MINIMAL", 1002],
  ["a length of 2^63", [text("", { length: 2n ** 63n })], "LENGTH_SIGN_BIT", 1002],
  ["a length of 2^53", [text("", { length: 2n ** 53n })], "LENGTH_TOO_LARGE", 1009],
  ["text that is not UTF-8", [text(hex("ff"))], "INVALID_UTF8", 1007],
  ["a large frame", [text("", { length: 17 * 1024 ** 2 })], "FRAME_TOO_BIG", 1009],
  ["a close frame of one byte", [frame(8, "a")], "CLOSE_BODY_TOO_SHORT", 1002],
  ["a reason that is not UTF-8", [frame(8, hex("03 e8 ff"))], "INVALID_UTF8", 1007],
  ["status 0", [frame(8, hex("00 00"))], "STATUS_NOT_IN_USE", 1002],
  ["status 999", [close(999)], "STATUS_NOT_IN_USE", 1002],
  ["status 1004", [close(1004)], "STATUS_NO_MEANING", 1002],
  ["status 1005", [close(1005)], "STATUS_APPLICATION_LEVEL", 1002],
  ["status 1006", [close(1006)], "STATUS_APPLICATION_LEVEL", 1002],
  ["status 1015", [close(1015)], "STATUS_APPLICATION_LEVEL", 1002],
  ["status 1016", [close(1016)], "STATUS_UNKNOWN", 1002],
  ["status 2999", [close(2999)], "STATUS_UNKNOWN", 1002],
  ["status 5000", [close(5000)], "STATUS_NOT_IN_USE", 1002],
];

describe("Endpoint and a peer that breaks a rule", () => {
  it.each(violations)("fails once, at all cuts: %s → %s", (_, frames, code, status) => {
    const wire = concat([text("ok"), ...frames, text("behind")]);
    for (const pieces of cuts(wire)) {
      const { endpoint, lines } = newEndpoint();
      for (const piece of pieces) expect(endpoint.receive(piece)).toBe(piece.length);
      expect(lines).toEqual(["text ok", `fail ${code}`]);
      expect(sentLines(endpoint)).toEqual([
        "close fin rsv 0 masked length 2",
        status.toString(16).padStart(4, "0"),
        "end",
      ]);
      expect(endpoint.isClosed).toBe(true);
      expect(endpoint.closure).toMatchObject({
        status: 1006,
        reason: "",
        clean: false,
        initiator: "peer",
        error: { code },
      });
    }
  });

  it.each(violations)("sends no second close frame: %s", (_, frames, code) => {
    const { endpoint, lines } = newEndpoint();
    endpoint.close(1000, "");
    sent(endpoint);
    endpoint.receive(concat(frames));
    expect(lines).toEqual([`fail ${code}`]);
    expect(sent(endpoint).length).toBe(0);
    expect(endpoint.closure).toMatchObject({ status: 1006, clean: false, initiator: "local" });
  });

  it("refuses unmasked frames on a server's side", () => {
    const { endpoint, lines } = newEndpoint("server");
    endpoint.receive(concat([text("a", masked), text("b")]));
    expect(lines).toEqual(["text a", "fail MASK_REQUIRED"]);
    expect(sent(endpoint)).toEqual(close(1002));
  });

  it("gives onFail the error itself, when the endpoint is closed already", () => {
    const seen: unknown[] = [];
    const events: EndpointEvents = new EventTrace();
    events.onFail = (error) => seen.push(error, endpoint.isClosed);
    const endpoint = new Endpoint("client", events, { maxMessageSize: 1 });
    endpoint.receive(text("ab"));
    expect(seen).toEqual([expect.any(LimitError), true]);
    expect(endpoint.closure.error).toBe(seen[0]);
  });
});

describe("an endpoint of plain JavaScript", () => {
  it.each([
    undefined,
    null,
    "x",
    {},
    { content: "x" },
    { content: {} },
    { opcode: 1, content: true },
  ])("refuses %j in place of a prepared message", (message) => {
    const { endpoint, lines } = newEndpoint("server");
    expect(() => {
      endpoint.sendPrepared(message as never);
    }).toThrow(/^message must be prepared/);
    expect([lines, endpoint.state, endpoint.isFree]).toEqual([[], "open", true]);
  });

  it.each(["Server", "", undefined, null, 1])("is refused if its side is %j", (side) => {
    expect(() => new Endpoint(side as never, new EventTrace())).toThrow(
      new RangeError(`side must be "client" or "server": ${String(side)}`),
    );
  });

  it("refuses a range outside its chunk, and goes on where it was", () => {
    const { endpoint, lines } = newEndpoint("client");
    const wire = text("hi");
    endpoint.receive(wire, 0, 1);
    expectRangesChecked((bytes, start, end) => endpoint.receive(bytes, start, end));
    endpoint.receive(wire, 1);
    expect(lines).toEqual(["text hi"]);
    expect(endpoint.received.bytes).toBe(wire.length);
  });

  it("refuses detached messages and pings, which would be empty", () => {
    const { endpoint } = newEndpoint("server");
    expect(() => {
      endpoint.sendBinary(detached());
    }).toThrow(/detached/);
    expect(() => {
      endpoint.sendPing(detached());
    }).toThrow(/detached/);
    endpoint.sendBinary(new Uint8Array(0));
    expect(sentFrames(endpoint)).toEqual(["binary fin 0"]);
  });
});

describe("an endpoint whose events throw outside of receive()", () => {
  const thrown = new Error("thrown");

  function throwing(name: "onOutput" | "onResume", options: EndpointOptions = {}) {
    const extension = new ShiftExtension({ slice: 2 });
    const made = newEndpoint("client", { ...options, extensions: openSessions(extension) });
    made.trace[name] = () => {
      throw thrown;
    };
    return { extension, ...made };
  }

  function expectFailed({
    endpoint,
    lines,
  }: {
    endpoint: Endpoint;
    lines: readonly string[];
  }): void {
    expect(lines.filter((line) => line.startsWith("fail"))).toEqual(["fail Error: thrown"]);
    expect(endpoint.closure).toMatchObject({ error: thrown, initiator: "local" });
    expect(endpoint.isFree).toBe(true);
    expect(sentFrames(endpoint).at(-1)).toBe("close fin 0 03f3");
  }

  it("fails with 1011 for what onOutput throws behind a slice", () => {
    const made = throwing("onOutput");
    made.endpoint.sendText("abcd");
    made.extension.next();
    expectFailed(made);
  });

  it("fails with 1011 for what onResume throws behind a slice", () => {
    const made = throwing("onResume");
    made.endpoint.receive(text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }));
    made.extension.next();
    expectFailed(made);
  });

  it("fails for what onResume throws when this side closes", () => {
    const made = throwing("onResume");
    made.endpoint.receive(text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }));
    made.endpoint.close(1000, "");
    expect([made.endpoint.stage, made.lines]).toEqual(["flushing", ["fail Error: thrown"]]);
    expect(sentFrames(made.endpoint)).toEqual(["close fin 0 03e8"]);
  });

  it("reports that it goes on when this side closes, whatever onClosing throws", () => {
    const extension = new ShiftExtension({ slice: 2 });
    const { endpoint, trace, lines } = newEndpoint("client", {
      extensions: openSessions(extension),
    });
    (trace as EndpointEvents).onClosing = () => {
      throw thrown;
    };
    endpoint.receive(text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }));
    expect(() => {
      endpoint.close(1000, "");
    }).toThrow(thrown);
    expect([endpoint.isBusy, lines]).toEqual([false, ["resume"]]);
  });

  it("fails for what an event of a message in pieces throws inside setStreaming()", () => {
    for (const name of ["onMessageBegin", "onMessagePiece"] as const) {
      const made = newEndpoint("client");
      made.trace[name] = () => {
        throw thrown;
      };
      made.endpoint.receive(text("a", more));
      made.endpoint.setStreaming(true);
      expectFailed(made);
    }
  });

  it.each<[what: string, act: (endpoint: Endpoint, extension: ShiftExtension) => void]>([
    [
      "is sent at once",
      (endpoint) => {
        endpoint.sendText("a", false);
      },
    ],
    [
      "is sent in slices",
      (endpoint, extension) => {
        endpoint.sendText("abcd");
        endpoint.sendText("behind");
        extension.next();
      },
    ],
    [
      "is a piece",
      (endpoint) => {
        endpoint.beginMessage(OpText, false).write(encodeUtf8("a"));
      },
    ],
    [
      "is a ping",
      (endpoint) => {
        endpoint.sendPing(encodeUtf8("a"));
      },
    ],
    [
      "is a pong",
      (endpoint) => {
        endpoint.receive(ping());
      },
    ],
  ])("fails for what a tracer throws for a frame that %s", (_, act) => {
    let hasThrown = false;
    const made = throwing("onOutput", {
      trace(direction) {
        if (direction !== "sent" || hasThrown) return;
        hasThrown = true;
        throw thrown;
      },
    });
    made.trace.onOutput = () => {};
    act(made.endpoint, made.extension);
    expectFailed(made);
  });

  it("fails for what an extension throws when it marks the frame of a message done in slices", () => {
    const extension = new ShiftExtension({ slice: 2 });
    const [session] = openSessions(extension);
    const { endpoint, lines } = newEndpoint("client", {
      extensions: [
        {
          send: {
            beginMessage: (message) => session!.send!.beginMessage!(message),
            setBits() {
              throw thrown;
            },
          },
        },
      ],
    });
    const told: string[] = [];
    const pending = endpoint.sendWhenFits("abcd", true, Infinity);
    pending.listener = {
      onSent: () => told.push("sent"),
      onDropped: () => told.push("dropped"),
    };
    endpoint.onRoom();
    extension.next();
    expect(told).toEqual(["dropped"]);
    expectFailed({ endpoint, lines });
  });
});

describe("Endpoint's messages", () => {
  function sendAll(endpoint: Endpoint): void {
    endpoint.sendText("Hello \u20AC");
    endpoint.sendBinary(counted(300));
    endpoint.sendPing(encodeUtf8("p"));
    endpoint.sendText("");
    endpoint.close(1000, "bye");
  }

  it("leave a server unmasked", () => {
    const { endpoint } = newEndpoint("server");
    sendAll(endpoint);
    const frames = [
      text("Hello \u20AC"),
      binary(counted(300)),
      ping("p"),
      text(),
      close(1000, "bye"),
    ];
    expect(sent(endpoint)).toEqual(concat(frames));
  });

  it("leave a client masked", () => {
    const { endpoint } = newEndpoint("client");
    sendAll(endpoint);
    expect(sentLines(endpoint)).toEqual([
      "text fin rsv 0 masked length 9",
      toHex(encodeUtf8("Hello \u20AC")),
      "end",
      "binary fin rsv 0 masked length 300",
      toHex(counted(300)),
      "end",
      "ping fin rsv 0 masked length 1",
      "70",
      "end",
      "text fin rsv 0 masked length 0",
      "end",
      "close fin rsv 0 masked length 5",
      "03e8627965",
      "end",
    ]);
  });

  it("reach the other side", () => {
    const { endpoint: client, lines: clientLines } = newEndpoint("client");
    const { endpoint: server, lines: serverLines } = newEndpoint("server");
    sendAll(client);
    server.receive(sent(client));
    expect(serverLines).toEqual([
      "text Hello \u20AC",
      `binary ${toHex(counted(300))}`,
      "ping 70",
      "text ",
    ]);
    client.receive(sent(server));
    expect(clientLines).toEqual(["pong 70"]);
    expect([client.closure, server.closure]).toEqual([
      { status: 1000, reason: "bye", clean: true, initiator: "local" },
      { status: 1000, reason: "bye", clean: true, initiator: "peer" },
    ]);
  });
});

describe("Endpoint's pongs", () => {
  it("are gathered before onPing is called", () => {
    const unsent: number[] = [];
    const events: EndpointEvents = new EventTrace();
    events.onPing = () => unsent.push(endpoint.output.unsent);
    const endpoint = new Endpoint("server", events);
    endpoint.receive(concat([ping("ab", masked), ping("", masked)]));
    expect(unsent).toEqual([4, 6]);
    expect(sent(endpoint)).toEqual(concat([pong("ab"), pong()]));
  });

  it("are only sent for the last ping while much is unsent", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.sendBinary(counted(5000));
    for (const name of ["a", "b", "c"]) endpoint.receive(ping(name, masked));
    expect(sent(endpoint)).toEqual(concat([binary(counted(5000)), pong("c")]));
  });
});

describe("Endpoint's options", () => {
  it.each<[options: EndpointOptions, frames: Uint8Array[], code: string]>([
    [{ maxFrameSize: 2 }, [text("ab"), text("abc")], "FRAME_TOO_BIG"],
    [{ maxMessageSize: 2 }, [text("ab"), text("abc")], "MESSAGE_TOO_BIG"],
    [{ maxFragments: 1 }, [text("ab"), text("a", more), continuation()], "TOO_MANY_FRAGMENTS"],
    [{ strictLength: true }, [text("ab"), text("a", { lengthForm: 2 })], "LENGTH_NOT_MINIMAL"],
  ])("accept right values and refuse wrong ones: %o", (options, frames, code) => {
    const { endpoint, lines } = newEndpoint("client", options);
    endpoint.receive(concat(frames));
    expect(lines).toEqual(["text ab", `fail ${code}`]);
  });

  it("read 0 as no limit, and an absent limit as the default", () => {
    const options = { maxFrameSize: 0, maxMessageSize: 0, strictLength: undefined };
    const { endpoint } = newEndpoint("client", options);
    endpoint.receive(binary("", { length: 2 ** 50 }));
    expect(endpoint.state).toBe("open");
    const byDefault = newEndpoint("client", {}).endpoint;
    byDefault.receive(binary("", { length: 16 * 1024 ** 2 + 1 }));
    expect(byDefault.closure.error).toMatchObject({ code: "FRAME_TOO_BIG", limit: 16_777_216 });
  });

  it.each([-1, 1.5, NaN])("refuse a limit of %d", (limit) => {
    expect(() => newEndpoint("server", { maxFragments: limit })).toThrow(RangeError);
  });
});

describe("an error of the peer's", () => {
  it("is a ProtocolError with the status that was sent", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.receive(text(hex("ff"), masked));
    const { error } = endpoint.closure;
    expect(error).toBeInstanceOf(ProtocolError);
    expect(sent(endpoint)).toEqual(close((error as ProtocolError).status));
  });
});

describe("what an endpoint has counted", () => {
  it("includes messages, their bytes, frames and the bytes on the wire, each way", () => {
    const { endpoint } = newEndpoint("server");
    const wire = concat([
      text("Hel", { ...masked, ...more }),
      ping("", masked),
      continuation("lo", masked),
      binary(counted(3), masked),
    ]);
    for (const byte of wire) endpoint.receive(Uint8Array.of(byte));
    expect(endpoint.received).toMatchObject({
      messages: 2,
      payload: 8,
      frames: 4,
      bytes: wire.length,
    });
    endpoint.sendText("\u20AC");
    endpoint.sendBinary(counted(300));
    endpoint.output.addRaw(counted(50));
    expect(endpoint.sent).toMatchObject({
      messages: 2,
      payload: 303,
      frames: 3,
      bytes: 2 + 2 + 3 + 4 + 300,
    });
  });

  it("is reported frame by frame to a tracer, with the header as it was", () => {
    const lines: string[] = [];
    const { endpoint } = newEndpoint("client", {
      trace: (direction, { opcode, fin, length, masked: isMasked }) =>
        lines.push(`${direction} ${opcode} ${fin} ${length} ${isMasked}`),
    });
    endpoint.receive(concat([text("a", more), ping("p"), frame(3, "bad")]));
    expect(lines).toEqual([
      "received 1 false 1 false",
      "received 9 true 1 false",
      "sent 10 true 1 true",
      "received 3 true 3 false",
      "sent 8 true 2 true",
    ]);
  });
});

describe("Endpoint.beginMessage()", () => {
  it.each([OpContinuation, OpPing, 3, 16])("refuses opcode %i: no message has it", (opcode) => {
    const { endpoint } = newEndpoint();
    expect(() => endpoint.beginMessage(opcode)).toThrow(
      new RangeError(`opcode must be 1 or 2: ${opcode}`),
    );
    expect(endpoint.isFree).toBe(true);
    endpoint.beginMessage(OpBinary);
  });
});

describe("Endpoint.isFree", () => {
  it("says whether what is sent now is gathered at once", () => {
    const { endpoint } = newEndpoint();
    expect(endpoint.isFree).toBe(true);
    const message = endpoint.beginMessage(OpText);
    expect(endpoint.isFree).toBe(true);
    message.write(counted(1));
    expect(endpoint.isFree).toBe(false);
    message.write(counted(1), true);
    expect(endpoint.isFree).toBe(true);
  });
});

describe("Endpoint's options for what comes", () => {
  it("delivers texts as bytes, of which the receiver owns those that came in pieces", () => {
    const lines: string[] = [];
    const trace = Object.assign(new EventTrace(), {
      onTextBytes: (bytes: Uint8Array, start: number, end: number, isOwned: boolean) =>
        void lines.push(`${[...bytes.subarray(start, end)].join(" ")} ${isOwned}`),
    });
    const endpoint = new Endpoint("client", trace, { textAs: "bytes" });
    endpoint.receive(concat([compileFrame(newFrame(OpText, true, Uint8Array.of(0x61)))]));
    endpoint.receive(compileFrame(newFrame(OpText, false, Uint8Array.of(0xc3))));
    endpoint.receive(compileFrame(newFrame(OpContinuation, true, Uint8Array.of(0xa9))));
    expect([...lines, ...trace.lines]).toEqual(["97 false", "195 169 true"]);
    // Who does not listen is told nothing.
    const deaf = new EventTrace();
    new Endpoint("client", deaf, { textAs: "bytes" }).receive(
      compileFrame(newFrame(OpText, true, Uint8Array.of(0x61))),
    );
    expect(deaf.lines).toEqual([]);
  });

  it("leaves pings to sendPong() if autoPong is false, and sends nothing once it has closed", () => {
    const { endpoint, lines } = newEndpoint("server", { autoPong: false });
    endpoint.receive(compileFrame(maskFrame(newFrame(OpPing, true, Uint8Array.of(7)))));
    expect([lines, sentLines(endpoint)]).toEqual([["ping 07"], []]);
    endpoint.sendPong(Uint8Array.of(7));
    endpoint.close(1000, "");
    endpoint.sendPong(Uint8Array.of(8));
    endpoint.sendTextBytes(Uint8Array.of(0x61));
    expect(sentLines(endpoint).filter((line) => /pong|text/.test(line))).toHaveLength(1);
    expect(() => {
      endpoint.sendPong(new Uint8Array(126));
    }).toThrow(RangeError);
  });
});

describe("the value of a ProtocolError", () => {
  const shift = openSessions(new ShiftExtension({ rsv: 2 }));
  it.each([
    ["OPCODE_RESERVED", 0x3, [0x83, 0x80, 0, 0, 0, 0]],
    ["CONTROL_NOT_FINAL", 0x9, [0x09, 0x80, 0, 0, 0, 0]],
    ["CONTROL_TOO_LONG", 126, [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
    ["LENGTH_NOT_MINIMAL", 5, [0x89, 0xfe, 0, 5, 0, 0, 0, 0]],
    ["RSV_NOT_ZERO", 0x6, [0xe1, 0x80, 0, 0, 0, 0]],
    ["CONTINUATION_UNEXPECTED", 0x0, [0x80, 0x80, 0, 0, 0, 0]],
    ["CONTINUATION_EXPECTED", 0x2, [0x01, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]],
    ["MASK_REQUIRED", undefined, [0x81, 0x00]],
    ["STATUS_APPLICATION_LEVEL", 1005, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]],
    ["STATUS_NO_MEANING", 1004, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xec]],
    ["STATUS_NOT_IN_USE", 999, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe7]],
    ["STATUS_UNKNOWN", 2999, [0x88, 0x82, 0, 0, 0, 0, 0x0b, 0xb7]],
  ])("says what was found: %s, %s", (code, value, bytes) => {
    const { endpoint } = newEndpoint("server");
    endpoint.receive(Uint8Array.from(bytes));
    expect(endpoint.closure.error).toMatchObject({ name: "ProtocolError", code });
    expect((endpoint.closure.error as ProtocolError).value).toBe(value);
  });

  it("says which reserved bits no extension knows", () => {
    const { endpoint } = newEndpoint("server", { extensions: shift });
    endpoint.receive(Uint8Array.of(0xf1, 0x80, 0, 0, 0, 0));
    expect(endpoint.closure.error).toMatchObject({ code: "RSV_NOT_ZERO", value: 5 });
  });
});
