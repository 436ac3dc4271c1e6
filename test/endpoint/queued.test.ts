import { describe, expect, it } from "vitest";
import { encodeUtf8, noBytes } from "../../src/bytes.ts";
import { entryCost, Queued } from "../../src/endpoint/queued.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";

describe("what waits", () => {
  it("counts for its payload and for the entry itself, so that nothing waits for free", () => {
    const costOf = (bytes: Uint8Array): number =>
      new Queued(OpText, bytes, true, undefined, true, Infinity).cost;
    expect([costOf(noBytes), costOf(encodeUtf8("abc"))]).toEqual([64, 67]);
    expect(entryCost).toBe(64);
  });

  it("has no listener until somebody sets one", () => {
    const queued = new Queued(OpBinary, noBytes, false, undefined, false, 5);
    expect(queued.listener).toBeUndefined();
    expect(queued).toMatchObject({ opcode: OpBinary, compress: false, isLast: false, limit: 5 });
  });
});
