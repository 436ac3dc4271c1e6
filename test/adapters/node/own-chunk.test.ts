import { describe, expect, it } from "vitest";
import { chunkOffset, deliverOwn, memoryOf } from "../../../adapters/node/own-chunk.ts";
import type { TransportHandler } from "../../../src/transport.ts";

function handler(onData: (chunk: Uint8Array) => void): TransportHandler {
  return { onData, onDrain() {}, onEnd() {}, onClose() {} };
}

describe("memoryOf()", () => {
  it("is the buffer of the chunk that is delivered, as long as it is", () => {
    const chunk = new Uint8Array(new ArrayBuffer(8), 2, 4);
    const told: unknown[] = [];
    deliverOwn(
      handler((bytes) => {
        told.push(memoryOf(bytes) === chunk.buffer, memoryOf(new Uint8Array(chunk.buffer)));
      }),
      chunk,
    );
    expect([...told, memoryOf(chunk)]).toEqual([true, undefined, undefined]);
  });

  it("comes with where the chunk begins in it, that of the outer one again behind an inner one", () => {
    const [outer, inner] = [new Uint8Array(8).subarray(3), new Uint8Array(8).subarray(5)];
    const told: number[] = [];
    const within = handler(() => told.push(chunkOffset()));
    deliverOwn(
      handler(() => {
        told.push(chunkOffset());
        deliverOwn(within, inner);
        told.push(chunkOffset());
      }),
      outer,
    );
    expect(told).toEqual([3, 5, 3]);
  });

  it("is that of the inner chunk inside of another one's delivery, and of the outer one behind it", () => {
    const [outer, inner] = [new Uint8Array(1), new Uint8Array(1)];
    const told: unknown[] = [];
    const within = handler(() => told.push(memoryOf(inner) === inner.buffer, memoryOf(outer)));
    deliverOwn(
      handler(() => {
        deliverOwn(within, inner);
        told.push(memoryOf(outer) === outer.buffer, memoryOf(inner));
      }),
      outer,
    );
    expect(told).toEqual([true, undefined, true, undefined]);
  });

  it("ends where the delivery throws", () => {
    const chunk = new Uint8Array(1);
    const fails = handler(() => {
      throw new Error("oops");
    });
    expect(() => {
      deliverOwn(fails, chunk);
    }).toThrow("oops");
    expect(memoryOf(chunk)).toBeUndefined();
  });
});
