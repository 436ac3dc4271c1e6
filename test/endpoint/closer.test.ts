import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions, type Side } from "../../src/endpoint/endpoint.ts";
import type { EndpointEvents } from "../../src/endpoint/endpoint-events.ts";
import type { ClosingStage } from "../../src/endpoint/closing.ts";
import { LimitError } from "../../src/errors.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { newEndpoint, sent } from "../support/endpoint.ts";
import { binary, close, counted, hex, ping, pong, text, toHex } from "../support/frames.ts";
import { sentFrames } from "../support/sent.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

const masked = { masked: true };
const more = { fin: false };

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

  it("reports no message after its own close frame, but pings and pongs, and answers none", () => {
    const { endpoint, lines } = newEndpoint();
    endpoint.close(1000, "");
    sent(endpoint);
    endpoint.receive(concat([text("a"), binary("b"), ping("c"), pong("d"), text("e", more)]));
    expect(lines).toEqual(["ping 63", "pong 64"]);
    expect(sent(endpoint).length).toBe(0);
    expect(endpoint.state).toBe("closeSent");
  });

  it("sends nothing after its own close frame", () => {
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

  it("sends no late pong after its close frame", () => {
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

  it("ends cleanly if both sides send a close frame at once", () => {
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

  it.each(ways)("reads, reports and sends nothing: %s", (_, end) => {
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
  it("sends the reason if a close frame may still be sent", () => {
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

  it("sends no second close frame, and keeps the initiator", () => {
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

  it("calls onFail even if onClosing throws", () => {
    const { endpoint, trace, lines } = newEndpoint("server");
    const thrown = new Error("of onClosing");
    (trace as EndpointEvents).onClosing = () => {
      throw thrown;
    };
    expect(() => endpoint.receive(text("not masked"))).toThrow(thrown);
    expect(lines).toEqual(["fail MASK_REQUIRED"]);
  });

  it("goes on after a message that took a while, whatever onFail throws", () => {
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
  it("says before the end what it would be if the stream ended now", () => {
    expect(newEndpoint().endpoint.closure).toEqual({
      status: 1006,
      reason: "",
      clean: false,
      initiator: "transport",
    });
  });
});

describe("Endpoint.stage", () => {
  it("is reported step by step, from this side's close frame to the end of the socket", () => {
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

  it("is reported once for each step, even if the same event comes again", () => {
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

  it("is reported when the close frame is in the output already, if nothing waits before it", () => {
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

  it("is reported only for the last step if a tracer of the close frame moves on, and never twice", () => {
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

  it("may be moved on by a listener that hears that its message was dropped", () => {
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

  it.each<[what: string, end: (endpoint: Endpoint) => void]>([
    ["this side closes", (endpoint) => endpoint.close(1000, "")],
    ["the peer closes", (endpoint) => void endpoint.receive(close(1000))],
  ])("adds no close frame where that happens while %s", (_, end) => {
    const { endpoint, stages } = stagedEndpoint();
    const front = endpoint.newStreamedMessage(OpText, true);
    front.write(encodeUtf8("begun"));
    endpoint.sendWhenFits("behind", true, Infinity).listener = {
      onSent: () => expect.fail("it was sent"),
      onDropped() {
        endpoint.advance("drop");
        endpoint.output.abandon();
      },
    };
    end(endpoint);
    expect(stages).toEqual(["dropped"]);
    expect(endpoint.output.unsent).toBe(0);
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

  it("does not say that it goes on when it has failed, since nothing more is read", () => {
    const extension = new ShiftExtension({ slice: 4 });
    const { endpoint, lines } = newEndpoint("client", { extensions: openSessions(extension) });
    endpoint.receive(text(shifted(encodeUtf8("Hello"), 1), { rsv: 2 }));
    endpoint.fail(new Error("no"), 1011, "local");
    extension.next();
    expect([endpoint.isBusy, lines]).toEqual([false, []]);
  });
});

describe("Endpoint.drop()", () => {
  it("drops gathered bytes, without a close frame, and names this side as the initiator", () => {
    const { endpoint, stages } = stagedEndpoint();
    const error = new Error("enough");
    endpoint.drop(error);
    expect(stages).toEqual(["dropped"]);
    expect(sent(endpoint)).toEqual(concat([]));
    expect(endpoint.closure).toMatchObject({ initiator: "local", clean: false, error });
  });

  it("drops the socket of a connection whose closing handshake is done, and leaves how it ended", () => {
    const { endpoint, stages } = stagedEndpoint();
    endpoint.receive(close(1000, "bye"));
    endpoint.drop(new Error("enough"));
    expect(stages).toEqual(["flushing", "dropped"]);
    expect(endpoint.closure).toEqual({
      status: 1000,
      reason: "bye",
      clean: true,
      initiator: "peer",
    });
  });
});

describe("an extension that fails to close", () => {
  it("does not keep other extensions from being closed, nor onClosing from being called", () => {
    const error = new Error("close");
    const closed: string[] = [];
    const { endpoint, stages } = stagedEndpoint("client", {
      extensions: [
        {
          close() {
            closed.push("bad");
            throw error;
          },
        },
        {
          close() {
            closed.push("good");
          },
        },
      ],
    });
    expect(() => {
      endpoint.fail(new Error("why"), 1011, "local");
    }).toThrow(error);
    expect(closed).toEqual(["bad", "good"]);
    expect(stages).toEqual(["flushing"]);
  });
});
