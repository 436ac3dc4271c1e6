import { expect, it } from "vitest";
import { lentSize, restOf } from "../../src/io/rest.ts";
import { resizable } from "../support/byte-memories.ts";

it("gives the bytes from an index on, and the array itself from 0 on", () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4);
  expect(restOf("from", bytes, 0, 5)).toBe(bytes);
  expect([...restOf("from", bytes, 3, 5)]).toEqual([3, 4]);
});

it("omits bytes by which an array has grown", () => {
  const buffer = resizable(4);
  const bytes = new Uint8Array(buffer);
  buffer.resize(8);
  expect(restOf("from", bytes, 0, 4)).toHaveLength(4);
});

it("refuses an array that has shrunk, or whose buffer was transferred", () => {
  const buffer = resizable(4);
  const bytes = new Uint8Array(buffer);
  buffer.resize(1);
  expect(() => restOf("into", bytes, 1, 4)).toThrow(
    new TypeError("into was detached or shrunk while it was lent: 1 of 4 bytes are left"),
  );
  const moved = new Uint8Array(4);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  expect(() => restOf("from", moved, 0, 4)).toThrow(
    new TypeError("from was detached or shrunk while it was lent: 0 of 4 bytes are left"),
  );
});

it("gives the size of a lent array, and refuses a value that is no array or is detached", () => {
  expect([lentSize("from", new Uint8Array(3)), lentSize("from", new Uint8Array(0))]).toEqual([
    3, 0,
  ]);
  expect(() => lentSize("from", "abc" as never)).toThrow(
    new TypeError("from must be a Uint8Array: String"),
  );
  const moved = new Uint8Array(4);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  expect(() => lentSize("into", moved)).toThrow(TypeError);
});

it("recognizes a detached array even in hot code that has met resizable buffers", () => {
  const plain = [new Uint8Array(0), new Uint8Array(9), new Uint8Array(resizable(4))];
  for (let round = 0; round < 200_000; round++) lentSize("from", plain[round % 3]!);
  for (let round = 0; round < 200_000; round++) restOf("from", plain[1 + (round % 2)]!, 0, 4);
  const moved = new Uint8Array(4);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  expect(() => lentSize("from", moved)).toThrow(TypeError);
  expect(() => restOf("from", moved, 0, 4)).toThrow(TypeError);
});
