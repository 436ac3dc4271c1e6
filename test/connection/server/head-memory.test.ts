import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { keepHead } from "../../../src/connection/server/head-memory.ts";
import type { Head } from "../../../src/http/head.ts";
import { HeadParser } from "../../../src/http/parser.ts";

/** A head that begins at index 3 of its bytes. */
function parsed(target: string): { head: Head; bytes: Uint8Array } {
  const bytes = encodeUtf8(`...GET ${target} HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n`);
  const parser = new HeadParser("request");
  parser.feed(bytes, 3);
  return { head: parser.head, bytes };
}

function linesOf(head: Head): unknown[] {
  return [head.method, head.target, head.find("x"), ...head.entries()];
}

describe("keepHead()", () => {
  it("keeps heads readable when their bytes are gone, many in one array", () => {
    const kept = Array.from({ length: 300 }, (_, i) => {
      const { head, bytes } = parsed(`/${i}`);
      const before = linesOf(head);
      keepHead(head);
      bytes.fill(0);
      return { head, before };
    });
    for (const { head, before } of kept) expect(linesOf(head)).toEqual(before);
    const arrays = new Set(kept.map(({ head }) => head.bytes));
    expect(arrays.size).toBeLessThan(10);
    for (const array of arrays) expect(array.length).toBe(8192);
  });

  it("gives a large head an array of its own", () => {
    const { head } = parsed(`/${"a".repeat(2000)}`);
    keepHead(head);
    expect(head.bytes.length).toBe(head.size);
  });
});
