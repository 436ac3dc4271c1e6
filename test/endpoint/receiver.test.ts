import { describe, expect, it } from "vitest";
import type { ExtensionSession } from "../../src/extension/extension.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions, type Side } from "../../src/endpoint/endpoint.ts";
import type { EndpointEvents } from "../../src/endpoint/endpoint-events.ts";
import { newEndpoint, sentLines } from "../support/endpoint.ts";
import { binary, close, continuation, counted, hex, ping, pong, text } from "../support/frames.ts";
import { sentFrames } from "../support/sent.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

const more = { fin: false };

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

  it("fails the connection if the event does not catch the error, as for all errors of events", () => {
    const { endpoint, trace, lines } = newEndpoint("client");
    trace.onPing = () => {
      endpoint.receive(ping());
    };
    endpoint.receive(ping());
    expect(lines).toEqual(["fail TypeError: receive() must not be called inside an event"]);
    expect(sentFrames(endpoint).at(-1)).toBe("close fin 0 03f3");
  });

  it("throws inside setStreaming(), too, which reports what has come so far", () => {
    const { endpoint, trace, lines } = newEndpoint("client");
    trace.onMessageBegin = () => {
      endpoint.receive(continuation("b"));
    };
    endpoint.receive(text("a", more));
    endpoint.setStreaming(true);
    expect(lines).toEqual(["fail TypeError: receive() must not be called inside an event"]);
  });

  it("is not needed if an event closes while a message takes a while, since what follows is read", () => {
    const extension = new ShiftExtension({ slice: 2 });
    const { endpoint, trace, lines } = newEndpoint("client", {
      extensions: openSessions(extension),
    });
    trace.onMessagePiece = () => {
      endpoint.close(1000, "");
    };
    endpoint.setStreaming(true);
    const wire = concat([text(shifted(encodeUtf8("abcd"), 1), { rsv: 2 }), close(1000)]);
    expect(endpoint.receive(wire)).toBe(wire.length);
    expect([endpoint.stage, endpoint.isBusy, lines]).toEqual(["flushing", false, ["begin text"]]);
  });

  it("may follow onResume if an event of setStreaming() closes while a message takes a while", () => {
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
    endpoint.setStreaming(true);
    expect([endpoint.stage, taken, lines]).toEqual(["flushing", wire.length, ["begin text"]]);
  });
});

describe("a chunk that is transferred inside of an event of its own", () => {
  it.each<Side>(["client", "server"])("does not count as a fault of the peer: %s", (side) => {
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
    expect(errors).toEqual([new TypeError("chunk was transferred inside an event")]);
    expect(endpoint.closure).toMatchObject({ initiator: "local", error: errors[0] });
    expect(sentLines(endpoint).join()).toContain("close");
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

  it("leaves nothing to receive after a close frame", () => {
    const { endpoint, lines } = newEndpoint();
    const wire = concat([close(1000), ping("a"), pong("b"), hex("ff ff")]);
    expect(endpoint.receive(wire)).toBe(wire.length);
    expect(lines).toEqual([]);
    expect(endpoint.closure).toMatchObject({ status: 1000, clean: true });
  });
});

describe("an endpoint of which messages are wanted in pieces", () => {
  it("reports nothing of them once its state is no longer open", () => {
    const { endpoint, lines } = newEndpoint();
    endpoint.setStreaming(true);
    endpoint.receive(concat([text("a", more), ping()]));
    endpoint.close(1000, "");
    endpoint.receive(concat([continuation("b"), text("c")]));
    expect(lines).toEqual(["begin text", "piece 61", "ping "]);
  });

  it("drops them if nobody listens", () => {
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
    endpoint.setStreaming(true);
    endpoint.receive(text("a"));
    expect(endpoint.received.messages).toBe(1);
    expect(endpoint.state).toBe("open");
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

describe("Endpoint.setStreaming()", () => {
  it.each<[what: string, options: EndpointOptions, frame: Uint8Array]>([
    [
      "of an extension",
      { extensions: openSessions(new ShiftExtension()) },
      text("a", { ...more, rsv: 2 }),
    ],
    ["of none", {}, text("a", more)],
  ])("reports nothing of a message %s that this side's close has dropped", (_, options, begun) => {
    const { endpoint, lines } = newEndpoint("client", options);
    endpoint.receive(begun);
    endpoint.close(1000, "");
    endpoint.setStreaming(true);
    expect(lines).toEqual([]);
  });

  it.each<[what: string, options: EndpointOptions, frame: Uint8Array]>([
    [
      "of an extension",
      { extensions: openSessions(new ShiftExtension()) },
      text(shifted(encodeUtf8("a"), 1), { ...more, rsv: 2 }),
    ],
    ["of none", {}, text("a", more)],
  ])("begins a message %s once, even if that event asks for it again", (_, options, begun) => {
    const { endpoint, trace, lines } = newEndpoint("client", options);
    const { onMessageBegin } = trace;
    trace.onMessageBegin = (isText) => {
      onMessageBegin.call(trace, isText);
      endpoint.setStreaming(true);
    };
    endpoint.receive(begun);
    endpoint.setStreaming(true);
    expect(lines).toEqual(["begin text", "piece 61"]);
  });

  it("keeps refusing receive() if an event calls it", () => {
    const thrown: unknown[] = [];
    const { endpoint, trace, lines } = newEndpoint();
    trace.onPing = () => {
      endpoint.setStreaming(true);
      try {
        endpoint.receive(text("too early"));
      } catch (error) {
        thrown.push(error);
      }
    };
    endpoint.receive(concat([ping("p"), text("a")]));
    expect(thrown).toEqual([new TypeError("receive() must not be called inside an event")]);
    expect(lines).toEqual(["begin text", "piece 61", "end"]);
  });
});

describe("an endpoint whose extensions change only what is sent", () => {
  it("refuses reserved bits, which none of them could know (RFC 6455, 5.2)", () => {
    const [{ send }] = openSessions(new ShiftExtension()) as [ExtensionSession];
    const { endpoint, lines } = newEndpoint("client", { extensions: [{ send }] });
    endpoint.receive(text("a", { rsv: 2 }));
    expect(lines).toEqual(["fail RSV_NOT_ZERO"]);
  });
});
