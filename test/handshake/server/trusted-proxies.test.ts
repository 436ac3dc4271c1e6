import { describe, expect, it } from "vitest";
import { checkKind } from "../../../src/check-options.ts";
import {
  trustedProxiesKind,
  type TrustedProxies,
  trustOf,
} from "../../../src/handshake/server/trusted-proxies.ts";

describe("trustOf()", () => {
  it("counts hops, whatever their addresses", () => {
    const isTrusted = trustOf(2);
    expect([isTrusted(undefined, 0), isTrusted("192.0.2.1", 1), isTrusted("::1", 2)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("looks up addresses, and accepts a Unix socket only at the connection itself", () => {
    const isTrusted = trustOf(["10.0.0.0/8", "unix"]);
    expect(isTrusted("10.1.1.1", 3)).toBe(true);
    expect(isTrusted("11.1.1.1", 0)).toBe(false);
    expect(isTrusted(undefined, 0)).toBe(true);
    expect(isTrusted(undefined, 1)).toBe(false);
  });

  it("asks a function as it is", () => {
    expect(trustOf((address, hop) => address === "::1" && hop === 4)("::1", 4)).toBe(true);
  });
});

describe("a function that does not say yes or no", () => {
  it.each([
    [Promise.resolve(false), "Promise"],
    [undefined, "Undefined"],
    ["no", "String"],
  ])("causes a TypeError, rather than a yes: %s", (answer, kind) => {
    const isTrusted = trustOf((() => answer) as never);
    expect(() => isTrusted("::1", 0)).toThrow(
      new TypeError(`What trustProxy returns must be true or false: ${kind}`),
    );
  });
});

describe("trustedProxiesKind", () => {
  it.each<[TrustedProxies]>([[0], [3], [[]], [["10.0.0.0/8", "::1", "unix"]], [() => true]])(
    "accepts %s",
    (value) => {
      checkKind("trustProxy", trustedProxiesKind, value);
    },
  );

  it.each<[unknown, string]>([
    [true, "true is a boolean; write 1 for one proxy in front of the server"],
    ["10.0.0.0/8", '"10.0.0.0/8" is a string; write ["10.0.0.0/8"]'],
    [1.5, "1.5 is a number"],
    [-1, "-1 is a number"],
    [
      ["10.0.0.1/8"],
      'Array; write an IP address, or a network whose bits behind the prefix are 0, in the place of "10.0.0.1/8"',
    ],
    [[10], "Array"],
    [{}, "Object"],
  ])("says what to write instead of %j", (value, said) => {
    expect(() => {
      checkKind("trustProxy", trustedProxiesKind, value);
    }).toThrow(
      new TypeError(
        `trustProxy must be a number of hops, a list of addresses such as ["10.0.0.0/8", "::1"], or a function: ${said}`,
      ),
    );
  });
});
