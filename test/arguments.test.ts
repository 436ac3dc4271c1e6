import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  checkBytes,
  checkLimit,
  checkMilliseconds,
  checkTextOrBytes,
  wrongType,
  wrongValue,
} from "../src/arguments.ts";

describe("checkMilliseconds()", () => {
  it.each([undefined, 0, 0.5, 1000, Infinity])("takes %s", (milliseconds) => {
    expect(() => {
      checkMilliseconds("timeout", milliseconds);
    }).not.toThrow();
  });

  it.each([NaN, -1, -Infinity])("refuses %s by a RangeError that names the option", (given) => {
    expect(() => {
      checkMilliseconds("timeout", given);
    }).toThrow(new RangeError(`timeout must be milliseconds from 0 on, or Infinity: ${given}`));
  });

  it.each(["1000", null, {}, 1n, Symbol("soon")])("refuses %s by a TypeError", (given) => {
    expect(() => {
      checkMilliseconds("timeout", given as never);
    }).toThrow(new TypeError(`timeout must be a number of milliseconds: ${String(given)}`));
  });
});

describe("checkLimit()", () => {
  it.each([0, 0.5, 1000, Infinity])("takes %s", (limit) => {
    expect(() => {
      checkLimit("maxSize", limit);
    }).not.toThrow();
  });

  it.each([NaN, -1, -Infinity])("refuses %s by a RangeError that names the argument", (limit) => {
    expect(() => {
      checkLimit("maxSize", limit);
    }).toThrow(new RangeError(`maxSize must be from 0 on, or Infinity: ${limit}`));
  });

  it.each([
    ["String", "1000"],
    ["Null", null],
    ["Object", {}],
  ])("refuses a %s by a TypeError", (kind, limit) => {
    expect(() => {
      checkLimit("maxSize", limit);
    }).toThrow(new TypeError(`maxSize must be a number: ${kind}`));
  });
});

/** What plain JavaScript may give in the place of bytes or text. */
const others: readonly (readonly [kind: string, value: unknown])[] = [
  ["Array", [72, 101, 108, 108, 111]],
  ["ArrayBuffer", new ArrayBuffer(5)],
  ["DataView", new DataView(new ArrayBuffer(5))],
  ["Uint16Array", new Uint16Array(5)],
  ["Uint8ClampedArray", new Uint8ClampedArray(5)],
  ["Object", { length: 5 }],
  ["Number", 5],
  ["Null", null],
  ["Undefined", undefined],
  ["Uint8Array", { [Symbol.toStringTag]: "Uint8Array", length: 5 }],
];

const bytes: readonly (readonly [name: string, value: unknown])[] = [
  ["a Uint8Array", new Uint8Array(5)],
  ["a Buffer", Buffer.from("Hello")],
  ["a Uint8Array of another realm", runInNewContext("new Uint8Array(5)") as unknown],
];

describe.each([
  ["checkBytes()", checkBytes, "a Uint8Array", bytes, [["String", "Hello"] as const]],
  [
    "checkTextOrBytes()",
    checkTextOrBytes,
    "a string or a Uint8Array",
    [...bytes, ["a string", "Hello"] as const],
    [],
  ],
] as const)("%s", (_, check: (name: string, value: unknown) => void, expected, right, wrong) => {
  it.each(right)("takes %s", (_name, value) => {
    expect(() => {
      check("data", value);
    }).not.toThrow();
  });

  it.each([...others, ...wrong])("refuses what is %s", (_name, value) => {
    expect(() => {
      check("data", value);
    }).toThrow(wrongType("data", expected, value));
  });
});

describe("wrongType()", () => {
  it("names the argument, what it must be, and what was given", () => {
    expect(wrongType("payload", "a Uint8Array", [1])).toEqual(
      new TypeError("payload must be a Uint8Array: Array"),
    );
  });
});

describe("wrongValue()", () => {
  it("names the argument, what it must be, and what was given", () => {
    expect(wrongValue("size", "from 1 to 3", 4)).toEqual(
      new RangeError("size must be from 1 to 3: 4"),
    );
  });
});
