import { describe, expect, it } from "vitest";
import { latin1, writeLatin1 } from "../../src/bytes.ts";
import { canonicalize, headerIs, headerText } from "../../src/http/view.ts";
import { detached } from "../support/ranges.ts";

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

describe("headerIs()", () => {
  it.each([
    ["Cookie", "cookie", true],
    ["cookie", "COOKIE", true],
    ["X-Forwarded-For", "X-Forwarded-For", true],
    ["", "", true],
    ["Cookie", "cookies", false],
    ["Cookies", "cookie", false],
    ["X_A", "X-A", false],
  ])("compares %j and %j: %s", (view, text, expected) => {
    expect(headerIs(bytesOf(view), text)).toBe(expected);
  });

  it("reads nothing outside the view", () => {
    expect(headerIs(bytesOf("xCookiex").subarray(1, 7), "cookie")).toBe(true);
  });
});

describe("headerText()", () => {
  it("reads Latin-1", () => {
    expect(headerText(bytesOf("xcaf\u00E9x").subarray(1, 5))).toBe("caf\u00E9");
    expect(headerText(new Uint8Array(0))).toBe("");
  });
});

describe("an invalid view", () => {
  it.each(["abc", [97], null, undefined, new DataView(new ArrayBuffer(1))])(
    "is refused: %s",
    (view) => {
      expect(() => headerText(view as never)).toThrow(TypeError);
      expect(() => headerIs(view as never, "abc")).toThrow(TypeError);
    },
  );

  it("is refused if it is detached, and so is a text that is no string", () => {
    expect(() => headerText(detached())).toThrow(/detached/);
    expect(() => headerIs(bytesOf("5"), 5 as never)).toThrow(TypeError);
  });
});

describe("canonicalize()", () => {
  it.each([
    ["x-forwarded-for", "X-Forwarded-For"],
    ["X-FOO-bar", "X-Foo-Bar"],
    ["cOOKIE", "Cookie"],
    ["-a--bC-", "-A--Bc-"],
    ["1a_b.C", "1a_b.c"],
    ["az-AZ", "Az-Az"],
    ["z-aA-zZ", "Z-Aa-Zz"],
    ["[a]-{Z}-`@", "[a]-{z}-`@"],
    ["", ""],
  ])("spells %j as %j", (name, spelled) => {
    const bytes = bytesOf(`aB${name}aB`);
    canonicalize(bytes, 2, 2 + name.length);
    expect(latin1(bytes, 0, bytes.length)).toBe(`aB${spelled}aB`);
  });
});
