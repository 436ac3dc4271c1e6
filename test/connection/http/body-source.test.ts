import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { type BodySource, isSource, sourceOf } from "../../../src/connection/http/body-source.ts";

async function gathered(source: BodySource): Promise<unknown[]> {
  const pieces: unknown[] = [];
  for (;;) {
    const piece = await source.next();
    if (piece === undefined) return pieces;
    pieces.push(piece);
  }
}

/** An async iterable whose iterator is `iterator`. */
function iterable(iterator: Partial<AsyncIterator<string>>): AsyncIterable<string> {
  return { [Symbol.asyncIterator]: () => iterator as AsyncIterator<string> };
}

describe("isSource()", () => {
  it("says yes to async iterables and streams", () => {
    expect(isSource((async function* () {})())).toBe(true);
    expect(isSource(new ReadableStream())).toBe(true);
    expect(isSource({ getReader() {} })).toBe(true);
  });

  it.each([undefined, null, "a", 7, {}, [], new Uint8Array(1), { getReader: true }])(
    "says no to %j",
    (value) => {
      expect(isSource(value)).toBe(false);
    },
  );
});

describe("sourceOf()", () => {
  it("gives the pieces of an async iterable as bytes", async () => {
    const source = sourceOf(
      (async function* () {
        yield "\u20ac";
        yield Uint8Array.of(1);
      })(),
    );
    expect(await gathered(source)).toEqual([encodeUtf8("\u20ac"), Uint8Array.of(1)]);
  });

  it("gives the pieces of a stream as bytes", async () => {
    const stream = new ReadableStream<string | Uint8Array>({
      start(controller) {
        controller.enqueue("a");
        controller.enqueue(Uint8Array.of(1));
        controller.close();
      },
    });
    expect(await gathered(sourceOf(stream))).toEqual([encodeUtf8("a"), Uint8Array.of(1)]);
  });

  it.each([7, null, undefined, ["a"]])("fails at the piece %j", async (piece) => {
    const source = sourceOf(
      (async function* () {
        yield piece as unknown as string;
      })(),
    );
    await expect(source.next()).rejects.toThrow(TypeError);
  });

  it("throws if a stream is locked", () => {
    const stream = new ReadableStream<string>();
    stream.getReader();
    expect(() => sourceOf(stream)).toThrow(TypeError);
  });

  it("cancels a stream with the reason", () => {
    let told: unknown;
    const stream = new ReadableStream<string>({
      cancel(reason) {
        told = reason;
        throw new Error("late");
      },
    });
    sourceOf(stream).cancel("gone");
    expect(told).toBe("gone");
  });

  it.each<[how: string, iterator: Partial<AsyncIterator<string>>]>([
    ["has no return", {}],
    [
      "throws in return",
      {
        return() {
          throw new Error("late");
        },
      },
    ],
    ["rejects in return", { return: () => Promise.reject(new Error("late")) }],
  ])("cancels an iterator that %s", (_, iterator) => {
    expect(() => {
      sourceOf(iterable(iterator)).cancel("gone");
    }).not.toThrow();
  });
});
