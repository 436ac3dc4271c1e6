import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  anything,
  boolean,
  callback,
  checkKind,
  checkOptions,
  either,
  having,
  number,
  numbersOf,
  oneOf,
  optionsOf,
  text,
} from "../src/check-options.ts";

/** The entries with their options: test/runtime/wrong-options.test.ts. */

const table = {
  pingInterval: number,
  borrow: either(boolean, text),
  inner: optionsOf({ level: number }),
};

describe("checkOptions()", () => {
  it.each([
    {},
    { pingInterval: 5, borrow: "b", inner: { level: 5 } },
    { pingInterval: undefined, bogus: undefined },
    runInNewContext("({ pingInterval: 5 })"),
    Object.create(null),
  ])("takes %o", (given) => {
    expect(() => {
      checkOptions(given, table);
    }).not.toThrow();
  });

  it.each([
    [undefined, "options must be an object: Undefined"],
    [{ pingintervall: 5 }, "Unknown option pingintervall: did you mean pingInterval?"],
    [{ PINGINTERVAL: 5 }, "Unknown option PINGINTERVAL: did you mean pingInterval?"],
    [{ ping: 5 }, "Unknown option ping"],
    [{ maxPayload: 5 }, "Unknown option maxPayload"],
    [{ constructor: 5 }, "Unknown option constructor"],
    [{ inner: { levels: 5 } }, "Unknown option inner.levels: did you mean level?"],
    [{ inner: { level: "5" } }, 'inner.level must be a number: "5" is a string; write 5'],
    [{ borrow: 5n }, "borrow must be true or false, or a string: 5 is a bigint"],
    [{ pingInterval: " " }, 'pingInterval must be a number: " " is a string'],
    [{ pingInterval: Symbol("soon") }, "pingInterval must be a number: Symbol"],
    [runInNewContext("({ bogus: 5 })"), "Unknown option bogus"],
  ])("refuses %o", (given, message) => {
    expect(() => {
      checkOptions(given, table);
    }).toThrow(new TypeError(message));
  });

  it("says to which argument a name belongs", () => {
    expect(() => {
      checkOptions({ onMessage: 5 }, table, { elsewhere: { message: callback } });
    }).toThrow(
      new TypeError(
        "Unknown option onMessage: message is a handler, and goes into the object after this one",
      ),
    );
  });
});

describe("checkKind()", () => {
  it("recognizes objects by their methods, and values by their names", () => {
    const clock = having("a Clock", "now");
    expect(() => {
      checkKind("clock", clock, { now() {} });
      checkKind("word", oneOf("a", "b"), "b");
      checkKind("context", anything, null);
    }).not.toThrow();
    expect(() => {
      checkKind("clock", clock, { now: 5 });
    }).toThrow(new TypeError("clock must be a Clock: Object"));
    expect(() => {
      checkKind("word", oneOf("a", "b"), "c");
    }).toThrow(new TypeError('word must be one of "a", "b": "c" is a string'));
  });
});

describe("numbersOf()", () => {
  it("makes a table of numbers with defaults", () => {
    expect(numbersOf({ maxHeaders: 5 })).toEqual({ maxHeaders: number });
  });
});
