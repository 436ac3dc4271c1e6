import { describe, expect, it } from "vitest";
import { ErrorPrinter } from "../../src/connection/error-printer.ts";
import type { ErrorSource } from "../../src/connection/error-source.ts";
import { FakeClock } from "../support/fake-clock.ts";

const source: ErrorSource = {
  thrower: "message",
  side: "server",
  remoteAddress: "192.0.2.7",
  path: "/chat",
};

/** A printer, and what it has written. */
function testPrinter(): { printer: ErrorPrinter; texts: string[]; clock: FakeClock } {
  const texts: string[] = [];
  const clock = new FakeClock();
  return { printer: new ErrorPrinter((text) => texts.push(text), clock), texts, clock };
}

function printed(error: unknown, from = source): string {
  const { printer, texts } = testPrinter();
  printer.print(error, from);
  expect(texts).toHaveLength(1);
  return texts[0]!;
}

describe("ErrorPrinter, about one error,", () => {
  it("says which handler has thrown, on which side, at which path, for which address, and where", () => {
    const text = printed(new RangeError("too far"));
    const [head, message, call] = text.split("\n");
    expect(head).toBe("[framewire] Error in message that no handler took (server /chat 192.0.2.7)");
    expect(message).toBe("RangeError: too far");
    expect(call).toContain("error-printer.test");
  });

  it("omits what is not known", () => {
    const nowhere = {
      ...source,
      side: "client",
      path: undefined,
      remoteAddress: undefined,
    } as const;
    expect(printed(new Error("oops"), nowhere)).toContain("that no handler took (client)\n");
  });

  it("names its causes, up to a few", () => {
    let error: Error | undefined;
    for (let i = 0; i < 10; i++) {
      error = new Error(`cause ${i}`, { cause: error });
      error.stack = "";
    }
    const causes = printed(error).match(/Caused by Error: cause \d/g);
    expect(causes).toEqual([8, 7, 6, 5].map((number) => `Caused by Error: cause ${number}`));
  });

  it("prints a thrown value that is no error, even if it cannot be shown", () => {
    expect(printed("oops")).toContain("\noops");
    expect(printed(undefined)).toContain("\nundefined");
    expect(printed(null)).toContain("\nnull");
    expect(printed({ toString: () => Promise.resolve() })).toContain("cannot be shown");
    const hostile = new Error("x");
    Object.defineProperty(hostile, "message", {
      get() {
        throw new Error("again");
      },
    });
    expect(printed(hostile)).toContain("What was thrown cannot be shown");
  });

  it("prints an error without a stack, and one whose stack does not begin with its message", () => {
    const bare = new Error("bare");
    bare.stack = "";
    expect(printed(bare).split("\n")[1]).toBe("Error: bare");
    const changed = new Error("before");
    changed.stack = "    at somewhere";
    expect(printed(changed).split("\n").slice(1)).toEqual(["Error: before", "    at somewhere"]);
  });

  it("cuts long messages, so that a peer cannot fill the disk, and keeps where the error was thrown", () => {
    const text = printed(new Error(`Unknown command: ${"x".repeat(1_000_000)}`));
    expect(text.length).toBeLessThan(4200);
    expect(text).toContain("error-printer.test");
    expect(printed("x".repeat(1_000_000)).length).toBeLessThan(1200);
  });

  it("escapes control characters, which may be a peer's", () => {
    const text = printed(new Error("\u001b[2J\u0007\u2028"));
    expect(text).toContain("Error: \\x1b[2J\\x07\\x2028");
  });
});

describe("ErrorPrinter, about many,", () => {
  it("prints 20 a minute, says so, and later says how many more there were", () => {
    const { printer, texts, clock } = testPrinter();
    for (let i = 1; i <= 1000; i++) printer.print(`error ${i}`, source);
    expect(texts).toHaveLength(21);
    expect(texts[19]).toContain("error 20");
    expect(texts[20]).toContain("are counted, and not printed");
    clock.advance(59_999);
    printer.print("still", source);
    expect(texts).toHaveLength(21);
    clock.advance(1);
    printer.print("next", source);
    expect(texts.slice(21)).toEqual([
      "[framewire] 981 errors before this one were not printed",
      expect.stringContaining("next"),
    ]);
  });

  it("does not mention unprinted errors if there were none", () => {
    const { printer, texts, clock } = testPrinter();
    for (let i = 1; i <= 20; i++) printer.print(`error ${i}`, source);
    clock.advance(60_000);
    printer.print("next", source);
    expect(texts[21]).toContain("next");
    expect(texts).toHaveLength(22);
  });
});
