import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { BodySource } from "../../../src/connection/http/body-source.ts";
import { resumed, whole } from "../../../src/connection/http/whole-body.ts";

type Next = ReturnType<BodySource["next"]>;

/** A source whose pieces are given by functions, which are called in turn. */
function sourceOf(
  ...pieces: readonly (() => Next)[]
): BodySource & { asked: number; reason: unknown } {
  return {
    asked: 0,
    reason: undefined,
    next() {
      return pieces[this.asked++]?.();
    },
    cancel(reason) {
      this.reason = reason;
    },
  };
}

const now = (text: string) => () => encodeUtf8(text);
const soon = (text: string) => () => Promise.resolve(encodeUtf8(text));

/** Resolves after so many steps of the microtask queue. */
async function after(steps: number, text?: string): Promise<Uint8Array | undefined> {
  for (let step = 0; step < steps; step++) await undefined;
  return text === undefined ? undefined : encodeUtf8(text);
}

async function textOf(content: Uint8Array | BodySource): Promise<string> {
  if (content instanceof Uint8Array) return new TextDecoder().decode(content);
  let text = "";
  for (;;) {
    const piece = await content.next();
    if (piece === undefined) return text;
    text += new TextDecoder().decode(piece);
  }
}

describe("whole()", () => {
  it.each([
    ["nothing", sourceOf(), ""],
    ["one piece that is there", sourceOf(now("a")), "a"],
    ["pieces that are there, or come at once", sourceOf(now("a"), soon("b"), now("c")), "abc"],
    [
      "pieces that take a few steps",
      sourceOf(
        () => after(8, "a"),
        () => after(8),
      ),
      "a",
    ],
  ])("gives the bytes of %s", async (_, source, text) => {
    const content = await whole(source);
    expect(content).toBeInstanceOf(Uint8Array);
    expect(await textOf(content)).toBe(text);
  });

  it("gives the bytes of sixteen pieces, and a source from the seventeenth on", async () => {
    const pieces = Array.from("abcdefghijklmnop", soon);
    expect(await textOf(await whole(sourceOf(...pieces)))).toBe("abcdefghijklmnop");
    const source = sourceOf(...pieces, now("q"), soon("r"));
    const content = await whole(source);
    expect([content, source.asked]).toEqual([expect.any(Object), 17]);
    expect(content).not.toBeInstanceOf(Uint8Array);
    expect(await textOf(content)).toBe("abcdefghijklmnopqr");
  });

  it("gives a source once a piece takes longer, which gives it and all others once", async () => {
    const source = sourceOf(now("a"), () => after(40, "b"), soon("c"));
    const content = (await whole(source)) as BodySource;
    expect(source.asked).toBe(2);
    expect(await textOf(content)).toBe("abc");
    content.cancel("why");
    expect(source.reason).toBe("why");
  });

  it.each([
    ["at once", [() => Promise.reject(new Error("no"))]],
    ["behind a piece", [now("a"), () => Promise.reject(new Error("no"))]],
    [
      "by throwing",
      [
        (): never => {
          throw new Error("no");
        },
      ],
    ],
    [
      "by throwing behind a piece that was awaited",
      [
        soon("a"),
        (): never => {
          throw new Error("no");
        },
      ],
    ],
  ])("rejects if the source fails %s", async (_, pieces) => {
    await expect(whole(sourceOf(...(pieces as (() => Next)[])))).rejects.toThrow("no");
  });

  it("leaves a later failure to who reads on", async () => {
    const source = sourceOf(now("a"), async () => {
      await after(40);
      throw new Error("late");
    });
    const content = (await whole(source)) as BodySource;
    await after(60);
    expect(content.next()).toEqual(encodeUtf8("a"));
    await expect(content.next()).rejects.toThrow("late");
  });
});

describe("resumed()", () => {
  it("gives the pieces, what came next, and then what the source gives", async () => {
    const source = sourceOf(now("c"));
    const content = resumed(source, [encodeUtf8("a")], encodeUtf8("b"));
    expect(await textOf(content)).toBe("abc");
    expect(source.asked).toBe(2);
  });
});
