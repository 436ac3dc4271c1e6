import { describe, expect, it } from "vitest";
import { closeQuietly } from "../../src/io/close-quietly.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import { macrotask } from "../support/turns.ts";

/** A stream whose closing does as it is told. */
function streamThat(close: () => Promise<void> | void): ByteStream {
  return { read: () => 0, write: (from) => from.length, close };
}

describe("closeQuietly()", () => {
  it("closes before it returns", () => {
    let closes = 0;
    closeQuietly(streamThat(() => void closes++));
    expect(closes).toBe(1);
  });

  it.each<[what: string, close: () => Promise<void> | void]>([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
  ])("reports nothing if closing %s", async (_, close) => {
    expect(closeQuietly(streamThat(close))).toBeUndefined();
    // What nobody caught would fail the run.
    await macrotask();
  });
});
