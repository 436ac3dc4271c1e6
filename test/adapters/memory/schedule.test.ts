import { describe, expect, it } from "vitest";
import {
  MemoryFailure,
  type MemoryOptions,
  MemorySchedule,
} from "../../../adapters/memory/schedule.ts";
import { memoryPair, type MemoryTransport } from "../../../adapters/memory/transport.ts";
import { macrotask } from "../../support/turns.ts";

/** Writes down what one end gets. */
function listen(transport: MemoryTransport): string[] {
  const lines: string[] = [];
  transport.handler = {
    onData: (chunk) => lines.push(`data ${[...chunk].join(" ")}`),
    onDrain: () => lines.push("drain"),
    onEnd: () => lines.push("end"),
    onClose: (error) => lines.push(`close ${error?.message ?? ""}`.trimEnd()),
  };
  return lines;
}

/** Sends 40 bytes both ways at once, and gives all that is seen, in its order. */
async function course(options: MemoryOptions): Promise<string[]> {
  const lines: string[] = [];
  const pair = memoryPair(options);
  for (const [index, transport] of pair.entries()) {
    transport.handler = {
      onData: (chunk) => lines.push(`${index} ${[...chunk].join(" ")}`),
      onDrain() {},
      onEnd() {},
      onClose() {},
    };
    transport.write(Uint8Array.from({ length: 40 }, (_, i) => i));
  }
  await macrotask();
  return lines;
}

/** The bytes that one end saw. */
function bytesOf(lines: readonly string[], index: number): number[] {
  const own = lines.filter((line) => line.startsWith(`${index} `));
  return own.flatMap((line) => line.split(" ").slice(1).map(Number));
}

const all = Array.from({ length: 40 }, (_, i) => i);

describe("a seed", () => {
  it("makes the same course each time, and another seed makes another one", async () => {
    const options = { cut: 7, delay: 5 };
    const first = await course({ ...options, seed: 3 });
    expect(await course({ ...options, seed: 3 })).toEqual(first);
    expect(await course({ ...options, seed: 4 })).not.toEqual(first);
  });

  it("makes the same pieces on every runtime", () => {
    const schedule = new MemorySchedule({ seed: 7, cut: 10 });
    // By hand: x = 1664525 x + 1013904223 mod 2^32 from x = 7, and 1 + floor(10 x / 2^32).
    let state = 7n;
    const pieces = Array.from({ length: 8 }, () => {
      state = (1_664_525n * state + 1_013_904_223n) % 2n ** 32n;
      return 1 + Number((10n * state) / 2n ** 32n);
    });
    expect(pieces.map(() => schedule.pieceOf(1000))).toEqual(pieces);
    expect(new Set(pieces).size).toBeGreaterThan(3);
  });
});

describe("cut", () => {
  it("delivers in pieces no longer than it, in order", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const lines = await course({ seed, cut: 3 });
      expect(bytesOf(lines, 0)).toEqual(all);
      expect(Math.max(...lines.map((line) => line.split(" ").length - 1))).toBe(3);
    }
    expect(await course({ cut: 1 })).toHaveLength(80);
  });

  it("keeps the rest for a handler that pauses in between", async () => {
    const [left, right] = memoryPair({ cut: 2, seed: 1 });
    const lines = listen(right);
    const { onData } = right.handler;
    right.handler.onData = (chunk) => {
      onData(chunk);
      right.pause();
    };
    left.write(new Uint8Array(3));
    left.end();
    await macrotask();
    expect(lines).toHaveLength(1);
    while (!lines.includes("end")) {
      right.resume();
      await macrotask();
    }
    const size = lines.slice(0, -1).flatMap((line) => line.split(" ").slice(1)).length;
    expect(size).toBe(3);
  });
});

describe("delay", () => {
  it("mixes the two directions, and keeps each in its order", async () => {
    const mixed = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const lines = await course({ seed, cut: 10, delay: 20 });
      expect([bytesOf(lines, 0), bytesOf(lines, 1)]).toEqual([all, all]);
      mixed.add(lines.map((line) => line[0]).join(""));
    }
    expect(mixed.size).toBeGreaterThan(5);
  });
});

describe("failAt", () => {
  it.each([
    ["a write", 1, ["close Operation 1 failed"], ["close Operation 1 failed"]],
    ["a delivery", 3, ["close Operation 3 failed"], ["close Operation 3 failed"]],
    ["a drain", 4, ["close Operation 4 failed"], ["data 1", "close Operation 4 failed"]],
  ])("breaks the connection at %s", async (_, failAt, left, right) => {
    const pair = memoryPair({ capacity: 1, failAt });
    const lines = pair.map(listen);
    pair[0].write(Uint8Array.of(1));
    pair[0].write(Uint8Array.of(2));
    await macrotask();
    const short = lines.map((own) => own.map((line) => line.replace(/,.*/, "")));
    expect(short).toEqual([left, right]);
    expect(pair[0].operations).toBe(failAt);
    expect(pair[0].write(Uint8Array.of(3))).toBe(true);
  });

  it("counts what both ends do, and says which operation it was", async () => {
    const pair = memoryPair({ failAt: 3 });
    const errors: unknown[] = [];
    for (const transport of pair) {
      listen(transport);
      transport.handler.onClose = (error) => errors.push(error);
    }
    pair[0].write(Uint8Array.of(1));
    pair[1].write(Uint8Array.of(2));
    await macrotask();
    expect(errors).toEqual([expect.any(MemoryFailure), expect.any(MemoryFailure)]);
    expect((errors[0] as MemoryFailure).operation).toBe(3);
  });
});

describe("the numbers", () => {
  it.each([
    ["cut", { cut: 0 }],
    ["cut", { cut: 1.5 }],
    ["delay", { delay: -1 }],
    ["failAt", { failAt: 0 }],
  ])("are checked for %s", (name, options) => {
    expect(() => memoryPair(options)).toThrow(new RegExp(`^${name} must be an integer`));
  });
});
