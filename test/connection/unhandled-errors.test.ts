import { describe, expect, it } from "vitest";
import { ErrorPrinter } from "../../src/connection/error-printer.ts";
import type { ErrorSource } from "../../src/connection/error-source.ts";
import {
  isOfConnection,
  type UnhandledErrors,
  UnhandledErrorReporter,
} from "../../src/connection/unhandled-errors.ts";
import {
  ClosedError,
  DialError,
  HandshakeError,
  LimitError,
  ProtocolError,
  TimeoutError,
  TransportError,
} from "../../src/errors.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";

const place = { remoteAddress: "192.0.2.7", target: "/chat?token=secret" };

/** A reporter, what it has printed, and what it has called the option with. */
function testReporter(choice?: UnhandledErrors): {
  reporter: UnhandledErrorReporter;
  texts: string[];
} {
  const texts: string[] = [];
  const printer = new ErrorPrinter((text) => texts.push(text), new FakeClock());
  return { reporter: new UnhandledErrorReporter(choice, "server", () => printer), texts };
}

describe("UnhandledErrorReporter", () => {
  it("prints unless it is told otherwise, without the query, which may hold a token", () => {
    const { reporter, texts } = testReporter();
    reporter.report(new Error("oops"), "open", place);
    expect(texts).toEqual([
      expect.stringContaining("Error in open that no handler took (server /chat 192.0.2.7)\n"),
    ]);
    expect(texts[0]).not.toContain("secret");
  });

  it("names the client itself if a trusted proxy tells it, and the proxy if that hides it", () => {
    const addresses: unknown[] = [];
    const { reporter } = testReporter((_, { remoteAddress }) => addresses.push(remoteAddress));
    reporter.report("one", "open", { ...place, peer: { address: "198.51.100.2" } });
    reporter.report("two", "open", { ...place, peer: { address: undefined } });
    expect(addresses).toEqual(["198.51.100.2", "192.0.2.7"]);
  });

  it('reports nothing if told to "ignore"', () => {
    const { reporter, texts } = testReporter("ignore");
    reporter.report(new Error("oops"), "open");
    expect(texts).toEqual([]);
  });

  it("calls a function in place of printing, with the error and where it comes from", () => {
    const calls: [unknown, ErrorSource][] = [];
    const { reporter, texts } = testReporter((error, source) => calls.push([error, source]));
    const error = new Error("oops");
    reporter.report(error, "upgrade", place);
    reporter.report("a string", "backplane");
    expect(calls).toEqual([
      [error, { thrower: "upgrade", side: "server", remoteAddress: "192.0.2.7", path: "/chat" }],
      [
        "a string",
        { thrower: "backplane", side: "server", remoteAddress: undefined, path: undefined },
      ],
    ]);
    expect(texts).toEqual([]);
  });

  it("reports each error once, however often it is thrown", () => {
    const errors: unknown[] = [];
    const { reporter } = testReporter((error) => errors.push(error));
    const [one, other] = [new Error("one"), new Error("other")];
    for (const error of [one, one, other, one]) reporter.report(error, "message");
    expect(errors).toEqual([one, other]);
  });

  it.each([
    ["a broken rule", new ProtocolError("INVALID_UTF8")],
    ["a limit that was passed", new LimitError("MESSAGE_TOO_BIG", 1, 2)],
    ["silence", new TimeoutError("RECEIVE_TIMEOUT", 5)],
  ])("does not report what a peer does wrong: %s", (_, error) => {
    const { reporter, texts } = testReporter();
    reporter.report(error, "message");
    expect(texts).toEqual([]);
  });

  it("prints what its function throws, and the error that it was called with", () => {
    const { reporter, texts } = testReporter(() => {
      throw new Error("again");
    });
    reporter.report(new Error("oops"), "message");
    expect(texts).toEqual([
      expect.stringMatching(/Error in message [^]*Error: oops/),
      expect.stringMatching(/Error in unhandledErrors [^]*Error: again/),
    ]);
  });

  it("prints what its function rejects with, and the error that it was called with", async () => {
    const { reporter, texts } = testReporter(() => Promise.reject(new Error("again")));
    reporter.report(new Error("oops"), "message");
    await macrotask();
    expect(texts).toHaveLength(2);
  });
});

describe("isOfConnection()", () => {
  it("recognizes errors that say that a connection was not opened, or has ended", () => {
    const closed = { status: 1006, reason: "", clean: false, initiator: "transport" } as const;
    for (const error of [
      new ProtocolError("INVALID_UTF8"),
      new ClosedError(closed),
      new DialError("BAD_STATUS"),
      new HandshakeError("REJECTED"),
      new TimeoutError("DIAL_TIMEOUT", 1),
      new TransportError("REFUSED"),
    ]) {
      expect(isOfConnection(error)).toBe(true);
    }
    for (const error of [new Error("x"), new TypeError("x"), "x", undefined]) {
      expect(isOfConnection(error)).toBe(false);
    }
  });
});
