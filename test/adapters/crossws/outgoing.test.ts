import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { outgoingOf } from "../../../adapters/crossws/outgoing.ts";

const bytes = new Uint8Array([1, 2]);

describe("outgoingOf()", () => {
  it.each([
    ["text", "a", "a"],
    ["a number", -0.5, "-0.5"],
    ["a boolean", false, "false"],
    ["a bigint", 9n, "9"],
    ["nothing", undefined, ""],
    ["null", null, ""],
    ["a function", () => {}, "{}"],
    ["a symbol", Symbol("a"), "{}"],
    ["an object", { a: { b: 1 } }, '{"a":{"b":1}}'],
    ["an array", [1, "b"], '[1,"b"]'],
    ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["an object that JSON has no word for", { toJSON: () => undefined }, "{}"],
    ["bytes", bytes, bytes],
    ["a DataView", new DataView(bytes.buffer, 1), new Uint8Array([2])],
    ["an ArrayBuffer", bytes.buffer, bytes],
    ["a SharedArrayBuffer", new SharedArrayBuffer(1), new Uint8Array(1)],
    ["an ArrayBuffer of another realm", runInNewContext("new Uint8Array([1, 2]).buffer"), bytes],
  ])("sends %s", (_, value, expected) => {
    expect(outgoingOf(value)).toEqual(expected);
  });

  it("refuses a Blob, whose bytes have to be asked for", () => {
    expect(() => outgoingOf(new Blob(["a"]))).toThrow(/await blob\.bytes\(\)/);
  });
});
