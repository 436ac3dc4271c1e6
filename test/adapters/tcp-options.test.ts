import { describe, expect, it } from "vitest";
import { checkTcp, setTcp } from "../../adapters/tcp-options.ts";
import type { TcpOptions } from "../../src/transport.ts";

/** What a socket is told. */
function told(options?: TcpOptions): unknown[] {
  const lines: unknown[] = [];
  const socket = {
    setNoDelay: (...values: unknown[]) => lines.push(["noDelay", ...values]),
    setKeepAlive: (...values: unknown[]) => lines.push(["keepAlive", ...values]),
  };
  setTcp(socket, options);
  return lines;
}

describe("setTcp()", () => {
  it.each<[TcpOptions | undefined, unknown[]]>([
    [undefined, [["noDelay", true]]],
    [{ keepAlive: false }, [["noDelay", true]]],
    [{ noDelay: false }, [["noDelay", false]]],
    [
      { keepAlive: true },
      [
        ["noDelay", true],
        ["keepAlive", true, 0],
      ],
    ],
    [
      { noDelay: true, keepAlive: 5000 },
      [
        ["noDelay", true],
        ["keepAlive", true, 5000],
      ],
    ],
  ])("calls for %o the socket's methods %j", (options, lines) => {
    expect(told(options)).toEqual(lines);
  });

  it("does nothing to a socket that is not TCP's", () => {
    expect(() => setTcp({}, { noDelay: false, keepAlive: 5000 })).not.toThrow();
  });
});

describe("checkTcp()", () => {
  it.each([undefined, true, false, 1000, 32_767_000])("takes a keepAlive of %s", (keepAlive) => {
    expect(() => checkTcp({ keepAlive })).not.toThrow();
  });

  it.each([0, 999, -1, 32_767_001, NaN, Infinity])("refuses a keepAlive of %s", (keepAlive) => {
    expect(() => checkTcp({ keepAlive })).toThrow(RangeError);
  });
});
