import { describe, expect, it } from "vitest";
import { HistoryLog } from "../../../src/connection/backplane/log.ts";

const at = (offset: string, epoch = "e"): { epoch: string; offset: string } => ({ epoch, offset });

/** A log with as many messages as numbers: each of so many bytes. */
function newLog(most: number, mostBytes: number, ...sizes: number[]): HistoryLog {
  const log = new HistoryLog("e", most, mostBytes);
  for (const size of sizes) log.add(new Uint8Array(size));
  return log;
}

/** What is read: the offsets, and whether it is all. */
function read(log: HistoryLog, offset: string | undefined, epoch?: string): string {
  const page = log.read(offset === undefined ? undefined : at(offset, epoch));
  const offsets = page.entries.map(({ position }) => position.offset).join(" ");
  const rest = page.more ? ", more" : "";
  return `${page.complete ? "all" : "some"}: ${offsets}; ${page.position.offset}${rest}`;
}

describe("HistoryLog", () => {
  it("gives the messages after a position", () => {
    const log = newLog(10, Infinity, 1, 1, 1);
    expect(read(log, "0")).toBe("all: 1 2 3; 3");
    expect(read(log, "2")).toBe("all: 3; 3");
    expect(read(log, "3")).toBe("all: ; 3");
    expect(read(log, undefined)).toBe("all: ; 3");
    expect(log.position).toEqual(at("3"));
  });

  it("keeps at most maxMessages messages, and says if some are missing", () => {
    const log = newLog(2, Infinity, 1, 1, 1, 1);
    expect(read(log, "2")).toBe("all: 3 4; 4");
    expect(read(log, "1")).toBe("some: 3 4; 4");
    for (let at = 0; at < 1000; at++) log.add(new Uint8Array(1));
    expect(read(log, "1002")).toBe("all: 1003 1004; 1004");
  });

  it("keeps at most maxBytes bytes, apart from the newest message", () => {
    expect(read(newLog(10, 10, 4, 4, 4), "0")).toBe("some: 2 3; 3");
    expect(read(newLog(10, 10, 4, 40), "0")).toBe("some: 2; 2");
  });

  it.each([
    ["of another epoch", "1", "f"],
    ["behind the newest", "9", "e"],
    ["that is none", "1-1", "e"],
  ])(
    "gives all that it keeps for a position %s, and says that some may be missing",
    (_, offset, epoch) => {
      expect(read(newLog(10, Infinity, 1, 1), offset, epoch)).toBe("some: 1 2; 2");
    },
  );

  it("gives pages of 256", () => {
    const log = newLog(1000, Infinity, ...Array.from({ length: 300 }, () => 1));
    expect(log.read(at("0"))).toMatchObject({ position: at("256"), more: true });
    expect(log.read(at("256"))).toMatchObject({ position: at("300"), more: false });
  });

  it("is empty at first", () => {
    expect(read(newLog(10, Infinity), "0")).toBe("all: ; 0");
  });
});
