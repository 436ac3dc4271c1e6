import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import {
  Endpoint,
  type EndpointEvents,
  type EndpointOptions,
  type Side,
} from "../../src/endpoint/endpoint.ts";
import type { ClosingStage } from "../../src/endpoint/closing.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { cuts } from "../support/cuts.ts";
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
import { drain, sentFrames } from "../support/sent.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";
import { EventTrace, FrameTrace } from "../support/trace.ts";

const masked = { masked: true };
const more = { fin: false };

function newEndpoint(
  side: Side = "client",
  options?: EndpointOptions,
): { endpoint: Endpoint; lines: string[]; trace: EventTrace } {
  const trace = new EventTrace();
  return { endpoint: new Endpoint(side, trace, options), lines: trace.lines, trace };
}

/** All that an endpoint wants to send. */
function sent({ output }: Endpoint): Uint8Array {
  return concat(drain(output));
}

/** All that an endpoint wants to send, as a trace of frames without their keys. */
function sentLines(endpoint: Endpoint): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(sent(endpoint));
  return trace.lines.map((line) => line.replace(/mask [0-9a-f]{8}/, "masked"));
}

describe("the codec of an endpoint", () => {
  it("decodes the texts that come and encodes those that are sent, but for short ones of ASCII", () => {
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
  it("tells the same events in the same order, wherever the stream is cut", () => {
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

  it("takes a range, and looks at nothing beside it", () => {
    const chunk = concat([hex("ff ff"), text("a"), hex("ff")]);
    const { endpoint, lines } = newEndpoint();
    expect(endpoint.receive(chunk, 2, 5)).toBe(5);
    expect(lines).toEqual(["text a"]);
    expect(endpoint.state).toBe("open");
  });

  it("says of binary messages whose bytes they are", () => {
    const owned: boolean[] = [];
    const events: EndpointEvents = new EventTrace();
    events.onBinary = (_bytes, _start, _end, isOwned) => owned.push(isOwned);
    const endpoint = new Endpoint("client", events);
    endpoint.receive(concat([binary("abc"), binary("a", more), continuation("b")]));
    expect(owned).toEqual([false, true]);
  });

  it("fails the connection with 1011 for what an event throws that is not the peer's doing", () => {
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

describe("Endpoint's closing handshake", () => {
  it.each<[what: string, wire: Uint8Array, status: number, reason: string]>([
    ["status and reason", close(1000, "bye \u20AC", masked), 1000, "bye \u20AC"],
    ["a status alone", close(4999, "", masked), 4999, ""],
    ["nothing", close(0, "", masked), 1005, ""],
    ["the longest reason", close(3000, "r".repeat(123), masked), 3000, "r".repeat(123)],
  ])("answers a close frame with its own body: %s", (_, wire, status, reason) => {
    const { endpoint, lines } = newEndpoint("server");
    endpoint.receive(wire);
    expect(sent(endpoint)).toEqual(close(status === 1005 ? 0 : status, reason));
    expect(endpoint.state).toBe("closed");
    expect(endpoint.closure).toEqual({ status, reason, clean: true, initiator: "peer" });
    expect(lines).toEqual([]);
  });

  it.each<[status: number, reason: string]>([
    [1000, "bye"],
    [4000, ""],
    [0, ""],
  ])("sends %i %j once, and waits for the answer", (status, reason) => {
    const { endpoint } = newEndpoint("server");
    endpoint.close(status, reason);
    endpoint.close(1011, "again");
    expect(sent(endpoint)).toEqual(close(status, reason));
    expect([endpoint.state, endpoint.isClosed]).toEqual(["closeSent", false]);
    expect(endpoint.closure).toEqual({
      status: 1006,
      reason: "",
      clean: false,
      initiator: "local",
    });
    endpoint.receive(close(1001, "answer", masked));
    expect(sent(endpoint).length).toBe(0);
    expect([endpoint.state, endpoint.isClosed]).toEqual(["closed", true]);
    expect(endpoint.closure).toEqual({
      status: 1001,
      reason: "answer",
      clean: true,
      initiator: "local",
    });
  });

  it("tells no message behind its own close frame, but pings and pongs, unanswered", () => {
    const { endpoint, lines } = newEndpoint();
    endpoint.close(1000, "");
    sent(endpoint);
    endpoint.receive(concat([text("a"), binary("b"), ping("c"), pong("d"), text("e", more)]));
    expect(lines).toEqual(["ping 63", "pong 64"]);
    expect(sent(endpoint).length).toBe(0);
    expect(endpoint.state).toBe("closeSent");
  });

  it("sends nothing behind its own close frame", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.close(1000, "");
    endpoint.sendText("a");
    endpoint.sendBinary(counted(1));
    endpoint.sendPing(counted(1));
    expect(sent(endpoint)).toEqual(close(1000));
  });

  it("refuses a ping of more than 125 bytes, and sends nothing of it (RFC 6455, 5.5)", () => {
    const { endpoint } = newEndpoint("server");
    expect(() => {
      endpoint.sendPing(counted(126));
    }).toThrow(new RangeError("length must be from 0 to 125: 126"));
    expect(sent(endpoint).length).toBe(0);
    endpoint.sendPing(counted(125));
    expect(sent(endpoint)).toEqual(ping(counted(125)));
  });

  it("sends no late pong behind its close frame", () => {
    for (const end of ["own", "answer", "failure"]) {
      const { endpoint } = newEndpoint("server");
      endpoint.sendBinary(counted(5000));
      endpoint.receive(ping("late", masked));
      if (end === "own") endpoint.close(1000, "");
      if (end === "answer") endpoint.receive(close(1000, "", masked));
      if (end === "failure") endpoint.fail(new Error("no"), 1000, "local");
      const bytes = sent(endpoint);
      expect(toHex(bytes.subarray(-4)), end).toBe(toHex(close(1000)));
    }
  });

  it("crosses with the peer's", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.close(1000, "mine");
    endpoint.receive(close(1001, "theirs", masked));
    expect(sent(endpoint)).toEqual(close(1000, "mine"));
    expect(endpoint.closure).toMatchObject({ status: 1001, clean: true, initiator: "local" });
  });
});

describe("Endpoint, closed", () => {
  const ways: [what: string, end: (endpoint: Endpoint) => void][] = [
    ["by the peer", (endpoint) => endpoint.receive(close(1000, "", masked))],
    ["by a violation", (endpoint) => endpoint.receive(text("a"))],
    ["by fail()", (endpoint) => endpoint.fail(new Error("no"), 1011, "local")],
  ];

  it.each(ways)("reads, tells and sends nothing: %s", (_, end) => {
    const { endpoint, lines } = newEndpoint("server");
    end(endpoint);
    expect(endpoint.isClosed).toBe(true);
    sent(endpoint);
    const told = lines.length;
    const { closure } = endpoint;
    expect(endpoint.receive(text("a", masked))).toBe(text("a", masked).length);
    expect(endpoint.receive(hex("ff ff ff"), 1, 2)).toBe(2);
    endpoint.sendText("a");
    endpoint.sendBinary(counted(1));
    endpoint.sendPing(counted(1));
    endpoint.close(1000, "");
    endpoint.fail(new Error("again"), 1011, "transport");
    expect(lines.length).toBe(told);
    expect(sent(endpoint).length).toBe(0);
    expect(endpoint.closure).toEqual(closure);
  });
});

describe("Endpoint.fail()", () => {
  it("says why, where a close frame may still be sent", () => {
    const { endpoint, lines } = newEndpoint("server");
    const error = new Error("no");
    endpoint.fail(error, 1011, "local");
    expect(sent(endpoint)).toEqual(close(1011));
    expect(endpoint.closure).toEqual({
      status: 1006,
      reason: "",
      clean: false,
      initiator: "local",
      error,
    });
    expect(lines).toEqual([]);
  });

  it("sends nothing with a status of 0", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.fail(new Error("reset"), 0, "transport");
    expect(sent(endpoint).length).toBe(0);
    expect(endpoint.closure).toMatchObject({ initiator: "transport", clean: false });
  });

  it("sends no second close frame, and leaves who began", () => {
    const { endpoint } = newEndpoint("server");
    endpoint.close(1000, "");
    endpoint.fail(new Error("timeout"), 1011, "transport");
    expect(sent(endpoint)).toEqual(close(1000));
    expect(endpoint.closure.initiator).toBe("local");
  });

  it("ends the call of receive() that an event came from", () => {
    const trace = new EventTrace();
    const events: EndpointEvents = trace;
    events.onPing = () => {
      endpoint.fail(new Error("no"), 1008, "local");
    };
    const endpoint = new Endpoint("client", events);
    const wire = concat([text("a"), ping(), text("b"), hex("ff")]);
    expect(endpoint.receive(wire)).toBe(wire.length);
    expect(trace.lines).toEqual(["text a"]);
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
  ])("refuses %j in the place of a message that is prepared", (message) => {
    const { endpoint, lines } = newEndpoint("server");
    expect(() => {
      endpoint.sendPrepared(message as never);
    }).toThrow(/^message must be prepared/);
    expect([lines, endpoint.state, endpoint.isFree]).toEqual([[], "open", true]);
  });

  it.each(["Server", "", undefined, null, 1])("is refused where its side is %j", (side) => {
    expect(() => new Endpoint(side as never, new EventTrace())).toThrow(
      new RangeError(`side must be "client" or "server": ${String(side)}`),
    );
  });

  it("refuses a range that is none of its chunk, and goes on where it stood", () => {
    const { endpoint, lines } = newEndpoint("client");
    const wire = text("hi");
    endpoint.receive(wire, 0, 1);
    expectRangesChecked((bytes, start, end) => endpoint.receive(bytes, start, end));
    endpoint.receive(wire, 1);
    expect(lines).toEqual(["text hi"]);
    expect(endpoint.received.bytes).toBe(wire.length);
  });

  it("refuses messages and pings that are detached, which would be empty", () => {
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

describe("Endpoint.receive() from within an event", () => {
  it("throws, and takes nothing: what was under way goes on", () => {
    const { endpoint, trace, lines } = newEndpoint("client");
    const errors: unknown[] = [];
    trace.onText = (data) => {
      lines.push(`text ${data}`);
      try {
        endpoint.receive(text("inside"));
      } catch (error) {
        errors.push(error);
      }
    };
    const wire = concat([text("a", more), continuation("b"), text("c")]);
    for (const cut of [1, 4, 6]) {
      endpoint.receive(wire.slice(0, cut));
      endpoint.receive(wire.slice(cut));
    }
    expect(lines).toEqual(["text ab", "text c", "text ab", "text c", "text ab", "text c"]);
    expect(errors).toHaveLength(6);
    for (const error of errors) expect(error).toBeInstanceOf(TypeError);
    expect(endpoint.state).toBe("open");
  });

  it("fails the connection where the event does not catch it, as all that events throw does", () => {
    const { endpoint, trace, lines } = newEndpoint("client");
    trace.onPing = () => {
      endpoint.receive(ping());
    };
    endpoint.receive(ping());
    expect(lines).toEqual(["fail TypeError: receive() inside of an event"]);
    expect(sentFrames(endpoint).at(-1)).toBe("close fin 0 03f3");
  });

  it("throws inside of stream(), too, which tells what has come by now", () => {
    const { endpoint, trace, lines } = newEndpoint("client");
    trace.onMessageBegin = () => {
      endpoint.receive(continuation("b"));
    };
    endpoint.receive(text("a", more));
    endpoint.stream(true);
    expect(lines).toEqual(["fail TypeError: receive() inside of an event"]);
  });

  it("is not needed where an event closes while a message takes a while: what follows is read", () => {
    const extension = new ShiftExtension({ slice: 2 });
    const { endpoint, trace, lines } = newEndpoint("client", {
      extensions: openSessions(extension),
    });
    trace.onMessagePiece = () => {
      endpoint.close(1000, "");
    };
    endpoint.stream(true);
    const wire = concat([text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }), close(1000)]);
    expect(endpoint.receive(wire)).toBe(wire.length);
    expect([endpoint.stage, endpoint.isBusy, lines]).toEqual(["flushing", false, ["begin text"]]);
  });

  it("may follow onResume where an event of stream() closes while a message takes a while", () => {
    const extension = new ShiftExtension({ slice: 2 });
    const { endpoint, trace, lines } = newEndpoint("client", {
      extensions: openSessions(extension),
    });
    trace.onMessagePiece = () => {
      endpoint.close(1000, "");
    };
    const wire = concat([text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }), close(1000)]);
    let taken = endpoint.receive(wire);
    expect(taken).toBeLessThan(wire.length);
    trace.onResume = () => {
      taken = endpoint.receive(wire, taken);
    };
    endpoint.stream(true);
    expect([endpoint.stage, taken, lines]).toEqual(["flushing", wire.length, ["begin text"]]);
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

  it("tells that it goes on when this side closes, whatever onClosing throws", () => {
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

  it("fails for what a message in pieces throws that stream() tells of", () => {
    for (const name of ["onMessageBegin", "onMessagePiece"] as const) {
      const made = newEndpoint("client");
      made.trace[name] = () => {
        throw thrown;
      };
      made.endpoint.receive(text("a", more));
      made.endpoint.stream(true);
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
  ])("fails for what a tracer throws of a frame that %s", (_, act) => {
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

  it("fails for what an extension throws that marks the frame of a message done in slices", () => {
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

describe("a chunk that is transferred inside of an event of its own", () => {
  it.each<Side>(["client", "server"])("is no fault of the peer's: %s", (side) => {
    const { endpoint, trace } = newEndpoint(side);
    const parts = { masked: side === "server" };
    const errors: unknown[] = [];
    trace.onFail = (error) => {
      errors.push(error);
    };
    trace.onBinary = (bytes) => {
      structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
    };
    const chunk = concat([binary(counted(3), parts), binary(counted(3), parts)]);
    const { length } = chunk;
    expect(endpoint.receive(chunk)).toBe(length);
    expect(errors).toEqual([new TypeError("chunk was transferred inside of an event")]);
    expect(endpoint.closure).toMatchObject({ initiator: "local", error: errors[0] });
    expect(sentLines(endpoint).join()).toContain("close");
  });
});

describe("an endpoint whose events throw", () => {
  it("passes on what onFail throws, when all is done that a failure asks for", () => {
    const { endpoint, trace } = newEndpoint("server");
    const thrown = new Error("of onFail");
    trace.onFail = () => {
      throw thrown;
    };
    expect(() => endpoint.receive(text("not masked"))).toThrow(thrown);
    expect(endpoint.state).toBe("closed");
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03ea"]);
    expect(endpoint.receive(text("more"))).toBe(text("more").length);
  });

  it.each<Side>(["client", "server"])(
    "passes on what onClosing throws at the peer's close frame, which is no failure: %s",
    (side) => {
      const { endpoint, trace, lines } = newEndpoint(side);
      const thrown = new Error("of onClosing");
      const stages: ClosingStage[] = [];
      (trace as EndpointEvents).onClosing = (stage) => {
        stages.push(stage);
        throw thrown;
      };
      const isMasked = { masked: side === "server" };
      expect(() => endpoint.receive(close(1000, "bye", isMasked))).toThrow(thrown);
      expect([lines, stages]).toEqual([[], ["flushing"]]);
      expect(endpoint.closure).toEqual({
        status: 1000,
        reason: "bye",
        clean: true,
        initiator: "peer",
      });
      expect([endpoint.state, sent(endpoint).length]).toEqual([
        "closed",
        side === "server" ? 7 : 11,
      ]);
      expect(endpoint.receive(text("more", isMasked))).toBe(text("more", isMasked).length);
      expect(stages).toEqual(["flushing"]);
    },
  );

  it("tells onFail also where onClosing throws", () => {
    const { endpoint, trace, lines } = newEndpoint("server");
    const thrown = new Error("of onClosing");
    (trace as EndpointEvents).onClosing = () => {
      throw thrown;
    };
    expect(() => endpoint.receive(text("not masked"))).toThrow(thrown);
    expect(lines).toEqual(["fail MASK_REQUIRED"]);
  });

  it("goes on behind a message that took a while, whatever onFail throws", () => {
    const extension = new ShiftExtension({ slice: 1 });
    const { endpoint, trace, lines } = newEndpoint("client", {
      extensions: openSessions(extension),
    });
    endpoint.receive(text(shifted(encodeUtf8("abc"), 1), { rsv: 2 }));
    extension.error = new Error("broken");
    const thrown = new Error("of onFail");
    trace.onFail = () => {
      throw thrown;
    };
    expect(() => extension.next()).toThrow(thrown);
    expect(lines).toEqual(["resume"]);
  });

  it("answers a limit of the opening handshake, thrown by an event, with 1011", () => {
    const { endpoint, trace } = newEndpoint("client");
    trace.onText = () => {
      throw new LimitError("HEAD_TOO_LARGE", 1, 2);
    };
    endpoint.receive(text("Hello"));
    expect(endpoint.closure).toMatchObject({ initiator: "local" });
    expect(sentFrames(endpoint)).toEqual(["close fin 0 03f3"]);
  });
});

describe("Endpoint.closure", () => {
  it("says before the end what would be if the stream ended now", () => {
    expect(newEndpoint().endpoint.closure).toEqual({
      status: 1006,
      reason: "",
      clean: false,
      initiator: "transport",
    });
  });
});

describe("Endpoint.stop()", () => {
  it("makes receive() return after the present event, and the rest is taken later", () => {
    const wire = concat([text("a"), binary("b", more), continuation("c"), ping("d"), pong("e")]);
    const trace = new EventTrace();
    const stopAfter = (tell: () => void): void => {
      tell();
      endpoint.stop();
    };
    const endpoint = new Endpoint("client", {
      onText: (data) => stopAfter(() => trace.onText(data)),
      onBinary: (bytes, start, end) => stopAfter(() => trace.onBinary(bytes, start, end)),
      onPing: (bytes, start, end) => stopAfter(() => trace.onPing(bytes, start, end)),
      onPong: (bytes, start, end) => stopAfter(() => trace.onPong(bytes, start, end)),
      onFail: (error) => trace.onFail(error),
      onResume: () => trace.onResume(),
      onOutput: () => trace.onOutput(),
    });
    const ends: number[] = [];
    for (let at = 0; at < wire.length; ends.push(at)) at = endpoint.receive(wire, at);
    expect(ends).toEqual([3, 9, 12, 15]);
    expect(trace.lines).toEqual(["text a", "binary 6263", "ping 64", "pong 65"]);
  });

  it("leaves nothing to take behind a close frame", () => {
    const { endpoint, lines } = newEndpoint();
    const wire = concat([close(1000), ping("a"), pong("b"), hex("ff ff")]);
    expect(endpoint.receive(wire)).toBe(wire.length);
    expect(lines).toEqual([]);
    expect(endpoint.closure).toMatchObject({ status: 1000, clean: true });
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

  it("are only the last one when much is unsent", () => {
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
  ])("%o: takes what is right and refuses what is not", (options, frames, code) => {
    const { endpoint, lines } = newEndpoint("client", options);
    endpoint.receive(concat(frames));
    expect(lines).toEqual(["text ab", `fail ${code}`]);
  });

  it("read 0 as no limit, and what is not given as the default", () => {
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
  it("are messages, their bytes, frames and the bytes on the wire, each way", () => {
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

  it("is told frame by frame to a tracer, with the header as it was", () => {
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

describe("an endpoint of which messages are wanted in pieces", () => {
  it("tells nothing of them once its state is no longer open", () => {
    const { endpoint, lines } = newEndpoint();
    endpoint.stream(true);
    endpoint.receive(concat([text("a", more), ping()]));
    endpoint.close(1000, "");
    endpoint.receive(concat([continuation("b"), text("c")]));
    expect(lines).toEqual(["begin text", "piece 61", "ping "]);
  });

  it("drops them where nobody listens", () => {
    const events: EndpointEvents = {
      onText() {},
      onBinary() {},
      onPing() {},
      onPong() {},
      onFail() {},
      onResume() {},
      onOutput() {},
    };
    const endpoint = new Endpoint("client", events);
    endpoint.stream(true);
    endpoint.receive(text("a"));
    expect(endpoint.received.messages).toBe(1);
    expect(endpoint.state).toBe("open");
  });
});

/** An endpoint that writes down its stages as they are told. */
function stagedEndpoint(
  side: Side = "client",
  options: EndpointOptions = {},
): { endpoint: Endpoint; lines: string[]; stages: ClosingStage[] } {
  const trace = new EventTrace();
  const stages: ClosingStage[] = [];
  const events: EndpointEvents = trace;
  events.onClosing = (stage) => {
    // It is where it says it is.
    expect(stage).toBe(endpoint.stage);
    stages.push(stage);
  };
  const endpoint = new Endpoint(side, events, options);
  return { endpoint, lines: trace.lines, stages };
}

describe("Endpoint.stage", () => {
  it("is told step by step, from this side's close frame to the end of the socket", () => {
    const { endpoint, stages } = stagedEndpoint();
    expect([endpoint.stage, endpoint.initiator]).toEqual(["open", undefined]);
    endpoint.close(1000, "");
    expect([endpoint.state, endpoint.initiator]).toEqual(["closeSent", "local"]);
    endpoint.receive(close(1000));
    endpoint.advance("drained");
    endpoint.advance("socketClosed");
    expect(stages).toEqual(["closeSent", "flushing", "finSent", "closed"]);
    expect([endpoint.state, endpoint.isClosed]).toEqual(["closed", true]);
  });

  it("is told once for each step, though the same happens again", () => {
    const { endpoint, stages } = stagedEndpoint();
    for (const repeat of [1, 2]) {
      endpoint.receive(repeat === 1 ? close(1000) : close(1001));
      endpoint.fail(new Error("no"), 1011, "local");
      endpoint.close(1000, "");
      endpoint.advance("deadline");
      endpoint.advance("drop");
      endpoint.advance("socketClosed");
    }
    expect(stages).toEqual(["flushing", "dropped", "closed"]);
    expect(endpoint.closure).toMatchObject({ status: 1000, clean: true, initiator: "peer" });
  });

  it("finds the close frame in the output, where nothing is in front of it, when it is told", () => {
    for (const end of ["own", "answer", "failure"]) {
      const seen: string[][] = [];
      const events: EndpointEvents = new EventTrace();
      events.onClosing = () => seen.push(sentFrames(endpoint));
      const endpoint = new Endpoint("client", events);
      if (end === "own") endpoint.close(1000, "");
      if (end === "answer") endpoint.receive(close(1000));
      if (end === "failure") endpoint.fail(new Error("no"), 1000, "local");
      expect(seen, end).toEqual([["close fin 0 03e8"]]);
    }
  });

  it("is told of the last step alone where a tracer of the close frame moves on, and of none twice", () => {
    for (const end of ["own", "answer", "failure"]) {
      for (const act of ["fail", "drop"]) {
        const { endpoint, stages } = stagedEndpoint("client", {
          trace(direction) {
            if (direction === "received") return;
            endpoint.fail(new Error("traced"), 0, "local");
            if (act === "drop") endpoint.advance("drop");
          },
        });
        if (end === "own") endpoint.close(1000, "");
        if (end === "answer") endpoint.receive(close(1000));
        if (end === "failure") endpoint.fail(new Error("no"), 1011, "local");
        const isFailedFirst = end === "own" || act === "fail";
        const expected = isFailedFirst ? ["flushing"] : [];
        if (act === "drop") expected.push("dropped");
        expect(stages, `${end}, ${act}`).toEqual(expected);
      }
    }
  });

  it("may be moved on by whoever is told that what waited was dropped", () => {
    const { endpoint, stages } = stagedEndpoint();
    endpoint.sendBinary(counted(100));
    endpoint.sendWhenFits("a", true, 10).listener = {
      onSent: () => expect.fail("it was sent"),
      onDropped() {
        endpoint.advance("drop");
        endpoint.output.abandon();
      },
    };
    endpoint.fail(new Error("no"), 1011, "local");
    expect(stages).toEqual(["dropped"]);
    // Nothing is added for a peer that nothing reaches any more.
    expect(endpoint.output.unsent).toBe(0);
  });
});

describe("Endpoint.isInMessage", () => {
  it("says whether a message has begun that is not complete, whatever comes in between", () => {
    for (const isExtended of [false, true]) {
      const extensions = isExtended ? openSessions(new ShiftExtension()) : [];
      const { endpoint } = newEndpoint("client", { extensions });
      const begun = isExtended ? { rsv: 2, fin: false } : more;
      const seen = [text("a", begun), ping(), continuation("b"), ping(), text("c")].map((bytes) => {
        endpoint.receive(bytes);
        return endpoint.isInMessage;
      });
      expect(seen).toEqual([true, true, false, false, false]);
    }
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

describe("an endpoint that is busy with a message", () => {
  it("says that it goes on when this side closes, and then reads the peer's close frame", () => {
    const extension = new ShiftExtension({ slice: 4 });
    const { endpoint, lines, stages } = stagedEndpoint("client", {
      extensions: openSessions(extension),
    });
    const chunk = concat([
      text(shifted(encodeUtf8("Hello"), 1), { rsv: 2 }),
      ping("read"),
      close(1000),
    ]);
    const end = endpoint.receive(chunk);
    expect([endpoint.isBusy, lines, end < chunk.length]).toEqual([true, [], true]);
    endpoint.close(1000, "");
    expect([endpoint.isBusy, lines, stages]).toEqual([false, ["resume"], ["closeSent"]]);
    endpoint.receive(chunk, end);
    expect([lines, stages]).toEqual([
      ["resume", `ping ${toHex(encodeUtf8("read"))}`],
      ["closeSent", "flushing"],
    ]);
    extension.next();
    expect(lines).toHaveLength(2);
  });

  it("says nothing of it when it has failed: nothing more is read", () => {
    const extension = new ShiftExtension({ slice: 4 });
    const { endpoint, lines } = newEndpoint("client", { extensions: openSessions(extension) });
    endpoint.receive(text(shifted(encodeUtf8("Hello"), 1), { rsv: 2 }));
    endpoint.fail(new Error("no"), 1011, "local");
    extension.next();
    expect([endpoint.isBusy, lines]).toEqual([false, []]);
  });
});
