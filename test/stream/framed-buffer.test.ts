import { describe, expect, it } from "vitest";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newHeader } from "../../src/frame/header.ts";
import { FramedBuffer } from "../../src/stream/framed-buffer.ts";
import { binary, counted, hex } from "../support/frames.ts";

/** The header of a frame with what a buffer holds. */
function headerOf(buffer: FramedBuffer, fin = true) {
  const header = newHeader(2, buffer.size);
  header.fin = fin;
  return header;
}

describe("FramedBuffer", () => {
  it.each([1, 125, 126, 0xffff, 0x10000])("has room for a header and %i bytes", (size) => {
    const header = size < 126 ? 2 : size < 0x10000 ? 4 : 10;
    const buffer = new FramedBuffer(StateServerSide, new Uint8Array(header + size));
    expect([buffer.capacity, buffer.available, buffer.size]).toEqual([size, size, 0]);
    buffer.add(counted(size), 0, size);
    expect([buffer.capacity, buffer.available, buffer.size]).toEqual([size, 0, size]);
    expect(buffer.take(headerOf(buffer))).toEqual(binary(counted(size)));
    expect([buffer.capacity, buffer.available, buffer.size]).toEqual([size, size, 0]);
  });

  it("puts the header right in front of the payload, however short", () => {
    const memory = new Uint8Array(1000);
    const buffer = new FramedBuffer(StateServerSide, memory);
    buffer.add(hex("aabbcc"), 1, 3);
    const frame = buffer.take(headerOf(buffer));
    expect(frame).toEqual(hex("8202bbcc"));
    expect(frame.buffer).toBe(memory.buffer);
    expect(frame.byteOffset).toBe(2);
  });

  it("masks if the header says so, with more room in front", () => {
    const buffer = new FramedBuffer(StateClientSide, new Uint8Array(8));
    expect(buffer.capacity).toBe(2);
    buffer.add(hex("aabb"), 0, 2);
    const header = headerOf(buffer);
    header.masked = true;
    header.maskKey = 0x04_03_02_01;
    expect(buffer.take(header)).toEqual(hex("828201020304abb9"));
  });

  it.each([
    [StateServerSide, 2],
    [StateClientSide, 6],
  ])("refuses a buffer without room for a byte: state %i", (state, size) => {
    expect(() => new FramedBuffer(state, new Uint8Array(size))).toThrow(RangeError);
    expect(new FramedBuffer(state, new Uint8Array(size + 1)).capacity).toBe(1);
  });

  it("grows with its content, to twice its size at least", () => {
    const buffer = new FramedBuffer(StateServerSide, new Uint8Array(12));
    buffer.add(counted(10), 0, 10);
    buffer.grow(1);
    expect([buffer.capacity, buffer.size]).toEqual([20, 10]);
    buffer.grow(90);
    expect([buffer.capacity, buffer.size]).toEqual([100, 10]);
    expect(buffer.take(headerOf(buffer))).toEqual(binary(counted(10)));
  });

  it("drops memory of more than 64 KiB at the end of a message, unless it is kept", () => {
    for (const isKept of [false, true]) {
      const buffer = new FramedBuffer(StateServerSide, new Uint8Array(12));
      buffer.grow(100_000);
      if (isKept) buffer.keep();
      buffer.take(headerOf(buffer, false));
      expect(buffer.capacity).toBe(100_000);
      buffer.take(headerOf(buffer));
      expect(buffer.capacity).toBe(isKept ? 100_000 : 10);
    }
  });

  it("keeps a smaller one that has grown, and drops it with reset()", () => {
    const buffer = new FramedBuffer(StateServerSide, new Uint8Array(12));
    buffer.grow(100);
    buffer.take(headerOf(buffer));
    expect(buffer.capacity).toBe(100);
    buffer.add(counted(3), 0, 3);
    buffer.reset(StateClientSide);
    expect([buffer.capacity, buffer.size]).toEqual([6, 0]);
  });

  it("leaves its memory to others with replace()", () => {
    const memory = new Uint8Array(12);
    const buffer = new FramedBuffer(StateServerSide, memory);
    buffer.replace();
    buffer.add(counted(10), 0, 10);
    expect(buffer.take(headerOf(buffer))).toEqual(binary(counted(10)));
    expect(memory.every((byte) => byte === 0)).toBe(true);
  });
});
