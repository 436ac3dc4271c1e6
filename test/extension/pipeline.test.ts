import { describe, expect, it } from "vitest";
import { LimitError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { Pipeline } from "../../src/extension/pipeline.ts";
import type { Transform } from "../../src/extension/extension.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";
import { counted } from "../support/frames.ts";

function shift(extension: ShiftExtension): Transform {
  return openSessions(extension)[0]!.send!.beginMessage!({
    opcode: 1,
    size: undefined,
    compress: true,
    cache: undefined,
  })!;
}

/** Takes a message through a transform to its end; gives what came out, and the turns that it took. */
function run(
  transform: Transform,
  extensions: readonly ShiftExtension[],
  message: Uint8Array,
  into = new BoundedBuffer(),
): { readonly bytes: Uint8Array; readonly turns: number } {
  let turns = 0;
  let isDone = transform.write(message, 0, message.length, true, into);
  while (!isDone) {
    let isReady = false;
    transform.whenReady(() => {
      isReady = true;
    });
    while (!isReady) for (const extension of extensions) extension.next();
    isDone = transform.goOn(into);
    turns++;
  }
  return { bytes: into.take(), turns };
}

describe("Pipeline", () => {
  it.each([
    ["in one call", Infinity, Infinity, 0],
    ["where the first works in slices", 3, Infinity, 3],
    ["where the second works in slices", Infinity, 4, 2],
    ["where both do", 5, 2, 5],
  ])("passes a message through both transforms %s", (_, slice1, slice2, turns) => {
    const extensions = [
      new ShiftExtension({ by: 1, slice: slice1 }),
      new ShiftExtension({ by: 10, slice: slice2 }),
    ];
    const [first, second] = extensions.map((extension) => shift(extension));
    const result = run(new Pipeline(first!, second!), extensions, counted(10));
    expect(result.bytes).toEqual(shifted(counted(10), 11));
    expect(result.turns).toBe(turns);
  });

  it("passes one message after the other, in pieces", () => {
    const pipeline = new Pipeline(
      shift(new ShiftExtension({ by: 1 })),
      shift(new ShiftExtension({ by: 2 })),
    );
    for (let round = 0; round < 2; round++) {
      const into = new BoundedBuffer();
      expect(pipeline.write(counted(6), 0, 2, false, into)).toBe(true);
      expect(pipeline.write(counted(6), 2, 6, true, into)).toBe(true);
      expect(into.take()).toEqual(shifted(counted(6), 3));
    }
  });

  it("tells the second transform the message's end once the first is done", () => {
    const ends: boolean[] = [];
    const first = new ShiftExtension({ slice: 2 });
    const second: Transform = {
      write: (bytes, start, end, isLast, into) => {
        into.add(bytes, start, end);
        ends.push(isLast);
        return true;
      },
      goOn: () => true,
      whenReady: () => {},
    };
    run(new Pipeline(shift(first), second), [first], counted(6));
    expect(ends).toEqual([false, false, true]);
  });

  it("keeps no more between the two than the limit of the whole", () => {
    const pipeline = new Pipeline(shift(new ShiftExtension()), shift(new ShiftExtension()));
    expect(() => pipeline.write(counted(9), 0, 9, true, new BoundedBuffer(8))).toThrow(LimitError);
  });
});
