import { describe, expect, it } from "vitest";
import * as status from "../src/status.ts";

type Predicate =
  | "isStatusEmpty"
  | "isStatusNotUsed"
  | "isStatusProtocolSpec"
  | "isStatusProtocolDefined"
  | "isStatusProtocolReserved"
  | "isStatusApplicationSpec"
  | "isStatusPrivateSpec"
  | "isStatusSendable";

/** Every predicate with the ranges that it accepts, both ends included. */
const accepted: Record<Predicate, readonly (readonly [min: number, max: number])[]> = {
  isStatusEmpty: [[0, 0]],
  isStatusNotUsed: [[0, 999]],
  isStatusProtocolSpec: [[1000, 2999]],
  isStatusProtocolDefined: [
    [1000, 1003],
    [1005, 1015],
  ],
  isStatusProtocolReserved: [
    [1005, 1006],
    [1015, 1015],
  ],
  isStatusApplicationSpec: [[3000, 3999]],
  isStatusPrivateSpec: [[4000, 4999]],
  isStatusSendable: [
    [1000, 1003],
    [1007, 1014],
    [3000, 4999],
  ],
};

describe.each(Object.entries(accepted) as [Predicate, (typeof accepted)[Predicate]][])(
  "%s()",
  (predicate, ranges) => {
    it(`accepts ${ranges.map(([min, max]) => `${min} to ${max}`).join(", ")} and nothing else`, () => {
      const expected = (code: number): boolean =>
        ranges.some(([min, max]) => code >= min && code <= max);
      const wrong: number[] = [];
      for (let code = 0; code <= 65535; code++) {
        if (status[predicate](code) !== expected(code)) wrong.push(code);
      }
      expect(wrong).toEqual([]);
    });
  },
);

describe("isStatusSendable()", () => {
  it.each([-1, 65536, 1000.5, 3000.5, NaN, Infinity, -Infinity])("refuses %d", (code) => {
    expect(status.isStatusSendable(code)).toBe(false);
  });
});

describe("isStatusIn()", () => {
  it("includes both ends of a range", () => {
    const range = { min: 10, max: 12 };
    const inside = [9, 10, 11, 12, 13].filter((code) => status.isStatusIn(code, range));
    expect(inside).toEqual([10, 11, 12]);
  });
});

describe("the ranges", () => {
  it("follow each other without a gap", () => {
    const ranges = [
      status.StatusRangeNotInUse,
      status.StatusRangeProtocol,
      status.StatusRangeApplication,
      status.StatusRangePrivate,
    ];
    expect(ranges.map(({ min, max }) => [min, max])).toEqual([
      [0, 999],
      [1000, 2999],
      [3000, 3999],
      [4000, 4999],
    ]);
  });
});

describe("the status codes", () => {
  it("have the numbers of RFC 6455, 7.4.1 and of IANA's registry", () => {
    const numbers = Object.entries(status).filter(([, value]) => typeof value === "number");
    expect(Object.fromEntries(numbers)).toEqual({
      StatusNormalClosure: 1000,
      StatusGoingAway: 1001,
      StatusProtocolError: 1002,
      StatusUnsupportedData: 1003,
      StatusNoMeaningYet: 1004,
      StatusNoStatusRcvd: 1005,
      StatusAbnormalClosure: 1006,
      StatusInvalidFramePayloadData: 1007,
      StatusPolicyViolation: 1008,
      StatusMessageTooBig: 1009,
      StatusMandatoryExt: 1010,
      StatusInternalServerError: 1011,
      StatusServiceRestart: 1012,
      StatusTryAgainLater: 1013,
      StatusBadGateway: 1014,
      StatusTLSHandshake: 1015,
    });
  });
});
