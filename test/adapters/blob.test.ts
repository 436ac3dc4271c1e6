import { describe, expect, it } from "vitest";
import { isBlob } from "../../adapters/blob.ts";

describe("isBlob()", () => {
  it.each([
    [new Blob([]), true],
    [new File([], "a"), true],
    [{ arrayBuffer() {}, [Symbol.toStringTag]: "File" }, true],
    [{ arrayBuffer() {}, size: 1 }, false],
    [{ [Symbol.toStringTag]: "Blob" }, false],
    [new Uint8Array(1), false],
    ["text", false],
    [null, false],
    [undefined, false],
  ])("tells of %o whether it is a Blob: %o", (data, expected) => {
    expect(isBlob(data)).toBe(expected);
  });
});
