import { describe, expect, it } from "vitest";
import { inline, mostInline } from "../../../adapters/postgres/payload.ts";

describe("mostInline", () => {
  it("is the largest payload that PostgreSQL takes, which is less than 8 000 bytes", () => {
    const size = (bytes: number): number =>
      inline.length + Buffer.from(new Uint8Array(bytes)).toString("base64").length;
    expect(size(mostInline)).toBeLessThan(8000);
    expect(size(mostInline + 1)).toBeGreaterThanOrEqual(8000);
  });
});
