import { describe, expect, it } from "vitest";
import { MessageMemory } from "../../../src/connection/receive/message-memory.ts";

const chunk = Uint8Array.from({ length: 100 }, (_, i) => i);

describe("MessageMemory", () => {
  it("makes copies that do not change with the chunk or with each other", () => {
    const copies = new MessageMemory(0);
    const source = chunk.slice();
    const first = copies.take(source, 2, 12);
    const second = copies.take(source, 14, 30);
    source.fill(0);
    first.fill(255);
    expect(second).toEqual(chunk.slice(14, 30));
    expect(first.length).toBe(10);
  });

  it("lets the small messages of a chunk share a buffer, each at a multiple of 8 but 0", () => {
    const copies = new MessageMemory(0);
    const all = [copies.take(chunk, 2, 12), copies.take(chunk, 14, 30), copies.take(chunk, 32, 33)];
    expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(1);
    expect(all.map(({ byteOffset }) => byteOffset)).toEqual([8, 24, 40]);
  });

  it("makes no larger buffer for a single message than it needs", () => {
    const copies = new MessageMemory(0);
    expect(copies.take(chunk, 90, 100).buffer.byteLength).toBe(8 + 10);
  });

  it("lets messages of different chunks share nothing, and keeps no chunk's buffer", () => {
    const copies = new MessageMemory(0);
    const first = copies.take(chunk, 2, 12);
    copies.end();
    expect(copies.take(chunk, 14, 24).buffer).not.toBe(first.buffer);
  });

  it("uses another buffer if the gaps between messages leave too little room", () => {
    const copies = new MessageMemory(0);
    const pieces: Uint8Array[] = [];
    // Frames of a server have headers of 2 bytes, and messages of 1 byte take 8 of the buffer.
    for (let at = 2; at < 100; at += 3) pieces.push(copies.take(chunk, at, at + 1));
    expect(pieces.map(([byte]) => byte)).toEqual(Array.from({ length: 33 }, (_, i) => 2 + 3 * i));
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBeGreaterThan(1);
  });

  it("gives a large message a buffer of its own", () => {
    const copies = new MessageMemory(0);
    const large = new Uint8Array(8 * 1024 + 20).fill(7);
    const small = copies.take(large, 2, 12);
    const own = copies.take(large, 12, 12 + 8 * 1024);
    expect([own.byteOffset, own.buffer.byteLength]).toEqual([0, 8 * 1024]);
    expect(copies.take(large, large.length - 8, large.length).buffer).toBe(small.buffer);
  });

  it("gives a message a buffer of its own if that costs less", () => {
    const copies = new MessageMemory(10);
    const own = copies.take(chunk, 2, 12);
    expect([own.byteOffset, own.buffer.byteLength]).toEqual([0, 10]);
    expect(copies.take(chunk, 14, 25).byteOffset).toBe(8);
  });

  it("shares no buffers of more than 32 KiB", () => {
    const copies = new MessageMemory(0);
    expect(copies.take(new Uint8Array(256 * 1024), 2, 12).buffer.byteLength).toBe(8 + 32 * 1024);
  });

  it("copies an empty message", () => {
    const copies = new MessageMemory(0);
    expect(copies.take(chunk, 100, 100).length).toBe(0);
  });
});

describe("MessageMemory of a chunk that lies in memory of its own", () => {
  function begun(size: number, ownBufferSize = 0): [copies: MessageMemory, chunk: Uint8Array] {
    const own = Uint8Array.from({ length: size }, (_, i) => i);
    const copies = new MessageMemory(ownBufferSize);
    copies.begin(own);
    return [copies, own];
  }

  it("leaves messages in it, each at a multiple of 8", () => {
    const [copies, own] = begun(100);
    const first = copies.take(own, 8, 20);
    const second = copies.take(own, 28, 40);
    expect([first.buffer, second.buffer]).toEqual([own.buffer, own.buffer]);
    expect([first.byteOffset, second.byteOffset]).toEqual([8, 24]);
    expect(first).toEqual(chunk.slice(8, 20));
    expect(second).toEqual(chunk.slice(28, 40));
  });

  it("copies a message that could only be moved over the one before it", () => {
    const [copies, own] = begun(100);
    const first = copies.take(own, 2, 13);
    const second = copies.take(own, 15, 30);
    expect(first).toEqual(chunk.slice(2, 13));
    expect(second).toEqual(chunk.slice(15, 30));
    expect(second.buffer).not.toBe(own.buffer);
  });

  it("copies a message that has no room in front of it", () => {
    const copies = new MessageMemory(0);
    const own = Uint8Array.from({ length: 100 }, (_, i) => i).subarray(3);
    copies.begin(own);
    const message = copies.take(own, 2, 20);
    expect(message).toEqual(chunk.slice(5, 23));
    expect(message.buffer).not.toBe(own.buffer);
  });

  it("copies a message beside which more than 32 KiB would be kept", () => {
    const size = 1000;
    const [most, mostChunk] = begun(32 * 1024 + size);
    const [more, moreChunk] = begun(32 * 1024 + size + 1);
    expect(most.take(mostChunk, 8, 8 + size).buffer).toBe(mostChunk.buffer);
    expect(more.take(moreChunk, 8, 8 + size).buffer).not.toBe(moreChunk.buffer);
  });

  it("counts the bytes around the chunk if it is a part of an ArrayBuffer", () => {
    const copies = new MessageMemory(0);
    const part = new Uint8Array(64 * 1024).subarray(0, 100);
    copies.begin(part);
    expect(copies.take(part, 8, 20).buffer).not.toBe(part.buffer);
  });

  it("leaves a large message in it only if it is alone, since its buffer may be transferred", () => {
    const size = 8 * 1024;
    const [alone, aloneChunk] = begun(14 + size);
    expect(alone.take(aloneChunk, 14, 14 + size).byteOffset).toBe(8);
    const [followed, followedChunk] = begun(14 + size + 1);
    expect(followed.take(followedChunk, 14, 14 + size).buffer).not.toBe(followedChunk.buffer);
    const [second, secondChunk] = begun(40 + size);
    expect(second.take(secondChunk, 8, 20).buffer).toBe(secondChunk.buffer);
    expect(second.take(secondChunk, 40, 40 + size).buffer).not.toBe(secondChunk.buffer);
  });

  it("copies a message of another array, such as what was held back, and of a chunk that is done", () => {
    const [copies, own] = begun(100);
    const other = own.slice();
    expect(copies.take(other, 8, 20).buffer).not.toBe(other.buffer);
    copies.end();
    expect(copies.take(own, 8, 20).buffer).not.toBe(own.buffer);
  });

  it("gives small messages buffers of their own if that costs less", () => {
    const [copies, own] = begun(100, 12);
    expect(copies.take(own, 8, 20).buffer.byteLength).toBe(12);
  });
});
