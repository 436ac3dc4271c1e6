import { describe, expect, it } from "vitest";
import { memoryPair, type MemoryTransport } from "../../../adapters/memory/transport.ts";
import { macrotask } from "../../support/turns.ts";

/** Writes down what one end gets. */
function listen(transport: MemoryTransport): string[] {
  const lines: string[] = [];
  transport.handler = {
    onData: (chunk) => lines.push(`data ${[...chunk].join(" ")}`),
    onDrain: () => lines.push("drain"),
    onEnd: () => lines.push("end"),
    onClose: (error) => lines.push(error === undefined ? "close" : `close ${error.message}`),
  };
  return lines;
}

describe("memoryPair()", () => {
  it("brings each side's bytes to the other, in order, and never inside the call", async () => {
    const [left, right] = memoryPair();
    const seen = listen(right);
    const bytes = new Uint8Array([1, 2]);
    expect(left.write(bytes)).toBe(true);
    bytes[0] = 9; // given back by `true`
    left.write(new Uint8Array([3]));
    expect(seen).toEqual([]);
    await macrotask();
    expect(seen).toEqual(["data 1 2", "data 3"]);
  });

  it("closes both ends once when both have ended", async () => {
    const [left, right] = memoryPair();
    const lines = [listen(left), listen(right)];
    left.write(new Uint8Array([1]));
    left.end();
    left.end();
    expect(left.write(new Uint8Array([2]))).toBe(true);
    await macrotask();
    expect(lines).toEqual([[], ["data 1", "end"]]);
    right.write(new Uint8Array([3]));
    right.end();
    await macrotask();
    expect(lines).toEqual([
      ["data 3", "end", "close"],
      ["data 1", "end", "close"],
    ]);
    left.end();
    left.destroy();
    await macrotask();
    expect(lines[0]).toHaveLength(3);
  });

  it("borrows what exceeds the capacity until the reader has read", async () => {
    const [left, right] = memoryPair({ capacity: 3 });
    const lines = [listen(left), listen(right)];
    right.pause();
    expect(left.write(new Uint8Array([1, 2, 3, 4]))).toBe(true);
    expect(left.write(new Uint8Array([5]))).toBe(false);
    left.end();
    await macrotask();
    expect(lines).toEqual([[], []]);
    right.resume();
    await macrotask();
    expect(lines).toEqual([["drain"], ["data 1 2 3 4", "data 5", "end"]]);
  });

  it("stops in the middle when its reader pauses", async () => {
    const [left, right] = memoryPair();
    const seen = listen(right);
    const { handler } = right;
    right.handler = {
      ...handler,
      onData(chunk) {
        handler.onData(chunk);
        right.pause();
      },
    };
    left.write(new Uint8Array([1]));
    left.write(new Uint8Array([2]));
    left.end();
    await macrotask();
    expect(seen).toEqual(["data 1"]);
    right.resume();
    await macrotask();
    expect(seen).toEqual(["data 1", "data 2"]);
    right.resume();
    await macrotask();
    expect(seen).toEqual(["data 1", "data 2", "end"]);
  });

  it("drops what is under way when one end is destroyed or the network fails", async () => {
    const first = memoryPair();
    const firstLines = first.map(listen);
    first[0].write(new Uint8Array([1]));
    first[0].destroy();
    await macrotask();
    expect(firstLines).toEqual([["close"], ["close"]]);
    const second = memoryPair();
    const secondLines = second.map(listen);
    second[1].reset(new Error("ECONNRESET"));
    await macrotask();
    expect(secondLines).toEqual([["close ECONNRESET"], ["close ECONNRESET"]]);
    expect(second[0].write(new Uint8Array(1))).toBe(true);
  });

  it("works without a handler", async () => {
    const [left, right] = memoryPair();
    left.write(new Uint8Array([1]));
    left.end();
    right.end();
    await macrotask();
    expect(right.remotePort).toBeUndefined();
  });
});
