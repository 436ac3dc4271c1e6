import { describe, expect, it } from "vitest";
import { checkKind } from "../../../src/check-options.ts";
import { balancersKind, balancersOf } from "../../../src/handshake/proxy-protocol/balancers.ts";

describe("balancersOf()", () => {
  it.each([
    [undefined, "127.0.0.1", false],
    [false, "127.0.0.1", false],
    [true, "127.0.0.1", true],
    [true, undefined, true],
    [["10.0.0.0/8"], "10.0.0.1", true],
    [["10.0.0.0/8"], "127.0.0.1", false],
    [["10.0.0.0/8"], undefined, false],
    [["unix"], undefined, true],
  ])("with %j expects a header from %s: %s", (proxyProtocol, address, wanted) => {
    expect(balancersOf({ proxyProtocol })(address)).toBe(wanted);
  });

  it("is refused where the header cannot be read, unless none is expected", () => {
    expect(() => balancersOf({ proxyProtocol: [], server: {} })).toThrow(
      new TypeError(
        "proxyProtocol does not go with server, which reads the connections itself: listen on a port, a path, or a listener",
      ),
    );
    balancersOf({ proxyProtocol: false, server: {} });
  });
});

describe("balancersKind", () => {
  const expected =
    'proxyProtocol must be true, false, or a list of addresses such as ["10.0.0.0/8", "::1"]';
  it.each([
    ["10.0.0.0/8", `${expected}: "10.0.0.0/8" is a string; write ["10.0.0.0/8"]`],
    ["v2", `${expected}: "v2" is a string`],
    [["10.0.0.1/8"], `${expected}: Array`],
    [2, `${expected}: 2 is a number`],
  ])("says what to write instead of %j", (value, said) => {
    expect(() => {
      checkKind("proxyProtocol", balancersKind, value);
    }).toThrow(new TypeError(said));
  });
});
