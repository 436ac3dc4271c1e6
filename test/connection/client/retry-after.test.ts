import { describe, expect, it } from "vitest";
import { retryAfter } from "../../../src/connection/client/retry-after.ts";
import type { HeaderPairs } from "../../../src/errors.ts";

describe("retryAfter()", () => {
  it.each<[string, HeaderPairs, number]>([
    ["0 without the header", [["Server", "x"]], 0],
    ["seconds, in any case of the name", [["rEtRy-AfTeR", "120"]], 120_000],
    [
      "a date, measured against the response's own",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:00 GMT"],
        ["Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"],
      ],
      59_000,
    ],
    [
      "0 for a date that is over",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:59 GMT"],
        ["Retry-After", "Fri, 31 Dec 1999 23:59:00 GMT"],
      ],
      0,
    ],
    [
      "0 for a date without one to measure it by",
      [["Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"]],
      0,
    ],
    [
      "0 for what only a Date.parse takes",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:59 GMT"],
        ["Retry-After", "2000-01-01"],
      ],
      0,
    ],
    ["0 for what is no number of seconds", [["Retry-After", "-5"]], 0],
    ["0 for nonsense", [["Retry-After", "soon"]], 0],
  ])("gives %s", (_, headers, wait) => {
    expect(retryAfter(headers)).toBe(wait);
  });
});
