import { afterEach, describe, expect, it } from "vitest";
import {
  checkArgumentCount,
  checkCloseArguments,
  checkProtocols,
  parseSocketUrl,
} from "../../../adapters/websocket/checks.ts";

/** Gives the name of the DOMException that a task throws. */
function nameOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    expect(error).toBeInstanceOf(DOMException);
    return (error as DOMException).name;
  }
  return "nothing";
}

describe("parseSocketUrl()", () => {
  const saved = Object.getOwnPropertyDescriptor(globalThis, "location");

  afterEach(() => {
    if (saved === undefined) Reflect.deleteProperty(globalThis, "location");
    else Object.defineProperty(globalThis, "location", saved);
  });

  it.each([
    ["http://a.test/x?y", "ws://a.test/x?y"],
    ["HTTPS://a.test:443", "wss://a.test/"],
    ["wss://u:p@a.test", "wss://u:p@a.test/"],
  ])("reads %s as %s", (text, href) => {
    expect(parseSocketUrl(text).href).toBe(href);
  });

  it.each(["", "/path", "http://[", "ws://a b", "ftp://a.test", "ws://a.test/#", "ws://a.test#b"])(
    "refuses %j",
    (text) => {
      Object.defineProperty(globalThis, "location", { value: undefined, configurable: true });
      expect(nameOf(() => parseSocketUrl(text))).toBe("SyntaxError");
    },
  );

  it("resolves a relative URL against the runtime's location", () => {
    const location = { href: "https://a.test/b/c" };
    Object.defineProperty(globalThis, "location", { value: location, configurable: true });
    expect(parseSocketUrl("d").href).toBe("wss://a.test/b/d");
    expect(parseSocketUrl("//e.test").href).toBe("wss://e.test/");
  });
});

describe("checkProtocols()", () => {
  it("accepts tokens that differ, even if only in case", () => {
    expect(() => {
      checkProtocols(["a", "A", "chat.v2"]);
      checkProtocols([]);
    }).not.toThrow();
  });

  it.each([[[""]], [["a b"]], [["a", "a"]], [["é"]]])("refuses %j", (protocols) => {
    expect(nameOf(() => checkProtocols(protocols))).toBe("SyntaxError");
  });
});

describe("checkCloseArguments()", () => {
  it.each([undefined, 1000, 3000, 4999])("accepts the code %s", (code) => {
    expect(() => checkCloseArguments(code, "a".repeat(123))).not.toThrow();
  });

  it.each([0, 999, 1001, 1005, 2999, 5000])("refuses the code %s, before the reason", (code) => {
    expect(nameOf(() => checkCloseArguments(code, "a".repeat(124)))).toBe("InvalidAccessError");
  });

  it.each([undefined, 1000])("refuses a reason of 124 bytes beside the code %s", (code) => {
    expect(nameOf(() => checkCloseArguments(code, "é".repeat(62)))).toBe("SyntaxError");
  });
});

describe("checkArgumentCount()", () => {
  it("refuses too few arguments", () => {
    expect(() => checkArgumentCount("send", 0, 1)).toThrow(
      new TypeError("send needs 1 argument: 0"),
    );
    expect(() => checkArgumentCount("send", 1, 1)).not.toThrow();
    expect(() => checkArgumentCount("both", 1, 2)).toThrow("both needs 2 arguments: 1");
  });
});
