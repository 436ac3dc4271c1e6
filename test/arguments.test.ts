import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  checkBytes,
  checkEither,
  checkLimit,
  checkMilliseconds,
  checkRange,
  checkSpan,
  checkText,
  checkTextOrBytes,
  checkWhole,
  wrongType,
  wrongValue,
} from "../src/arguments.ts";
import { detached } from "./support/ranges.ts";

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

describe("checkText()", () => {
  it("takes a string", () => {
    expect(() => {
      checkText("text", "");
    }).not.toThrow();
  });

  it.each([...others, ["Uint8Array", new Uint8Array(1)] as const])(
    "refuses what is %s",
    (_, value) => {
      expect(() => {
        checkText("text", value);
      }).toThrow(wrongType("text", "a string", value));
    },
  );
});

describe("checkEither()", () => {
  it.each(["a", "b"])("takes %s if that is one of the two", (value) => {
    expect(() => {
      checkEither("side", value, "a", "b");
    }).not.toThrow();
  });

  it.each(["A", "", undefined, null, 1])("refuses %j by a RangeError that names both", (value) => {
    expect(() => {
      checkEither("side", value, "a", "b");
    }).toThrow(new RangeError(`side must be "a" or "b": ${String(value)}`));
  });
});

describe("checkWhole()", () => {
  it("takes Infinity if that is the maximum", () => {
    expect(() => {
      checkWhole("limit", Infinity, Infinity);
    }).not.toThrow();
  });

  it.each([0, 1, 15])("takes %s", (value) => {
    expect(() => {
      checkWhole("opcode", value, 15);
    }).not.toThrow();
  });

  it.each([-1, 16, 0.5, NaN, Infinity])("refuses %s by a RangeError", (value) => {
    expect(() => {
      checkWhole("opcode", value, 15);
    }).toThrow(new RangeError(`opcode must be from 0 to 15: ${value}`));
  });

  it.each(["1", 1n, null, undefined, {}])("refuses %s by a TypeError", (value) => {
    expect(() => {
      checkWhole("opcode", value, 15);
    }).toThrow(wrongType("opcode", "a number", value));
  });
});

describe("checkRange()", () => {
  const four = new Uint8Array(4);

  it.each([
    [0, 4, 4],
    [0, undefined, 4],
    [2, 3, 3],
    [4, 4, 4],
    [0, 0, 0],
  ])("takes %s to %s", (start, end, last) => {
    expect(checkRange(four, start, end)).toBe(last);
  });

  it.each([
    [0, 7, "end must be from 0 to 4: 7"],
    [0, Infinity, "end must be from 0 to 4: Infinity"],
    [0, NaN, "end must be from 0 to 4: NaN"],
    [0, -1, "end must be from 0 to 4: -1"],
    [0, 3.5, "end must be from 0 to 4: 3.5"],
    [NaN, 4, "start must be from 0 to 4: NaN"],
    [-1, 4, "start must be from 0 to 4: -1"],
    [3, 2, "start must be from 0 to 2: 3"],
    [5, undefined, "start must be from 0 to 4: 5"],
    [0.5, 4, "start must be from 0 to 4: 0.5"],
  ])("refuses %s to %s by a RangeError that names the wrong end", (start, end, message) => {
    expect(() => checkRange(four, start, end)).toThrow(new RangeError(message));
  });

  it("refuses an end that is no number by a TypeError that names it", () => {
    expect(() => checkRange(four, "0" as never, 4)).toThrow(wrongType("start", "a number", "0"));
    expect(() => checkRange(four, 0, "4" as never)).toThrow(wrongType("end", "a number", "4"));
  });

  it("refuses an end of null, which is no default", () => {
    expect(() => checkRange(four, 0, null as never)).toThrow(wrongType("end", "a number", null));
  });

  it("refuses what is no Uint8Array, and names the argument", () => {
    expect(() => checkRange(null, 0, undefined)).toThrow(wrongType("bytes", "a Uint8Array", null));
    expect(() => checkRange("Hello", 0, 5)).toThrow(wrongType("bytes", "a Uint8Array", "Hello"));
    expect(() => checkRange([1], 0, 1, "chunk")).toThrow(wrongType("chunk", "a Uint8Array", [1]));
  });

  it("refuses a detached array, and accepts an empty one", () => {
    expect(() => checkRange(detached(4), 0, undefined)).toThrow(TypeError);
    expect(() => checkRange(detached(4), 0, 0)).toThrow(/detached/);
    expect(() => checkRange(detached(0), 0, 0)).toThrow(/detached/);
    expect(checkRange(new Uint8Array(0), 0, undefined)).toBe(0);
  });
});

describe("checkSpan()", () => {
  const four = new Uint8Array(4);

  it("checks as checkRange() does, a range that has no default", () => {
    expect(() => {
      checkSpan(four, 0, 4);
    }).not.toThrow();
    expect(() => {
      checkSpan(four, 0, 5);
    }).toThrow(new RangeError("end must be from 0 to 4: 5"));
    expect(() => {
      checkSpan(detached(4), 0, 0);
    }).toThrow(/detached/);
  });

  it.each([undefined, null])("refuses an end or a start of %s", (none) => {
    expect(() => {
      checkSpan(four, 0, none as never);
    }).toThrow(wrongType("end", "a number", none));
    expect(() => {
      checkSpan(four, none as never, 4);
    }).toThrow(wrongType("start", "a number", none));
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
