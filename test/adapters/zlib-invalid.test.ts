import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { seededBytes, seededRandom } from "../support/cuts.ts";
import { inflate, jsonOf, newInflater, tail, ways, zlibDeflate } from "../support/flate.ts";
import { hex, toHex } from "../support/frames.ts";
import { referenceInflate } from "../support/reference-inflate.ts";

const hello = encodeUtf8("Hello");

/** What comes of a payload by the letter of the RFCs: digits, or "refused". */
function expected(payload: Uint8Array): string {
  try {
    return toHex(referenceInflate(payload).bytes);
  } catch {
    return "refused";
  }
}

describe.each(ways)("decompressing the %s way", (way) => {
  /** What comes of pieces of a payload: digits, or "refused". */
  async function outcome(pieces: readonly Uint8Array[]): Promise<string> {
    const inflater = newInflater(way);
    try {
      return toHex(await inflate(inflater, pieces));
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ code: "INVALID_DEFLATE", status: 1007 });
      return "refused";
    } finally {
      inflater.close();
    }
  }

  it.each([
    ["a reserved block type", "07"],
    ["a stored block whose length is not what its complement says", "000500ffff48656c6c6f00"],
    ["a stored block that ends before its length", "000500faff48656c6c"],
    ["a stored block as long as its end", "000400fbff"],
    ["a stored block as long as its end and more", "000900f6ff"],
    ["a last stored block as long as its end", "010400fbff"],
    ["a last stored block as long as its end and more", "010900f6ff"],
    ["a last stored block that reaches into its end", "010200fdff"],
    ["the first byte of a stored block's length", "0000"],
    ["a stored block without its complement", "000400"],
    ["a fixed block without an end", "f248cdc9c9"],
    ["a last fixed block without an end", "f348cdc9c9"],
    ["a distance in front of the first byte", "f200110000"],
    ["a dynamic block with too many codes", "fcff"],
    ["a last block and then garbage", "f348cdc9c90700ff"],
    ["three of its end's four bytes", "f248cdc9c907000000ff"],
    ["its end twice, cut off", "f248cdc9c907000000ffff00ff"],
  ])("refuses %s", async (_, digits) => {
    expect(expected(hex(digits))).toBe("refused");
    expect(await outcome([hex(digits)])).toBe("refused");
    expect(await outcome(Array.from(hex(digits), (byte) => Uint8Array.of(byte)))).toBe("refused");
  });

  it("gives zlib's message as the cause", async () => {
    const inflater = newInflater(way);
    await expect(inflate(inflater, [hex("07")])).rejects.toMatchObject({
      cause: expect.stringContaining("invalid block type") as unknown,
    });
    inflater.close();
  });

  it("accepts a payload that was cut off only if it is complete all the same", async () => {
    const message = jsonOf(400);
    const [fixed, dynamic, stored] = [
      (await zlibDeflate([hello, encodeUtf8("Hello, Hello, Hello!")], { strategy: 4 }))[1]!,
      (await zlibDeflate([message], { level: 9 }))[0]!,
      (await zlibDeflate([message], { level: 0 }))[0]!,
    ];
    const last = deflateRawSync(message);
    const payloads = [
      (await zlibDeflate([encodeUtf8("Hello, Hello, Hello!")]))[0]!,
      fixed,
      dynamic,
      stored,
      last,
      concat([dynamic, tail]),
      concat([last, dynamic]),
      concat([dynamic, tail, last, dynamic]),
    ];
    for (const payload of payloads) {
      for (let end = 0; end <= payload.length; end++) {
        const cut = payload.slice(0, end);
        expect([end, await outcome([cut])]).toEqual([end, expected(cut)]);
      }
    }
  });

  it("accepts or refuses changed payloads as the RFCs say", async () => {
    const random = seededRandom(5);
    const message = jsonOf(60);
    const payloads = [
      ...(await zlibDeflate([message], { level: 9 })),
      ...(await zlibDeflate([message], { level: 0 })),
      ...(await zlibDeflate([jsonOf(300)], { level: 9 })),
      concat([deflateRawSync(message), ...(await zlibDeflate([message]))]),
      concat([...(await zlibDeflate([message])), tail]),
    ];
    for (const payload of payloads) {
      for (let round = 0; round < 300; round++) {
        const changed = payload.slice();
        const at = Math.floor(random() * (round % 3 === 0 ? 5 : changed.length));
        changed[at]! ^= 1 << Math.floor(random() * 8);
        expect([toHex(changed), await outcome([changed])]).toEqual([
          toHex(changed),
          expected(changed),
        ]);
      }
    }
  });

  it("accepts or refuses random bytes as the RFCs say", async () => {
    for (let seed = 1; seed <= 1_500; seed++) {
      const payload = seededBytes(1 + (seed % 24), seed);
      expect([toHex(payload), await outcome([payload])]).toEqual([
        toHex(payload),
        expected(payload),
      ]);
    }
  });

  it("refuses an error in the second message, too", async () => {
    const inflater = newInflater(way);
    await inflate(inflater, [hex("f248cdc9c90700")]);
    await expect(inflate(inflater, [hex("f2")])).rejects.toMatchObject({ code: "INVALID_DEFLATE" });
    inflater.close();
    inflater.close();
  });

  it.each([8, 9, 10, 11, 12, 13])(
    "refuses a distance of twice a window of %s bits",
    async (windowBits) => {
      const [needle, hay] = [seededBytes(200, 1), new Uint8Array(2 * 2 ** windowBits)];
      const messages = [needle, hay, needle];
      const payloads = await zlibDeflate(messages, { level: 9 });
      // The oracle sees that the third message refers to the first.
      const { distance } = referenceInflate(payloads[2]!, concat([needle, hay]));
      expect(distance).toBeGreaterThan(2 * 2 ** windowBits);
      const inflater = newInflater(way, windowBits);
      await inflate(inflater, [payloads[0]!]);
      await inflate(inflater, [payloads[1]!]);
      await expect(inflate(inflater, [payloads[2]!])).rejects.toMatchObject({
        code: "INVALID_DEFLATE",
      });
      inflater.close();
      // The same inside one message.
      const alone = newInflater(way, windowBits);
      const whole = (await zlibDeflate([concat(messages)], { level: 9 }))[0]!;
      await expect(inflate(alone, [whole])).rejects.toMatchObject({ code: "INVALID_DEFLATE" });
      alone.close();
    },
  );

  it.each([1, 2, 100, 1_000, 65_536, 1_000_000])(
    "stops at a limit of %s bytes, and takes no more memory than twice that",
    async (limit) => {
      const bomb = deflateRawSync(new Uint8Array(50 * 1024 ** 2));
      for (const pieces of [[bomb], [bomb.subarray(0, 3000), bomb.subarray(3000)]]) {
        const inflater = newInflater(way);
        const into = new BoundedBuffer(limit);
        const error: unknown = await inflate(inflater, pieces, into).catch(
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(LimitError);
        expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit });
        expect(into.bytes.length).toBeLessThanOrEqual(2 * limit + 64 * 1024);
        inflater.close();
      }
    },
  );

  it("accepts a message as large as the limit", async () => {
    for (const limit of [0, 1, 5, 1_000, 65_536, 1_000_000]) {
      const message = new Uint8Array(limit).fill(1);
      const inflater = newInflater(way);
      const [payload] = await zlibDeflate([message]);
      expect((await inflate(inflater, [payload!], new BoundedBuffer(limit))).length).toBe(limit);
      inflater.close();
    }
  });
});
