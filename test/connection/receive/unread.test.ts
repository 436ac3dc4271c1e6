import { describe, expect, it } from "vitest";
import { mostUnread, overhead, Unread } from "../../../src/connection/receive/unread.ts";

/** A count, and what it has told. */
function newUnread(mark: number): { unread: Unread; lines: string[] } {
  const lines: string[] = [];
  const unread = new Unread(
    { onFull: () => void lines.push("full"), onRoom: () => void lines.push("room") },
    mark,
  );
  return { unread, lines };
}

describe("what is unread", () => {
  it("is enough from the mark on, what each thing costs beside its bytes included", () => {
    const { unread, lines } = newUnread(1000);
    unread.add(500 - overhead);
    unread.add(499 - overhead);
    expect([unread.isFull, lines]).toEqual([false, []]);
    unread.add(1 - overhead);
    expect([unread.isFull, lines]).toEqual([true, ["full"]]);
  });

  it("has room again when half of it is read, and not before", () => {
    const { unread, lines } = newUnread(1000);
    for (const size of [500, 400, 100]) unread.add(size - overhead);
    unread.remove(100 - overhead);
    unread.remove(399 - overhead);
    expect([unread.isFull, lines]).toEqual([true, ["full"]]);
    unread.remove(1 - overhead);
    expect([unread.isFull, lines]).toEqual([false, ["full", "room"]]);
  });

  it("reports each change once, however much follows, and again the next time", () => {
    const { unread, lines } = newUnread(1000);
    for (let i = 0; i < 3; i++) unread.add(1000);
    for (let i = 0; i < 3; i++) unread.remove(1000);
    expect(lines).toEqual(["full", "room"]);
    unread.add(1000);
    expect(lines).toEqual(["full", "room", "full"]);
  });

  it("is enough even if it is many empty messages, since those are not free", () => {
    const { unread, lines } = newUnread(10 * overhead);
    for (let i = 0; i < 9; i++) unread.add(0);
    expect(lines).toEqual([]);
    unread.add(0);
    expect(lines).toEqual(["full"]);
  });

  it("is enough at a number of things, however large the mark is, until half of them are read", () => {
    const { unread, lines } = newUnread(Infinity);
    for (let i = 1; i < mostUnread; i++) unread.add(0);
    expect(lines).toEqual([]);
    unread.add(0);
    expect(lines).toEqual(["full"]);
    for (let i = 1; i < mostUnread / 2; i++) unread.remove(0);
    expect(lines).toEqual(["full"]);
    unread.remove(0);
    expect(lines).toEqual(["full", "room"]);
  });

  it("makes no room by its number while its bytes are too many", () => {
    const { unread, lines } = newUnread(1000);
    unread.add(2000);
    for (let i = 0; i < 10; i++) unread.add(0);
    for (let i = 0; i < 10; i++) unread.remove(0);
    expect(lines).toEqual(["full"]);
    unread.remove(2000);
    expect(lines).toEqual(["full", "room"]);
  });
});
