import { describe, expect, it } from "vitest";
import { encodeUtf8, noBytes } from "../../src/bytes.ts";
import { entryCost, Queued, QueuedClose, Work } from "../../src/endpoint/queued.ts";
import type { Transform } from "../../src/extension/extension.ts";
import { Growing } from "../../src/extension/growing.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";

describe("what waits", () => {
  it("counts for its payload and for the entry itself, so that nothing waits for free", () => {
    const costOf = (bytes: Uint8Array): number =>
      new Queued(OpText, bytes, true, undefined, true, Infinity).cost;
    expect([costOf(noBytes), costOf(encodeUtf8("abc"))]).toEqual([64, 67]);
    expect(entryCost).toBe(64);
  });

  it("has no listener until somebody sets one", () => {
    const transform: Transform = { write: () => true, goOn: () => true, whenReady() {} };
    const queued = new Queued(OpBinary, noBytes, false, undefined, false, 5);
    const work = new Work(transform, new Growing(), OpBinary, false, 7);
    expect([queued.listener, work.listener]).toEqual([undefined, undefined]);
    expect(queued).toMatchObject({ opcode: OpBinary, compress: false, isLast: false, limit: 5 });
    expect(work).toMatchObject({ opcode: OpBinary, isLast: false, size: 7, transform });
  });

  it("may be a close frame", () => {
    const body = Uint8Array.of(3, 232);
    expect(new QueuedClose(body).body).toBe(body);
  });
});
