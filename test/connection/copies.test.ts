import { describe, expect, it } from "vitest";
import { ChunkCopies } from "../../src/connection/copies.ts";

const chunk = Uint8Array.from({ length: 100 }, (_, i) => i);

describe("ChunkCopies", () => {
  it("copies: neither the chunk nor another copy changes with one", () => {
    const copies = new ChunkCopies(0);
    const source = chunk.slice();
    const first = copies.copy(source, 2, 12);
    const second = copies.copy(source, 14, 30);
    source.fill(0);
    first.fill(255);
    expect(second).toEqual(chunk.slice(14, 30));
    expect(first.length).toBe(10);
  });

  it("lets the small messages of a chunk share a buffer, each at a multiple of 8 but 0", () => {
    const copies = new ChunkCopies(0);
    const all = [copies.copy(chunk, 2, 12), copies.copy(chunk, 14, 30), copies.copy(chunk, 32, 33)];
    expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(1);
    expect(all.map(({ byteOffset }) => byteOffset)).toEqual([8, 24, 40]);
  });

  it("makes of a lone message no larger a buffer than it needs", () => {
    const copies = new ChunkCopies(0);
    expect(copies.copy(chunk, 90, 100).buffer.byteLength).toBe(8 + 10);
  });

  it("lets messages of different chunks share nothing, and keeps no chunk's buffer", () => {
    const copies = new ChunkCopies(0);
    const first = copies.copy(chunk, 2, 12);
    copies.end();
    expect(copies.copy(chunk, 14, 24).buffer).not.toBe(first.buffer);
  });

  it("takes another buffer where the gaps between messages leave too little room", () => {
    const copies = new ChunkCopies(0);
    const pieces: Uint8Array[] = [];
    // Frames of a server have headers of 2 bytes, and messages of 1 byte take 8 of the buffer.
    for (let at = 2; at < 100; at += 3) pieces.push(copies.copy(chunk, at, at + 1));
    expect(pieces.map(([byte]) => byte)).toEqual(Array.from({ length: 33 }, (_, i) => 2 + 3 * i));
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBeGreaterThan(1);
  });

  it("gives a large message a buffer of its own", () => {
    const copies = new ChunkCopies(0);
    const large = new Uint8Array(8 * 1024 + 20).fill(7);
    const small = copies.copy(large, 2, 12);
    const own = copies.copy(large, 12, 12 + 8 * 1024);
    expect([own.byteOffset, own.buffer.byteLength]).toEqual([0, 8 * 1024]);
    expect(copies.copy(large, large.length - 8, large.length).buffer).toBe(small.buffer);
  });

  it("gives a message a buffer of its own where that costs less", () => {
    const copies = new ChunkCopies(10);
    const own = copies.copy(chunk, 2, 12);
    expect([own.byteOffset, own.buffer.byteLength]).toEqual([0, 10]);
    expect(copies.copy(chunk, 14, 25).byteOffset).toBe(8);
  });

  it("copies an empty message", () => {
    const copies = new ChunkCopies(0);
    expect(copies.copy(chunk, 100, 100).length).toBe(0);
  });
});
