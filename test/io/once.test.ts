import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { ByteReader, ByteWriter } from "../../src/io/byte-stream.ts";
import { readCount, readOnce, writeCount, writeOnce } from "../../src/io/once.ts";
import { failure } from "../support/streams.ts";

/** Counts that come later, in all the ways of plain JavaScript. */
const laters: [what: string, later: (count: unknown) => unknown][] = [
  ["a promise", (count) => Promise.resolve(count)],
  ["a promise of another realm", (count) => runInNewContext("Promise.resolve(count)", { count })],
  ["a thenable", (count) => ({ then: (done: (count: unknown) => void) => done(count) })],
  ["a promise of a subclass", (count) => class extends Promise<unknown> {}.resolve(count)],
];

const room = new Uint8Array(4);

const reader = (read: () => unknown): ByteReader => ({ read: read as ByteReader["read"] });
const writer = (write: () => unknown): ByteWriter => ({ write: write as ByteWriter["write"] });

/** What is no count of up to 4 bytes. */
const wrong: unknown[] = [5, -1, 0.5, NaN, Infinity, "4", true, {}, undefined, 4n];

describe("readOnce()", () => {
  it.each([
    [0, 0],
    [4, 4],
    [null, 0],
  ])("gives the count at once if it is there: %s", (given, count) => {
    expect(
      readOnce(
        reader(() => given),
        room,
      ),
    ).toBe(count);
  });

  it.each(laters)("gives a promise of this realm for %s", async (_, later) => {
    const promise = readOnce(
      reader(() => later(3)),
      room,
    );
    expect(promise).toBeInstanceOf(Promise);
    expect(readCount(await promise, room.length)).toBe(3);
  });

  it.each(wrong)("refuses a count that exceeds the room, or is no number: %s", async (given) => {
    const error = await failure(() =>
      readOnce(
        reader(() => given),
        room,
      ),
    );
    expect(error).toMatchObject({ code: "FAILED" });
    expect(String((error as Error).cause)).toMatch(
      /^TypeError: read\(\) must give an integer from 0 to 4, or null: /,
    );
    expect(await failure(() => readCount(given, 4))).toMatchObject({ code: "FAILED" });
  });
});

describe("writeOnce()", () => {
  it("gives the count at once if it is there", () => {
    expect(
      [1, 4].map((count) =>
        writeOnce(
          writer(() => count),
          room,
        ),
      ),
    ).toEqual([1, 4]);
  });

  it.each(laters)("gives a promise of this realm for %s", async (_, later) => {
    const promise = writeOnce(
      writer(() => later(3)),
      room,
    );
    expect(promise).toBeInstanceOf(Promise);
    expect(writeCount(await promise, room.length)).toBe(3);
  });

  it.each([...wrong, 0, null])(
    "refuses a count that exceeds the given bytes, or is no number: %s",
    async (given) => {
      const error = await failure(() =>
        writeOnce(
          writer(() => given),
          room,
        ),
      );
      expect(error).toMatchObject({ code: "FAILED" });
      expect(String((error as Error).cause)).toMatch(
        /^TypeError: write\(\) must give an integer from 1 to 4: /,
      );
    },
  );
});
