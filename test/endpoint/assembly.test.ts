import { describe, expect, it } from "vitest";
import { type Assembly, borrowAssembly, returnAssembly } from "../../src/endpoint/assembly.ts";
import { Traffic } from "../../src/endpoint/traffic.ts";
import { StateClientSide } from "../../src/frame/check.ts";
import { webText } from "../../src/frame/text-codec.ts";
import { newEndpoint } from "../support/endpoint.ts";
import { binary, close, continuation, ping, text } from "../support/frames.ts";
import { MessageTrace } from "../support/trace.ts";

const more = { fin: false };
const settings = {
  state: StateClientSide,
  maxFrameSize: Infinity,
  maxMessageSize: Infinity,
  maxFragments: Infinity,
  codec: webText,
  isTextBytes: false,
  strictLength: false,
};

function borrow(strictLength = false, trace = new MessageTrace()): Assembly {
  return borrowAssembly(trace, trace, { ...settings, strictLength }, new Traffic());
}

describe("borrowAssembly()", () => {
  it("lends what was returned last, to one borrower at a time", () => {
    const one = borrow();
    const other = borrow();
    expect(other).not.toBe(one);
    returnAssembly(one);
    expect(borrow()).toBe(one);
  });

  it("lends a strict decoder to those alone who want one", () => {
    const strict = borrow(true);
    returnAssembly(strict);
    const lenient = borrow();
    expect(lenient).not.toBe(strict);
    expect([lenient.strictLength, strict.strictLength]).toEqual([false, true]);
    expect(borrow(true)).toBe(strict);
  });

  it("begins anew: nothing is left of the settings, the traffic and the events of the last borrower", () => {
    const trace = new MessageTrace();
    const traffic = new Traffic();
    const small = { ...settings, maxMessageSize: 1, isTextBytes: true };
    const used = borrowAssembly(trace, trace, small, traffic);
    used.assembler.setStreaming(true);
    used.decoder.feed(text("a"));
    expect(traffic.messages).toBe(1);
    const before = [...trace.lines];
    returnAssembly(used);
    const next = new MessageTrace();
    const again = borrow(false, next);
    expect(again).toBe(used);
    again.decoder.feed(text("Hello"));
    expect(next.lines).toEqual(["text Hello"]);
    expect([trace.lines, traffic.messages]).toEqual([before, 1]);
  });
});

describe("returnAssembly()", () => {
  it("keeps 16 of a kind at most", () => {
    const borrowed = Array.from({ length: 20 }, () => borrow());
    for (const assembly of borrowed) returnAssembly(assembly);
    const again = Array.from({ length: 20 }, () => borrow());
    expect(again.filter((assembly) => borrowed.includes(assembly))).toHaveLength(16);
  });
});

describe("Assembly.isAtRest", () => {
  it.each([
    ["after a message", text("ab"), true],
    ["after a control frame", ping(), true],
    ["inside a header", text("ab").slice(0, 1), false],
    ["inside a payload", text("ab").slice(0, 3), false],
    ["between two fragments", binary("a", more), false],
  ])("%s", (_, bytes, isAtRest) => {
    const assembly = borrow();
    assembly.decoder.feed(bytes);
    expect(assembly.isAtRest).toBe(isAtRest);
  });
});

describe("An endpoint that borrows", () => {
  it("shares nothing with another whose messages are cut elsewhere", () => {
    const one = newEndpoint("client");
    const other = newEndpoint("client");
    one.endpoint.receive(text("a", more));
    other.endpoint.receive(binary("x", more));
    one.endpoint.receive(continuation("b"));
    other.endpoint.receive(text("y").slice(0, 0));
    one.endpoint.receive(text("c"));
    other.endpoint.receive(continuation("y"));
    expect(one.lines).toEqual(["text ab", "text c"]);
    expect(other.lines).toEqual(["binary 7879"]);
    expect([one.endpoint.received.messages, other.endpoint.received.messages]).toEqual([2, 1]);
    expect([one.endpoint.isInMessage, other.endpoint.isInMessage]).toEqual([false, false]);
  });

  it("may be given bytes inside an event of another one", () => {
    const one = newEndpoint("client");
    const other = newEndpoint("client");
    one.trace.onText = (data) => {
      one.lines.push(`text ${data}`);
      other.endpoint.receive(text("inside"));
    };
    one.endpoint.receive(Uint8Array.of(...text("a"), ...text("b")));
    expect(one.lines).toEqual(["text a", "text b"]);
    expect(other.lines).toEqual(["text inside", "text inside"]);
  });

  it("remembers between two chunks that messages are streamed", () => {
    const { endpoint, lines } = newEndpoint("client");
    endpoint.setStreaming(true);
    endpoint.receive(text("a"));
    endpoint.receive(text("b"));
    expect(lines).toEqual(["begin text", "piece 61", "end", "begin text", "piece 62", "end"]);
  });

  it("remembers between two chunks that it has closed, and waits for the peer's close frame", () => {
    const { endpoint, lines } = newEndpoint("client");
    endpoint.receive(text("a"));
    endpoint.close(1000, "");
    endpoint.receive(text("b"));
    endpoint.receive(close(1000));
    expect(lines.filter((line) => line.startsWith("text"))).toEqual(["text a"]);
    expect(endpoint.stage).toBe("flushing");
  });
});
