import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memories } from "../support/byte-memories.ts";
import { type BytePromise, highPromises } from "../support/byte-promises.ts";
import { lowPromises } from "../support/byte-promises-low.ts";
import { difference } from "../support/flate.ts";
import { runtime } from "../support/runtime.ts";

/** What the doc comments promise about bytes: docs/bytes.md has the same table. */
const promises: readonly BytePromise[] = [...highPromises, ...lowPromises];

/** Text that begins with what rows put a header in place of, and that compresses by some. */
function contentOf(size: number): Uint8Array {
  const content = Uint8Array.from({ length: size }, (_, i) => 32 + ((i * 7 + (i >> 9)) & 63));
  content.set(Array.from("12345678", (digit) => digit.charCodeAt(0)).slice(0, size));
  return content;
}

describe.each(memories)(`promises about bytes, given $name, on ${runtime}`, ({ make }) => {
  it.each(promises)("$call: $word", async ({ run, size = 300 }) => {
    const content = contentOf(size);
    const { bytes, spoil } = make(content);
    const arrived = await run(bytes, spoil);
    expect([arrived.length, difference(arrived, content)]).toEqual([size, -1]);
  });
});

describe("docs/bytes.md", () => {
  it("has a row for each promise that is tested, and no other", () => {
    const page = readFileSync(new URL("../../docs/bytes.md", import.meta.url), "utf8");
    const rows = Array.from(page.matchAll(/^\| `(.*)` +\| (.*?) +\|$/gm), (row) => row.slice(1));
    expect(rows).toEqual(promises.map(({ call, word }) => [call, word]));
  });
});
