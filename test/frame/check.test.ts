import { describe, expect, it } from "vitest";
import { ProtocolError, type ViolationCode } from "../../src/errors.ts";
import {
  checkCloseFrameData,
  checkHeader,
  isClientSide,
  isExtended,
  isFragmented,
  isServerSide,
  isState,
  StateClientSide,
  StateExtended,
  StateFragmented,
  StateServerSide,
} from "../../src/frame/check.ts";
import { type Header, newHeader } from "../../src/frame/header.ts";

function header(parts: Partial<Header>): Header {
  return { ...newHeader(), ...parts };
}

/** The code of the error that `act` throws, or "ok". */
function codeOf(act: () => void): ViolationCode | "ok" {
  try {
    act();
    return "ok";
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

const states = [StateServerSide, StateClientSide, StateExtended, StateFragmented];

describe("the states", () => {
  it("are separate bits, as in gobwas", () => {
    expect(states).toEqual([1, 2, 4, 8]);
  });

  it.each([
    ["isServerSide", isServerSide, StateServerSide],
    ["isClientSide", isClientSide, StateClientSide],
    ["isExtended", isExtended, StateExtended],
    ["isFragmented", isFragmented, StateFragmented],
  ])("are recognized by %s(), whatever else is set", (_, is, bit) => {
    expect([is(0), is(bit), is(15), is(15 & ~bit)]).toEqual([false, true, true, false]);
  });
});

describe("isState()", () => {
  it("says whether any of several bits is set", () => {
    expect(isState(StateServerSide, StateServerSide | StateFragmented)).toBe(true);
    expect(isState(StateExtended, StateServerSide | StateFragmented)).toBe(false);
    expect(isState(0, 15)).toBe(false);
  });
});

/**
 * The rules as a list, each one a code and when it is broken, in the order in which they are looked for: an oracle in
 * the RFC's words, not in the implementation's.
 */
const rules: [code: ViolationCode, isBroken: (header: Header, state: number) => boolean][] = [
  ["OPCODE_RESERVED", ({ opcode }) => ![0, 1, 2, 8, 9, 10].includes(opcode)],
  ["CONTROL_TOO_LONG", ({ opcode, length }) => opcode >= 8 && length > 125],
  ["CONTROL_NOT_FINAL", ({ opcode, fin }) => opcode >= 8 && !fin],
  ["RSV_NOT_ZERO", ({ rsv }, state) => rsv > 0 && !(state & StateExtended)],
  ["MASK_REQUIRED", ({ masked }, state) => !masked && !!(state & StateServerSide)],
  ["MASK_UNEXPECTED", ({ masked }, state) => masked && !!(state & StateClientSide)],
  [
    "CONTINUATION_EXPECTED",
    ({ opcode }, state) => (opcode === 1 || opcode === 2) && !!(state & StateFragmented),
  ],
  ["CONTINUATION_UNEXPECTED", ({ opcode }, state) => opcode === 0 && !(state & StateFragmented)],
];

describe("checkHeader()", () => {
  it("follows the rules for every opcode, flag, RSV, length border and state", () => {
    const wrong: string[] = [];
    for (let bits = 0; bits < 2 ** 12; bits++) {
      for (const length of [0, 125, 126, 2 ** 53 - 1]) {
        const state = bits >> 8;
        const given = header({
          opcode: bits & 15,
          fin: (bits & 16) !== 0,
          masked: (bits & 32) !== 0,
          rsv: [0, 4, 2, 1][(bits >> 6) & 3]!,
          length,
        });
        const expected = rules.find(([, isBroken]) => isBroken(given, state))?.[0] ?? "ok";
        const actual = codeOf(() => {
          checkHeader(given, state);
        });
        if (actual !== expected) {
          wrong.push(`${JSON.stringify(given)} in ${state}: ${actual}, not ${expected}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each<[what: string, parts: Partial<Header>, state: number, code: ViolationCode | "ok"]>([
    ["a masked text to a server", { opcode: 1, masked: true }, StateServerSide, "ok"],
    ["an unmasked text to a client", { opcode: 1 }, StateClientSide, "ok"],
    ["an unmasked text to a server", { opcode: 1 }, StateServerSide, "MASK_REQUIRED"],
    ["a masked text to a client", { opcode: 1, masked: true }, StateClientSide, "MASK_UNEXPECTED"],
    ["a ping between fragments", { opcode: 9 }, StateFragmented, "ok"],
    ["a text between fragments", { opcode: 1 }, StateFragmented, "CONTINUATION_EXPECTED"],
    ["a continuation of nothing", { opcode: 0 }, 0, "CONTINUATION_UNEXPECTED"],
    ["RSV1 with an extension", { opcode: 1, rsv: 4 }, StateExtended, "ok"],
    ["RSV1 without one", { opcode: 1, rsv: 4 }, 0, "RSV_NOT_ZERO"],
    ["a ping of 125 bytes", { opcode: 9, length: 125 }, 0, "ok"],
    ["a ping of 126 bytes", { opcode: 9, length: 126 }, 0, "CONTROL_TOO_LONG"],
    ["a fragmented close", { opcode: 8, fin: false }, 0, "CONTROL_NOT_FINAL"],
    ["a reserved control frame", { opcode: 11 }, 0, "OPCODE_RESERVED"],
  ])("judges %s: %s in state %i → %s", (_, parts, state, code) => {
    const actual = codeOf(() => {
      checkHeader(header(parts), state);
    });
    expect(actual).toBe(code);
  });
});

/** What each range of status codes gets, both ends included (RFC 6455, 7.4; IANA's registry). */
const statuses: [min: number, max: number, code: ViolationCode | "ok"][] = [
  [0, 999, "STATUS_NOT_IN_USE"],
  [1000, 1003, "ok"],
  [1004, 1004, "STATUS_NO_MEANING"],
  [1005, 1006, "STATUS_APPLICATION_LEVEL"],
  [1007, 1014, "ok"],
  [1015, 1015, "STATUS_APPLICATION_LEVEL"],
  [1016, 2999, "STATUS_UNKNOWN"],
  [3000, 4999, "ok"],
  [5000, 65535, "STATUS_NOT_IN_USE"],
];

describe("checkHeader() of plain JavaScript", () => {
  it.each([NaN, -1, 16, 0.5])(
    "refuses a state of %s, which would skip the checks of sides",
    (state) => {
      expect(() => {
        checkHeader(newHeader(), state);
      }).toThrow(RangeError);
    },
  );

  it.each(["server", undefined, null])("refuses a state of %j", (state) => {
    expect(() => {
      checkHeader(newHeader(), state as never);
    }).toThrow(TypeError);
  });

  it.each([0x11, NaN, -1, 1.5])("refuses an opcode of %s, which no frame has", (opcode) => {
    expect(() => {
      checkHeader({ ...newHeader(), opcode }, StateServerSide);
    }).toThrow(new RangeError(`opcode must be from 0 to 15: ${opcode}`));
  });
});

describe("checkCloseFrameData()", () => {
  it.each([NaN, Infinity, 1000.5, 66_536, -1])(
    "refuses a status that no close frame holds: %s",
    (status) => {
      expect(() => {
        checkCloseFrameData(status);
      }).toThrow(new RangeError(`status must be from 0 to 65535: ${status}`));
    },
  );

  it.each(["1000", undefined])("refuses a value that is no number: %j", (status) => {
    expect(() => {
      checkCloseFrameData(status as never);
    }).toThrow(TypeError);
  });

  it.each(statuses)("judges %i to %i → %s", (min, max, code) => {
    const codes = new Set<string>();
    for (let status = min; status <= max; status++) {
      codes.add(
        codeOf(() => {
          checkCloseFrameData(status);
        }),
      );
    }
    expect([...codes]).toEqual([code]);
  });
});
