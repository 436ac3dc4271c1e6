import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  toClampedShort,
  toSendable,
  toStrings,
  toUsvString,
} from "../../../adapters/websocket/conversions.ts";

describe("toUsvString()", () => {
  it.each([
    ["a", "a"],
    ["\ud83d\udc4b", "\ud83d\udc4b"],
    ["\ud83d", "\ufffd"],
    ["\udc4b\ud83d", "\ufffd\ufffd"],
    ["a\ud83d\ud83d\udc4bb", "a\ufffd\ud83d\udc4bb"],
    [null, "null"],
    [5, "5"],
  ])("makes of %j a string without lone surrogates", (value, text) => {
    expect(toUsvString(value)).toBe(text);
  });

  it("refuses a symbol", () => {
    expect(() => toUsvString(Symbol("a"))).toThrow(TypeError);
  });
});

describe("toClampedShort()", () => {
  it.each([
    [1000, 1000],
    ["1000", 1000],
    [999.4, 999],
    [999.5, 1000],
    [1000.5, 1000],
    [1000.51, 1001],
    [1001.5, 1002],
    [-0.5, 0],
    [-7, 0],
    [65_535.4, 65_535],
    [70_000, 65_535],
    [Infinity, 65_535],
    [NaN, 0],
    [null, 0],
    ["a", 0],
    [true, 1],
    [{}, 0],
  ])("rounds %j to the nearest unsigned short, and to the even one of two", (value, code) => {
    expect(toClampedShort(value)).toBe(code);
  });

  it.each([Symbol("a"), 1n])("refuses %s", (value) => {
    expect(() => toClampedShort(value)).toThrow(TypeError);
  });
});

describe("toStrings()", () => {
  it.each<[unknown, string[]]>([
    ["a", ["a"]],
    [null, ["null"]],
    [5, ["5"]],
    [
      ["a", 5, null],
      ["a", "5", "null"],
    ],
    [new Set(["a", "b"]), ["a", "b"]],
    [{}, ["[object Object]"]],
    [{ [Symbol.iterator]: null }, ["[object Object]"]],
    [Object("ab"), ["a", "b"]],
    [Object.assign(() => {}, { [Symbol.iterator]: () => ["a"].values() }), ["a"]],
  ])("makes a list of %j", (value, list) => {
    expect(toStrings(value)).toEqual(list);
  });

  it.each([Symbol("a"), [Symbol("a")]])("refuses a symbol", (value) => {
    expect(() => toStrings(value)).toThrow(TypeError);
  });
});

describe("toSendable()", () => {
  it("gives a view on bytes, without a copy", () => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4);
    const view = toSendable(new DataView(buffer, 1, 2)) as Uint8Array;
    expect(view).toEqual(Uint8Array.of(2, 3));
    expect(view.buffer).toBe(buffer);
    expect(toSendable(buffer)).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  it("recognizes bytes of another realm", () => {
    const context = createContext({});
    const foreign: unknown = runInContext("Uint8Array.of(1, 2).buffer", context);
    expect(toSendable(foreign)).toEqual(Uint8Array.of(1, 2));
    expect(toSendable(runInContext("Uint8Array.of(3)", context))).toEqual(Uint8Array.of(3));
  });

  it("gives no bytes of a buffer that is detached", () => {
    const bytes = Uint8Array.of(1, 2);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(toSendable(bytes)).toEqual(new Uint8Array());
    expect(toSendable(bytes.buffer)).toEqual(new Uint8Array());
  });

  it("refuses bytes that somebody else may change", () => {
    const shared = new SharedArrayBuffer(2);
    expect(() => toSendable(new Uint8Array(shared))).toThrow(TypeError);
    // Web IDL knows no SharedArrayBuffer here: it is an object like any other.
    expect(toSendable(shared)).toBe("[object SharedArrayBuffer]");
  });

  it("refuses bytes whose number may change", () => {
    const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
    const buffer = new Resizable(2, { maxByteLength: 4 });
    expect(() => toSendable(buffer)).toThrow(TypeError);
    expect(() => toSendable(new Uint8Array(buffer))).toThrow(TypeError);
  });

  it("gives a Blob as it is, and a string for anything else", () => {
    const blob = new Blob([]);
    expect(toSendable(blob)).toBe(blob);
    expect([null, undefined, {}, [1, 2]].map(toSendable)).toEqual([
      "null",
      "undefined",
      "[object Object]",
      "1,2",
    ]);
    expect(() => toSendable(Symbol("a"))).toThrow(TypeError);
  });
});
