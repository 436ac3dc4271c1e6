import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress, socketAddress, writeAddress } from "../src/ip-address.ts";

/** An address as hexadecimal digits. */
function hexOf(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes && Buffer.from(bytes).toString("hex");
}

describe("parseAddress()", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["127.0.0.1", "7f000001"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["1::", "00010000000000000000000000000000"],
    ["2001:db8::8:800:200C:417A", "20010db80000000000080800200c417a"],
    ["2001:0DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["::ffff:129.144.52.38", "00000000000000000000ffff81903426"],
    ["0:0:0:0:0:0:13.1.68.3", "0000000000000000000000000d014403"],
  ])("reads %s", (text, hex) => {
    expect(hexOf(text)).toBe(hex);
  });

  it.each([
    "",
    "localhost",
    "a.b.c.d",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.",
    "1.2.3.-4",
    "0x7f.0.0.1",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2:3:4:5:6:7:8",
    "1::2::3",
    "1:2:3:4:5:6:7:",
    ":2:3:4:5:6:7:8",
    "12345::",
    "::g",
    "g::",
    "1.2.3.4::",
    "::1.2.3.4:1",
    "::1.2.3",
    "fe80::1%eth0",
    "[::1]",
  ])("finds no address in %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it("reads what writeAddress() writes for any 4 bytes", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(parseAddress(text)!.join(".")).toBe(text);
      }),
      { seed: 1928 },
    );
  });

  it("reads any 16 bytes, in full and as URLs write them", () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const full = groups.map((value) => value.toString(16)).join(":");
        const hex = groups.map((value) => value.toString(16).padStart(4, "0")).join("");
        expect(hexOf(full)).toBe(hex);
        expect(hexOf(new URL(`ws://[${full}]`).hostname.slice(1, -1))).toBe(hex);
      }),
      { seed: 1928 },
    );
  });
});

describe("writeAddress()", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["2001:0DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ])("writes %s as %s", (text, canonical) => {
    expect(writeAddress(parseAddress(text)!)).toBe(canonical);
  });

  it("writes any 16 bytes as URLs do, and so that they are read as the same", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = writeAddress(bytes);
        expect(new URL(`ws://[${text}]`).hostname).toBe(`[${text}]`);
        expect(parseAddress(text)).toEqual(bytes);
      }),
      { seed: 5952 },
    );
  });
});

describe("socketAddress()", () => {
  it.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["192.0.2.1", "192.0.2.1"],
    ["::1", "::1"],
    ["::ffff:memory", "::ffff:memory"],
    ["memory", "memory"],
    [undefined, undefined],
  ])("gives %s as %s", (address, seen) => {
    expect(socketAddress(address)).toBe(seen);
  });
});
