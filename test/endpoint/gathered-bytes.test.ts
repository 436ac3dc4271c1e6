import { describe, expect, it } from "vitest";
import { GatheredBytes, largestWrite, sharedFrom } from "../../src/endpoint/gathered-bytes.ts";
import { largestGathered } from "../../src/endpoint/pool.ts";
import { counted } from "../support/frames.ts";

/** Adds `size` bytes of one value, as a frame. */
function add(bytes: GatheredBytes, value: number, size: number): void {
  const at = bytes.reserve(size);
  bytes.active!.fill(value, at, at + size);
  bytes.commit(size);
}

/** What leaves until nothing waits: a text for each write, of runs such as "3×1". */
function writesOf(bytes: GatheredBytes): string[] {
  const writes: string[] = [];
  for (let chunk = bytes.lend(); chunk !== undefined; chunk = bytes.lend()) {
    const runs: [count: number, value: number][] = [];
    for (const value of chunk) {
      const last = runs.at(-1);
      if (last?.[1] === value) last[0]++;
      else runs.push([1, value]);
    }
    writes.push(runs.map((run) => run.join("×")).join(" "));
    bytes.giveBack();
  }
  return writes;
}

describe("GatheredBytes", () => {
  it("lends what was added in one write, in its order, and counts it until it is given back", () => {
    const bytes = new GatheredBytes();
    expect(bytes.lend()).toBeUndefined();
    add(bytes, 1, 3);
    add(bytes, 2, 2);
    expect([bytes.unsent, bytes.lent]).toEqual([5, 0]);
    expect(bytes.lentPiece).toBeUndefined();
    expect([...bytes.lend()!]).toEqual([1, 1, 1, 2, 2]);
    expect([bytes.unsent, bytes.lent, bytes.lentPiece!.isPooled]).toEqual([5, 5, true]);
    bytes.giveBack();
    expect([bytes.unsent, bytes.lent]).toEqual([0, 0]);
    expect(bytes.lentPiece).toBeUndefined();
    expect(() => {
      bytes.giveBack();
    }).toThrow(TypeError);
  });

  it("makes another write where more would be gathered than fits into one", () => {
    const bytes = new GatheredBytes();
    add(bytes, 1, largestGathered - 1);
    add(bytes, 2, 1);
    add(bytes, 3, 1);
    expect(writesOf(bytes)).toEqual([`${largestGathered - 1}×1 1×2`, "1×3"]);
  });

  it("lends a large frame in parts", () => {
    const bytes = new GatheredBytes();
    add(bytes, 1, largestWrite + 5);
    add(bytes, 2, 1);
    expect(writesOf(bytes)).toEqual([`${largestWrite}×1`, "5×1", "1×2"]);
  });

  it("leaves bytes out in front of what begins a buffer, and does not count them", () => {
    const bytes = new GatheredBytes();
    expect(bytes.reserve(3, 7)).toBe(7);
    bytes.commit(3);
    expect([bytes.unsent, bytes.lend()!.length]).toEqual([3, 3]);
  });
});

describe("GatheredBytes.addUrgent()", () => {
  it("puts bytes in front of what waits, in their order", () => {
    const bytes = new GatheredBytes();
    add(bytes, 1, 2);
    bytes.addUrgent(Uint8Array.of(8));
    bytes.addUrgent(Uint8Array.of(9));
    expect(bytes.unsent).toBe(4);
    expect(writesOf(bytes)).toEqual(["1×8", "1×9", "2×1"]);
  });

  it("puts them behind what nothing may overtake", () => {
    const bytes = new GatheredBytes();
    add(bytes, 1, 2);
    bytes.isActiveFirst = true;
    bytes.addUrgent(Uint8Array.of(9));
    add(bytes, 3, 1);
    expect(writesOf(bytes)).toEqual(["2×1", "1×9", "1×3"]);
  });

  it("puts them behind the write under way", () => {
    const bytes = new GatheredBytes();
    add(bytes, 1, 2);
    bytes.lend();
    add(bytes, 2, 1);
    bytes.addUrgent(Uint8Array.of(9));
    bytes.giveBack();
    expect(writesOf(bytes)).toEqual(["1×9", "1×2"]);
  });
});

describe("GatheredBytes.addShared()", () => {
  it("lends the frame as it lies where it is alone", () => {
    const bytes = new GatheredBytes();
    const frame = counted(10);
    bytes.addShared(frame);
    expect(bytes.lend()!.buffer).toBe(frame.buffer);
    expect(bytes.lentPiece?.isPooled).toBe(false);
  });

  it.each([sharedFrom - 1, sharedFrom])("leaves with what is around it: %i bytes", (size) => {
    const bytes = new GatheredBytes();
    const frame = new Uint8Array(size).fill(2);
    add(bytes, 1, 1);
    bytes.lend();
    bytes.addShared(frame);
    add(bytes, 3, 1);
    bytes.addShared(frame);
    bytes.giveBack();
    expect(writesOf(bytes)).toEqual([`${size}×2 1×3 ${size}×2`]);
    expect(frame.every((byte) => byte === 2)).toBe(true);
  });
});

describe("GatheredBytes.leavesNext()", () => {
  it("is true while all that was gathered leaves with the next write", () => {
    const bytes = new GatheredBytes();
    expect(bytes.leavesNext(largestGathered)).toBe(true);
    add(bytes, 1, 1);
    expect(bytes.leavesNext(largestGathered)).toBe(false);
    expect(bytes.leavesNext(largestGathered - 1)).toBe(true);
  });

  it.each<[what: string, prepare: (bytes: GatheredBytes) => void]>([
    ["a write is under way", (bytes) => void (add(bytes, 1, 1), bytes.lend())],
    [
      "something urgent waits",
      (bytes) => {
        bytes.addUrgent(Uint8Array.of(1));
      },
    ],
    [
      "a large shared frame waits",
      (bytes) => {
        bytes.addShared(new Uint8Array(sharedFrom));
      },
    ],
    [
      "a full buffer waits",
      (bytes) => {
        add(bytes, 1, largestGathered);
        add(bytes, 1, 1);
      },
    ],
  ])("is false while %s", (_, prepare) => {
    const bytes = new GatheredBytes();
    prepare(bytes);
    expect(bytes.leavesNext(1)).toBe(false);
  });
});

describe("GatheredBytes.whenTaken()", () => {
  /** Watches what is gathered so far. */
  function watch(bytes: GatheredBytes, name: string, told: string[]): void {
    bytes.whenTaken({
      onTaken: () => void told.push(`${name} taken`),
      onLost: () => void told.push(`${name} lost`),
    });
  }

  it("tells of what was gathered by then, once it is given back", () => {
    const bytes = new GatheredBytes();
    const told: string[] = [];
    watch(bytes, "nothing", told);
    add(bytes, 1, 1);
    watch(bytes, "a", told);
    bytes.lend();
    watch(bytes, "lent", told);
    add(bytes, 2, 1);
    watch(bytes, "b", told);
    bytes.giveBack();
    expect(told).toEqual(["nothing taken", "a taken", "lent taken"]);
    writesOf(bytes);
    expect(told.at(-1)).toBe("b taken");
  });

  it("tells that what waits is lost with clear(), and what is lent with abandon()", () => {
    const bytes = new GatheredBytes();
    const told: string[] = [];
    add(bytes, 1, largestWrite + 1);
    watch(bytes, "a", told);
    bytes.lend();
    add(bytes, 2, 1);
    watch(bytes, "b", told);
    bytes.clear();
    expect([told, bytes.unsent]).toEqual([["b lost", "a lost"], largestWrite]);
    watch(bytes, "part", told);
    bytes.abandon();
    expect([told.at(-1), bytes.unsent, bytes.lentPiece]).toEqual(["part lost", 0, undefined]);
    expect(bytes.lend()).toBeUndefined();
  });
});
