import { describe, expect, it } from "vitest";
import { isNetwork, Networks } from "../../../src/handshake/server/networks.ts";

describe("Networks", () => {
  it.each([
    [["192.0.2.1"], "192.0.2.1", true],
    [["192.0.2.1"], "192.0.2.2", false],
    [["10.0.0.0/8"], "10.255.0.1", true],
    [["10.0.0.0/8"], "11.0.0.0", false],
    [["192.168.4.0/22"], "192.168.7.255", true],
    [["192.168.4.0/22"], "192.168.8.0", false],
    [["0.0.0.0/0"], "255.255.255.255", true],
    [["0.0.0.0/0"], "::1", false],
    [["::/0"], "127.0.0.1", false],
    [["192.0.2.0/31"], "192.0.2.1", true],
    [["2001:db8::/33"], "2001:db8:7fff::1", true],
    [["2001:db8::/33"], "2001:db8:8000::1", false],
    [["2001:DB8::1"], "2001:db8:0::1", true],
    [["::ffff:10.0.0.0/104"], "10.1.2.3", true],
    [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
    [["10.0.0.0/8"], "::ffff:a01:203", true],
    [["fe80::/10"], "fe80::1%eth0", true],
    [["192.0.2.1", "::1"], "::1", true],
    [["10.0.0.0/8"], "memory", false],
    [["10.0.0.0/8"], undefined, false],
    [["unix"], undefined, true],
    [["unix"], "127.0.0.1", false],
    [[], "127.0.0.1", false],
  ])("say that %j includes %s: %s", (texts, address, isIn) => {
    expect(new Networks(texts).has(address)).toBe(isIn);
  });

  it.each([
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.1/8",
    "::ffff:10.0.0.0/95",
    "2001:db8::1/64",
    "::/129",
    "[::1]",
    "/8",
  ])("refuses %j", (text) => {
    expect(isNetwork(text)).toBe(false);
    expect(() => new Networks([text])).toThrow(`Neither an IP address nor a network`);
  });

  it("accepts nothing but text", () => {
    expect(isNetwork(10)).toBe(false);
    expect(isNetwork("unix")).toBe(true);
    expect(isNetwork("10.0.0.0/8")).toBe(true);
  });
});
