import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { crc32c } from "../../../src/handshake/proxy-protocol/crc32c.ts";

describe("crc32c()", () => {
  it.each([
    ["nothing", new Uint8Array(0), 0],
    ["the check value of CRC catalogues", encodeUtf8("123456789"), 0xe3069283],
    // RFC 3720, B.4
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])("gives the sum of %s", (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });
});
