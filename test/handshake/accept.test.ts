import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../src/bytes.ts";
import { acceptInto, acceptKey, AcceptSize, KeySize } from "../../src/handshake/accept.ts";
import { seededBytes } from "../support/cuts.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

describe("acceptKey()", () => {
  it("answers the key of RFC 6455, 1.3", () => {
    expect(acceptKey(key)).toBe(accept);
  });

  it("agrees with node:crypto on any key", () => {
    for (let seed = 0; seed < 64; seed++) {
      const other = Buffer.from(seededBytes(16, seed)).toString("base64");
      const proof = createHash("sha1").update(`${other}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      expect(acceptKey(other)).toBe(proof.digest("base64"));
    }
  });

  it.each(["", key.slice(1), `${key}=`])("refuses a key of another length: %j", (other) => {
    expect(() => acceptKey(other)).toThrow(RangeError);
  });
});

describe("acceptInto()", () => {
  it("reads a key inside a head, and writes nothing beside the proof", () => {
    const target = new Uint8Array(AcceptSize + 4).fill(0x2e);
    acceptInto(target, 2, encodeUtf8(`Key: ${key}\r\n`), 5);
    expect(latin1(target, 0, target.length)).toBe(`..${accept}..`);
  });
});

describe("KeySize and AcceptSize", () => {
  it("are the lengths of the texts", () => {
    expect([KeySize, AcceptSize]).toEqual([key.length, accept.length]);
  });
});
